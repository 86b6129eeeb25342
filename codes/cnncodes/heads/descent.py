"""Fitting linear classifiers for a rising row of C, each from the ones before.

L-BFGS (J. Nocedal and S. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 7.4), with three
things that make it need a fraction of the usual products with the rows:

- it starts from the inverse of the rows' covariance times the loss's curvature, and the penalty, instead of
  from a multiple of the identity: the directions of codes differ in variance by many powers of ten;
- what it has learned of the curvature at one C holds at the next: only the penalty's part of it changes, and
  that is known;
- from the second C on it begins where the line through the last two solutions is lowest.

Decision values are linear in the weights: those along a step are computed once, and a search along it costs
no product with the rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnncodes.heads.curvature import Covariance, Curvature
from cnncodes.heads.losses import Loss, Point
from cnncodes.heads.products import Map, Products

Array = npt.NDArray[Any]

#: Steps that L-BFGS remembers, and the bytes that they may take.
_MEMORY, _MEMORY_BYTES = 30, 256 << 20
#: A step is searched until the slope along it has fallen to this share.
FLAT = 0.1
#: Halvings and Newton steps of a search: so many, and more at most where it is still higher than it began.
SEARCHES, MOST_SEARCHES = 20, 60
#: No step may end at a value that is higher than this times that before it: more than rounding.
HIGHER = 1.001
#: What a value has been lowered by is not known more finely, as a share of it.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Minimum:
    """Weights ``[k, D]`` and intercepts ``[k]``, and how many steps led there from the C before."""

    coef: Array
    intercept: Array
    n_iter: int
    converged: bool


class Pair(NamedTuple):
    """A step, how the gradient changed along it, and the product of both."""

    step: Array
    bend: Array
    curved: float


class Descent:
    """Minimises ``sum_i weight_i * loss_i + penalty * ||w||^2 / 2``.

    Parameters
    ----------
    X : float ``[n, D]``
        Scaled rows. Products with them are taken in their type.
    loss : Loss
        Its weights sum to 1.
    n_columns : int
        Columns ``k`` of the decision values.
    covariance : Covariance
        About that of the rows.
    penalizes_intercept : bool
    excess : float
        It stops where the value is above the least one by this share of it, and of what it has been lowered
        by, as far as the curvature tells.
    max_iter : int
        Steps for each penalty.
    run : callable
        As of `Products`.
    """

    def __init__(
        self,
        X: Array,
        loss: Loss,
        n_columns: int,
        covariance: Covariance,
        *,
        penalizes_intercept: bool,
        excess: float,
        max_iter: int,
        run: Map = map,
    ) -> None:
        self.loss, self.covariance = loss, covariance
        self.penalizes_intercept, self.max_iter = penalizes_intercept, max_iter
        eps = float(np.finfo(X.dtype).eps)
        self.excess, self._noise = max(excess, eps), max(1e-12, 10 * eps)
        # Intercepts are those of centred rows: there they hang least on the weights.
        self._mean = np.asarray(loss.weight @ X, np.float64)
        self._products = Products(X, self._mean, run)
        self._at = np.zeros((n_columns, X.shape[1] + 1))
        self._decision = np.zeros((len(X), n_columns), X.dtype)
        self._point = loss.at(self._decision)
        self._start = self._point.value
        self._pull = self._pull_of(self._point)  # the gradient of the loss alone
        self._pairs = self._make_pairs()

    def _make_pairs(self) -> deque[Pair]:
        most = _MEMORY_BYTES // (2 * self._at.nbytes)
        return deque(maxlen=int(np.clip(most, 3, _MEMORY)))

    def run(self, penalties: Sequence[float]) -> Iterator[Minimum]:
        """Yield the minimum for each penalty; they should change by a factor of a few."""
        former: tuple[Array, Array] | None = None
        before = 0.0
        for number, penalty in enumerate(penalties):
            self._carry(penalty - before if number else 0.0)
            start = self._at, self._decision
            if former is not None:
                self._extrapolate(*former, penalty)
            n_iter, converged = self._minimise(penalty)
            former, before = start, penalty
            coef = self._at[:, :-1]
            intercept = self._at[:, -1] - coef @ self._mean
            yield Minimum(coef.copy(), intercept, n_iter, converged)

    def _minimise(self, penalty: float) -> tuple[int, bool]:
        curvature = self._curvature(penalty)
        for n_iter in range(self.max_iter + 1):
            held = self._hold(self._at)
            gradient = self._pull + penalty * held
            step = -self._solve(gradient, curvature)
            slope = float(np.vdot(gradient, step))
            if abs(slope) / 2 <= self.excess * self._gained(penalty):
                return n_iter, True
            if n_iter == self.max_iter or slope > 0:  # upwards: what is left is rounding
                break
            if not self._step(step, self._decide(step), penalty, slope):
                break
        return n_iter, False

    def _gained(self, penalty: float) -> float:
        """Return the value, or what it has been lowered by where that is less."""
        value = self._value_of(self._at, self._point.value, penalty)
        return float(min(value, max(self._start - value, ROUNDING * self._start)))

    def _value_of(self, at: Array, loss: float, penalty: float) -> float:
        return loss + penalty * float(np.vdot(at, self._hold(at))) / 2

    def _carry(self, change: float) -> None:
        """Correct what was learned of the curvature for another penalty."""
        if change:
            pairs = [(step, bend + change * self._hold(step)) for step, bend, _ in self._pairs]
            self._pairs.clear()
            for pair in pairs:
                self._remember(*pair)

    def _extrapolate(self, at: Array, decision: Array, penalty: float) -> None:
        """Go on in the direction from a former solution to the present one, as far as that leads down."""
        step = self._at - at
        slope = float(np.vdot(self._pull + penalty * self._hold(self._at), step))
        if slope < 0:
            self._step(step, self._decision - decision, penalty, slope)

    def _step(self, step: Array, change: Array, penalty: float, slope: float) -> bool:
        """Move along a step, `change` being that of the decision values; tell whether that can be done."""
        with np.errstate(over="ignore", invalid="ignore"):  # which the search heeds
            length, decision, point = self._search(change, penalty, step, slope)
        step = length * step
        at = self._at + step
        before = self._value_of(self._at, self._point.value, penalty)
        if not self._value_of(at, point.value, penalty) <= HIGHER * before:
            return False
        self._at = at
        self._decision = decision
        self._point, pulled = point, self._pull
        self._pull = self._pull_of(point)
        self._remember(step, self._pull - pulled + penalty * self._hold(step))
        return True

    def _search(self, change: Array, penalty: float, step: Array, slope: float) -> tuple[float, Array, Point]:
        """Return about the lowest point along a step, by Newton's method within bounds."""
        held = self._hold(step)
        linear, square = float(np.vdot(self._at, held)), float(np.vdot(step, held))
        length, low, high = 1.0, 0.0, np.inf
        before = self._value_of(self._at, self._point.value, penalty)
        for number in range(MOST_SEARCHES):
            decision = change * change.dtype.type(length)
            decision += self._decision
            point = self.loss.at(decision)
            here = float(np.vdot(point.slope, change)) + penalty * (linear + length * square)
            if abs(here) <= FLAT * abs(slope) or number >= SEARCHES - 1:  # flat it may be also beyond a rise
                rise = point.value - self._point.value + penalty * length * (linear + length * square / 2)
                if rise <= (HIGHER - 1) * before:
                    break
            if not np.isfinite(here):  # beyond what the rows' type holds
                high = length
                length = (low + high) / 2
                continue
            low, high = (low, length) if here > 0 else (length, high)
            bend = point.bend(change) + penalty * square
            length = length - here / bend if bend > 0 else np.inf
            if not low < length < high:
                length = (low + high) / 2 if np.isfinite(high) else 2 * low
        return length, decision, point

    def _remember(self, step: Array, bend: Array) -> None:
        """Keep a step and how the gradient changed along it, where that is more than rounding."""
        curved = float(np.vdot(step, bend))
        if curved > self._noise * float(np.vdot(step, step)) ** 0.5 * float(np.vdot(bend, bend)) ** 0.5:
            self._pairs.append(Pair(step, bend, curved))

    def _curvature(self, penalty: float) -> Curvature:
        return Curvature.make(
            self.covariance, self._point.curvature(), penalty, penalizes_intercept=self.penalizes_intercept
        )

    def _solve(self, gradient: Array, curvature: Curvature) -> Array:
        """Return the gradient divided by the curvature, as far as that is known."""
        left, scaled = gradient.copy(), np.empty_like(gradient)
        shares: list[float] = []
        for step, bend, curved in reversed(self._pairs):
            shares.append(float(np.vdot(step, left)) / curved)
            left -= np.multiply(bend, shares[-1], out=scaled)
        found = curvature.solve(left)
        for (step, bend, curved), share in zip(self._pairs, reversed(shares), strict=True):
            found += np.multiply(step, share - float(np.vdot(bend, found)) / curved, out=scaled)
        return found

    def _decide(self, at: Array) -> Array:
        """Return decision values ``[n, k]`` of weights with the intercepts of centred rows."""
        return self._products.decide(at)

    def _pull_of(self, point: Point) -> Array:
        """Return the gradient of the loss."""
        return self._products.pull(point.slope)

    def _hold(self, at: Array) -> Array:
        """Return the gradient of the penalty of 1."""
        held = at.copy()
        if not self.penalizes_intercept:
            held[:, -1] = 0
            return held
        intercept = at[:, -1] - at[:, :-1] @ self._mean
        held[:, :-1] -= np.outer(intercept, self._mean)
        held[:, -1] = intercept
        return held
