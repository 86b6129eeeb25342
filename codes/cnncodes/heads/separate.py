"""Descents, side by side, of columns that have nothing to do with each other, as labels have not.

The L-BFGS of `cnncodes.heads.descent`, with what that knows of the curvature and the line through the last
two solutions; but each column has lengths of steps and a memory of its own, and is left alone once it is at
its end. One descent of all columns remembers 30 steps, to learn 30 numbers of all of them; here a few do, of
which each column learns its own. Products with the rows are of all columns together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.curvature import Covariance, Curvature
from cnncodes.heads.descent import FLAT, HIGHER, MOST_SEARCHES, ROUNDING, SEARCHES, Minimum
from cnncodes.heads.losses import LogisticLoss, LogisticPoint
from cnncodes.heads.products import Map, Products

Array = npt.NDArray[Any]

#: Steps that each column remembers.
_MEMORY = 3


class SeparateDescent:
    """Minimises ``sum_i weight_i * loss_i + penalty * ||w||^2 / 2`` of each column.

    Parameters
    ----------
    X : float ``[n, D]``
        Scaled rows. Products with them are taken in their type.
    loss : LogisticLoss
        Its weights sum to 1.
    covariance : Covariance
        About that of the rows.
    excess, max_iter, run
        As of `Descent`, column by column.
    """

    def __init__(
        self,
        X: Array,
        loss: LogisticLoss,
        covariance: Covariance,
        *,
        excess: float,
        max_iter: int,
        run: Map = map,
    ) -> None:
        # Along the covariance's axes, where these are all there are, dividing by it takes no product.
        square = covariance.vectors.shape[0] == covariance.vectors.shape[1]
        self._turned = covariance.vectors if square and covariance.vectors.dtype == X.dtype else None
        X = X if self._turned is None else X @ self._turned
        n, size, k = len(X), X.shape[1], loss.signs.shape[1]
        self.loss, self.covariance, self.max_iter = loss, covariance, max_iter
        eps = float(np.finfo(X.dtype).eps)
        self.excess, self._noise = max(excess, eps), max(1e-12, 10 * eps)
        self._mean = np.asarray(loss.weight @ X, np.float64)
        self._products = Products(X, self._mean, run)
        self._at = np.zeros((k, size + 1))
        self._decision = np.zeros((n, k), X.dtype)
        point = loss.at(self._decision)
        self._value, self._curved = point.values, point.curvature()
        self._start, self._pull = self._value.copy(), self._products.pull(point.slope)
        # The last steps, the gradient's change along each, and 1 over the product of both, or 0 without any.
        self._steps, self._bends = np.zeros((2, _MEMORY, k, size + 1), X.dtype)
        self._inverse, self._taken = np.zeros((_MEMORY, k)), np.zeros(k, np.int64)

    def run(self, penalties: Sequence[float]) -> Iterator[Minimum]:
        """Yield the minima for each penalty; they should change by a factor of a few."""
        former: tuple[Array, Array] | None = None
        before = 0.0
        for penalty in penalties:
            self._carry(penalty - before)
            start = self._at.copy(), self._decision.copy()
            if former is not None:
                self._extrapolate(*former, penalty)
            n_iter, converged = self._minimise(penalty)
            former, before = start, penalty
            coef = self._at[:, :-1]
            intercept = self._at[:, -1] - coef @ self._mean
            yield Minimum(self._turn_back(coef), intercept, n_iter, converged)

    def _turn_back(self, coef: Array) -> Array:
        if self._turned is None:
            return coef.copy()
        return np.asarray(coef.astype(self._turned.dtype) @ self._turned.T, np.float64)

    def _minimise(self, penalty: float) -> tuple[int, bool]:
        curvature = self._curved.copy()  # of where it begins: what is remembered corrects that
        columns, stuck = np.arange(len(self._at)), False
        for n_iter in range(self.max_iter + 1):
            gradient = self._pull[columns] + penalty * _hold(self._at[columns])
            step = -self._solve(gradient, columns, curvature, penalty)
            slope = _dot(gradient, step)
            far = np.abs(slope) / 2 > self.excess * self._gained(columns, penalty)
            lost = far & (slope > 0)  # upwards: what is left is rounding
            stuck, far = stuck or bool(lost.any()), far & ~lost
            columns, step, slope = columns[far], step[far], slope[far]
            if not len(columns) or n_iter == self.max_iter:
                break
            moved = self._step(columns, step, self._products.decide(step), penalty, slope)
            columns, stuck = columns[moved], stuck or not moved.all()
        return n_iter, not len(columns) and not stuck

    def _gained(self, columns: Array, penalty: float) -> Array:
        """Return the values, or what they have been lowered by where that is less."""
        value = self._value_of(self._at[columns], self._value[columns], penalty)
        start = self._start[columns]
        return np.asarray(np.minimum(value, np.maximum(start - value, ROUNDING * start)))

    def _value_of(self, at: Array, loss: Array, penalty: float) -> Array:
        return np.asarray(loss + penalty * _dot(at[:, :-1], at[:, :-1]) / 2)

    def _carry(self, change: float) -> None:
        """Correct what was learned of the curvature for another penalty."""
        self._bends[:, :, :-1] += self._bends.dtype.type(change) * self._steps[:, :, :-1]
        curved = np.einsum("mij,mij->mi", self._steps, self._bends, dtype=np.float64)
        known = (self._inverse > 0) & (curved > 0)
        self._inverse = np.where(known, 1 / np.where(known, curved, 1), 0)

    def _extrapolate(self, at: Array, decision: Array, penalty: float) -> None:
        """Go on in the direction from former solutions to the present ones, as far as that leads down."""
        step = self._at - at
        slope = _dot(self._pull + penalty * _hold(self._at), step)
        columns = np.flatnonzero(slope < 0)
        if len(columns):
            change = (self._decision - decision)[:, columns]
            self._step(columns, step[columns], change, penalty, slope[columns])

    def _step(self, columns: Array, step: Array, change: Array, penalty: float, slope: Array) -> Array:
        """Move columns along their steps, `change` being that of the decision values; tell which could be."""
        whole = len(columns) == len(self._at)  # and then nothing need be copied
        loss = self.loss if whole else self.loss.take(columns)
        decision = self._decision if whole else self._decision[:, columns]
        with np.errstate(over="ignore", invalid="ignore"):  # which the search heeds
            at, before = self._at[columns], self._value[columns]
            length, point = self._search(loss, decision, change, penalty, at, step, slope, before)
        there = self._value_of(at + length[:, None] * step, point.values, penalty)
        fine = there <= HIGHER * self._value_of(at, before, penalty)
        if not fine.all():
            columns, step, change, length = columns[fine], step[fine], change[:, fine], length[fine]
            point, whole = point.take(fine), False
        step = length[:, None] * step
        change *= length.astype(change.dtype)
        pull = self._products.pull(point.slope)
        self._remember(columns, step, pull - self._pull[columns] + penalty * _hold(step))
        self._at[columns] += step
        if whole:
            self._decision += change
        else:
            self._decision[:, columns] += change
        self._value[columns], self._pull[columns] = point.values, pull
        self._curved[columns] = point.curvature()
        return fine

    def _search(
        self,
        loss: LogisticLoss,
        decision: Array,
        change: Array,
        penalty: float,
        at: Array,
        step: Array,
        slope: Array,
        before: Array,
    ) -> tuple[Array, LogisticPoint]:
        """Return about the lowest points along steps, by Newton's method within bounds.

        `before` are the losses where the steps begin.
        """
        linear, square = _dot(at[:, :-1], step[:, :-1]), _dot(step[:, :-1], step[:, :-1])
        length, low, high = np.ones(len(step)), np.zeros(len(step)), np.full(len(step), np.inf)
        for number in range(MOST_SEARCHES):
            point = loss.at(decision + length.astype(change.dtype) * change)
            here = np.einsum("ij,ij->j", point.slope, change) + penalty * (linear + length * square)
            rise = point.values - before + penalty * length * (linear + length * square / 2)
            lower = rise <= (HIGHER - 1) * before  # flat it may be also beyond a rise
            near = lower & (np.abs(here) <= FLAT * np.abs(slope))
            if near.all() or (number >= SEARCHES - 1 and lower.all()):
                break
            beyond = ~np.isfinite(here) | (here > 0)  # also of what the rows' type does not hold
            low, high = np.where(beyond, low, length), np.where(beyond, length, high)
            bend = point.bend_each(change) + penalty * square
            there = length - here / np.where(bend > 0, bend, np.nan)
            halved = np.where(np.isfinite(high), (low + high) / 2, 2 * low)
            length = np.where(near, length, np.where((low < there) & (there < high), there, halved))
        return length, point

    def _remember(self, columns: Array, step: Array, bend: Array) -> None:
        """Keep steps and how the gradients changed along them, where that is more than rounding."""
        curved = _dot(step, bend)
        told = curved > self._noise * np.sqrt(_dot(step, step) * _dot(bend, bend))
        columns, place = columns[told], (self._taken % _MEMORY)[columns[told]]
        self._steps[place, columns], self._bends[place, columns] = step[told], bend[told]
        self._inverse[place, columns] = 1 / curved[told]
        self._taken[columns] += 1

    def _solve(self, gradient: Array, columns: Array, curvature: Array, penalty: float) -> Array:
        """Return gradients divided by the curvature, as far as that is known."""
        left, shares = gradient.astype(self._steps.dtype), []
        places = [(self._taken[columns] - 1 - back) % _MEMORY for back in range(_MEMORY)]
        for place in places:
            shares.append(self._inverse[place, columns] * _dot(self._steps[place, columns], left))
            left -= shares[-1][:, None].astype(left.dtype) * self._bends[place, columns]
        found = self._divide(
            left, Curvature.make(self.covariance, curvature[columns], penalty, penalizes_intercept=False)
        )
        for place, share in zip(reversed(places), reversed(shares), strict=True):
            share = share - self._inverse[place, columns] * _dot(self._bends[place, columns], found)
            found += share[:, None] * self._steps[place, columns]
        return found

    def _divide(self, left: Array, known: Curvature) -> Array:
        if self._turned is None:
            return known.solve(left)
        found: Array = np.empty(left.shape)
        np.divide(
            left[:, :-1], known.values[:, None] * self.covariance.values + known.penalty, out=found[:, :-1]
        )
        np.divide(left[:, -1], known.values, out=found[:, -1])
        return found


def _dot(a: Array, b: Array) -> Array:
    return np.asarray(np.einsum("ij,ij->i", a, b), np.float64)


def _hold(at: Array) -> Array:
    """Return the gradient of the penalty of 1."""
    held = at.copy()
    held[:, -1] = 0
    return held
