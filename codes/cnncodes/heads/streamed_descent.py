"""The descent of `cnncodes.heads.descent` for rows that are read anew at every step.

What it minimises, where it starts and what it learns of the curvature are the same. Two things differ: the
decision values of all rows are not kept, so that each point that is looked at costs a pass over the rows; and
a step is therefore not searched for its lowest point but taken as it is, where that leads down far enough,
which from a start that is preconditioned it nearly always does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.curvature import Covariance
from cnncodes.heads.descent import Descent, Minimum
from cnncodes.heads.losses import CrossEntropy
from cnncodes.heads.problem import Solution

Array = npt.NDArray[Any]

#: Scaled rows ``[n, D]``, their class numbers, and their share of the weight.
Part = tuple[Array, Array, Array]
#: Returns what a function makes of each part of the rows, in the order of the rows.
PassOver = Callable[[Callable[[Part], Any]], Iterable[Any]]

#: A step is taken where it lowers the value by this share of what its slope promises (Armijo).
_ENOUGH = 1e-4
#: Points that are looked at along one step at most.
_TRIALS = 12
#: Where a value is above the least one by no more than this share, not finding a lower one is an end and no
#: failure: products in float32 may not tell.
_UNTOLD = 1e-4


@dataclass(frozen=True)
class Sums:
    """A loss summed over rows: value, gradient ``[k, D + 1]``, and curvature as of `Point.curvature`."""

    value: float
    pull: Array
    bends: Array

    def curvature(self) -> Array:
        """Return the mean second derivative of a row by the decision values."""
        return self.bends


class StreamedDescent(Descent):
    """Minimises the log-loss of weighted rows and ``penalty * ||w||^2 / 2``.

    Parameters
    ----------
    pass_over : callable
        Goes through all rows.
    start : Solution
        Where it begins.
    mean : float64 ``[D]``
        About the mean of the rows: intercepts are those of rows from which it is subtracted.
    covariance : Covariance
        About that of the rows.
    excess, max_iter
        As of `Descent`.
    """

    def __init__(
        self,
        pass_over: PassOver,
        start: Solution,
        mean: Array,
        covariance: Covariance,
        *,
        excess: float,
        max_iter: int,
    ) -> None:
        self._pass_over, self.covariance = pass_over, covariance
        self.penalizes_intercept, self.max_iter = False, max_iter
        eps = float(np.finfo(np.float32).eps)
        self.excess, self._noise = excess, 10 * eps
        self._mean = np.asarray(mean, np.float64)
        self._at = np.column_stack([start.coef, start.intercept + start.coef @ self._mean])
        self._pairs: deque[tuple[Array, Array]] = self._make_pairs()
        self._penalty: float | None = None
        self._told_all = False
        self._start = np.log(max(len(self._at), 2))  # the loss without any weights
        self._take(self._sum(self._at))

    def minimise(self, penalty: float) -> Minimum:
        """Return the minimum for a penalty, from that of the penalty before on."""
        if self._penalty is not None:
            self._carry(penalty - self._penalty)
        self._penalty, self._told_all = penalty, False
        n_iter, converged = self._minimise(penalty)
        converged = converged or self._told_all
        coef = self._at[:, :-1]
        intercept = self._at[:, -1] - coef @ self._mean
        if len(intercept) > 1:
            intercept = intercept - intercept.mean()
        return Minimum(coef.copy(), intercept, n_iter, converged)

    def _take(self, sums: Sums) -> None:
        self._point = sums  # type: ignore[assignment]  # all that is asked for where no step is searched
        self._pull = sums.pull

    def _decide(self, at: Array) -> Array:
        """Return the weights themselves: decision values are those of a block, while it is there."""
        return at

    def _step(self, step: Array, change: Array, penalty: float, slope: float) -> bool:
        value = self._point.value + penalty * float(np.vdot(self._at, self._hold(self._at))) / 2
        length, before = 1.0, self._pull
        for _ in range(_TRIALS):
            at = self._at + length * step
            sums = self._sum(at)
            there = sums.value + penalty * float(np.vdot(at, self._hold(at))) / 2
            if there <= value + _ENOUGH * length * slope:
                self._at = at
                self._take(sums)
                step = length * step
                self._remember(step, self._pull - before + penalty * self._hold(step))
                return True
            # The lowest point of the parabola through what is known, not too near either end.
            bend = there - value - length * slope
            lowest = -slope * length**2 / (2 * bend) if np.isfinite(bend) else 0.0
            length = float(np.clip(lowest, 0.1 * length, 0.5 * length))
            if -slope / 2 <= _UNTOLD * value:
                self._told_all = True
                break
        return False

    def _sum(self, at: Array) -> Sums:
        """Go through all rows once."""
        coef = at[:, :-1]
        shift = at[:, -1] - coef @ self._mean
        weights, offsets = coef.T.astype(np.float32), shift.astype(np.float32)

        def look(part: Part) -> Sums:
            X, y, share = part
            point = CrossEntropy(y, share).at(X @ weights + offsets)
            sums = point.slope.sum(axis=0, dtype=np.float64)
            pull = np.column_stack([point.slope.T @ X - np.outer(sums, self._mean), sums])
            return Sums(point.value, pull, point.curvature() * share.sum())

        value, pull, bends = 0.0, np.zeros_like(at), np.zeros(())
        for sums in self._pass_over(look):
            value += sums.value
            pull += sums.pull
            bends = bends + sums.bends
        return Sums(value, pull, bends)
