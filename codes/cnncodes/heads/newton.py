"""The last steps of a fit: gradients in float64, and what is divided by the curvature in float32.

Newton's method with conjugate gradients inside (J. Nocedal and S. Wright, "Numerical Optimization", 2nd
edition, 2006, algorithm 7.1). A step need not be known to more digits than it gains, so most products with
the rows are in float32, which take half the time; where it ends, gradients in float64 say.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.curvature import Covariance, Curvature
from cnncodes.heads.descent import Descent, Minimum
from cnncodes.heads.losses import Loss
from cnncodes.heads.products import Map, Products

Array = npt.NDArray[Any]

#: Conjugate gradients end where the last steps, so many, gained no more than this share of all of them.
_LOOKED_BACK, _LOOSEST = 5, 0.1
#: The curvature that is known beforehand tells what is left to within a factor of a few.
_SURE = 0.25
#: What is left of a gradient, squared and as a share, is rounding in float64.
_NOTHING = 1e-30
#: A value is above the least one by so little, as a share, that rounding may keep it from falling further.
_UNTOLD = 1e-12


class Newton(Descent):
    """Ends a descent: goes on from where that was left in float32.

    Parameters
    ----------
    X : float64 ``[n, D]``
        Scaled rows.
    centred : float32 ``[n, D]``
        Those less their weighted mean.
    start : Minimum
        Weights, and intercepts of centred rows.
    loss, covariance, excess, max_iter
        As of `Descent`. Steps of conjugate gradients count.
    run : callable
        As of `Products`.
    """

    def __init__(
        self,
        X: Array,
        centred: Array,
        loss: Loss,
        start: Minimum,
        covariance: Covariance,
        *,
        excess: float,
        max_iter: int,
        run: Map = map,
    ) -> None:
        super().__init__(
            X,
            loss,
            len(start.coef),
            covariance,
            penalizes_intercept=False,
            excess=excess,
            max_iter=max_iter,
            run=run,
        )
        self._rough = Products(centred, np.zeros(X.shape[1]), run)
        self._at = np.column_stack([start.coef, start.intercept])
        self._decision = self._decide(self._at)
        self._point = loss.at(self._decision)
        self._pull = self._pull_of(self._point)

    def _minimise(self, penalty: float) -> tuple[int, bool]:
        curvature, n_iter, before = self._curvature(penalty), 0, np.inf
        while True:
            gradient = self._pull + penalty * self._hold(self._at)
            least = self._gained(penalty)
            if float(np.vdot(gradient, curvature.solve(gradient))) / 2 <= _SURE * self.excess * least:
                return n_iter, True
            step, taken = self._conjugate(gradient, curvature, least, self.max_iter - n_iter)
            n_iter += taken
            slope = float(np.vdot(gradient, step))
            above = abs(slope) / 2
            if above <= self.excess * least or (above <= _UNTOLD * least and above > before / 2):
                return n_iter, True
            if n_iter >= self.max_iter or slope > 0:  # upwards: what is left is rounding
                return n_iter, False
            if not self._step(step, self._decide(step), penalty, slope):
                return n_iter, False
            before = above

    def _conjugate(self, gradient: Array, curvature: Curvature, least: float, most: int) -> tuple[Array, int]:
        """Return about the gradient divided by the loss's curvature here, negative, and the steps to it.

        The nearer the end is, the more digits: what a step leaves is then about the square of what there was.
        """
        point = self.loss.at(self._decision)  # in float32 little is left of rows that are nearly sure
        found, left = np.zeros_like(gradient), -gradient
        direction = solved = curvature.solve(left)
        size, gains = float(np.vdot(left, solved)), [0.0]
        nothing = _NOTHING * size
        while len(gains) <= most and size > nothing:
            bent = self._rough.turn(direction, lambda step, rows: point.turn(step.astype(np.float64), rows))
            bent += curvature.penalty * self._hold(direction)
            bend = float(np.vdot(direction, bent))
            if not bend > 0:  # rounding, or rows that do not differ
                break
            length = size / bend
            gains.append(length * size / 2)
            found += length * direction
            left -= length * bent
            total, last = sum(gains), sum(gains[-_LOOKED_BACK:])
            share = min(_LOOSEST, float(np.sqrt(total / least)))
            if len(gains) > _LOOKED_BACK and last <= max(share * total, self.excess * least):
                break
            solved = curvature.solve(left)
            size, before = float(np.vdot(left, solved)), size
            if size / 2 <= _SURE * self.excess * least:
                break
            direction = solved + size / before * direction
        return found, len(gains) - 1
