"""The descent of `cnncodes.heads.descent` for rows that are read anew at every step.

What it minimises, where it starts and what it learns of the curvature are the same. Two things differ: the
decision values of all rows are not kept, so that looking costs a pass over the rows, most of which is reading
them; and a step is therefore not searched for its lowest point but looked at in one pass at several lengths,
of which the best is taken where it leads down far enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
#: Lengths of a step that are looked at in one pass, and passes along one step at most.
_LENGTHS, _TRIALS = (2.0, 1.0, 0.5, 0.25), 5
#: Where a value is above the least one by no more than this share, not finding a lower one is an end and no
#: failure: products in float32 may not tell.
_UNTOLD = 1e-4


@dataclass(frozen=True)
class Sums:
    """A loss summed over rows: value, gradient ``[k, D + 1]``, and curvature as of `Point.curvature`."""

    value: float
    pull: Array
    bends: Array

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.value + other.value, self.pull + other.pull, self.bends + other.bends)

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
        self._pairs = self._make_pairs()
        self._penalty: float | None = None
        self._told_all = False
        self._start = np.log(max(len(self._at), 2))  # the loss without any weights
        self._take(self._sum(self._at)[0])

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
        value = self._value_of(self._at, self._point.value, penalty)
        longest, before = 1.0, self._pull
        for _ in range(_TRIALS):
            lengths = [longest * share for share in _LENGTHS]
            found = self._sum(self._at, step, lengths)
            ends = [self._at + length * step for length in lengths]
            values = [self._value_of(at, sums.value, penalty) for sums, at in zip(found, ends, strict=True)]
            best = int(np.argmin(np.where(np.isfinite(values), values, np.inf)))
            if values[best] <= value + _ENOUGH * lengths[best] * slope:
                self._at = ends[best]
                self._take(found[best])
                step = lengths[best] * step
                self._remember(step, self._pull - before + penalty * self._hold(step))
                return True
            longest = lengths[-1] / 8
            if -slope / 2 <= _UNTOLD * value:
                self._told_all = True
                break
        return False

    def _sum(self, at: Array, step: Array | None = None, lengths: Sequence[float] = (0.0,)) -> list[Sums]:
        """Go through all rows once, for several lengths of a step from a point."""
        weights, offsets = self._weigh(at)
        along = None if step is None else self._weigh(step)

        def look(part: Part) -> list[Sums]:
            X, y, share = part
            decision, loss = X @ weights + offsets, CrossEntropy(y, share)
            change = 0 if along is None else X @ along[0] + along[1]
            return [self._look(X, loss, decision + np.float32(length) * change) for length in lengths]

        total: list[Sums] | None = None
        for found in self._pass_over(look):
            pairs = zip(total or found, found, strict=True)
            total = found if total is None else [one + other for one, other in pairs]
        assert total is not None
        return total

    def _look(self, X: Array, loss: CrossEntropy, decision: Array) -> Sums:
        point = loss.at(decision)
        sums = point.slope.sum(axis=0, dtype=np.float64)
        pull = np.column_stack([point.slope.T @ X - np.outer(sums, self._mean), sums])
        return Sums(point.value, pull, point.curvature() * loss.weight.sum())

    def _weigh(self, at: Array) -> tuple[Array, Array]:
        """Return weights ``[D, k]`` and intercepts of rows from which nothing is subtracted."""
        coef = at[:, :-1]
        shift = at[:, -1] - coef @ self._mean
        return coef.T.astype(np.float32), shift.astype(np.float32)
