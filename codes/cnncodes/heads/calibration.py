"""Log-loss of decision values and the temperature that makes it smallest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: Bounds of a temperature times the spread of the decision values, which may have any scale. At the lower one
#: all classes are alike; the upper one is reached where all rows are right, or what tells them apart is less
#: than a millionth of the spread.
_RELATIVE = (float(np.exp(-9.0)), float(np.exp(16.0)))

#: Share of the decision values that is rounding and no spread, and what is too small to be divided by.
_ROUNDING, _LEAST = 1e-12, 1e-290

#: Logarithm of the temperature that is tried first, for decision values of spread 1. A Newton step of the
#: logarithm that is so small that the next would change no digit, and bounds that are as good as one.
_FIRST, _NEAR, _SAME = 1.0, 1e-8, 1e-13

#: How far the own class's decision value, times a temperature that is guessed, is above the others' mean.
_GAP = 5.0


def log_loss(decision: Array, y: Array, weight: Array, temperature: float = 1.0) -> float:
    """Return the weighted mean log-loss of softmax(temperature * decision).

    Parameters
    ----------
    decision : float ``[n, K]``, or ``[n, 1]`` for two classes
    y : int ``[n]``
    weight : float ``[n]``
    temperature : float
    """
    return float(log_losses(decision, y, temperature) @ weight / weight.sum())


def log_losses(decision: Array, y: Array, temperature: float = 1.0) -> Array:
    """Return the log-loss of each row, float64 ``[n]``; the parameters are those of `log_loss`."""
    if decision.shape[1] == 1:
        decision = np.column_stack([np.zeros(len(decision)), decision])
    values = temperature * decision
    below = values - values.max(axis=1, keepdims=True)  # first: beside large values the logarithm is lost
    return np.asarray(np.log(np.exp(below).sum(axis=1)) - below[np.arange(len(y)), y])


def fit_temperature(
    decision: Array,
    y: Array,
    weight: Array,
    bounds: tuple[float, float] | None = None,
    *,
    unknown: float = 0.0,
) -> float:
    """Return the temperature with the smallest log-loss within bounds; the log-loss is convex in it.

    Parameters
    ----------
    decision, y, weight
        As of `log_loss`.
    bounds : tuple of float, optional
        None: whatever the scale of the decision values, so that those times a number have the temperature
        divided by it. It is then 1 where the decision values of each row are equal.
    unknown : float
        Weight of a further row, of which nothing is known: its loss is the mean over the rows where each is
        of all classes alike. With 0 the temperature grows to its bound where all rows are right, and the
        probabilities become 0 and 1. Platt's targets for two classes serve the same purpose.

    References
    ----------
    C. Guo et al., "On calibration of modern neural networks", ICML 2017, for the one number; J. Platt,
    "Probabilistic outputs for support vector machines", 1999, for targets short of 0 and 1.

    Examples
    --------
    Of 99 rows all are right: the probability is that of 99 in 100, and half of the one of which nothing is
    known.

    >>> right = np.ones((99, 1))
    >>> temperature = fit_temperature(right, np.ones(99, int), np.ones(99), unknown=1.0)
    >>> round(float(1 / (1 + np.exp(-temperature))), 3)
    0.995
    """
    if bounds is not None and bounds[0] == bounds[1]:
        return bounds[0]
    values = decision if decision.shape[1] > 1 else np.column_stack([np.zeros(len(decision)), decision])
    spread = 1.0
    if bounds is None:
        bounds, spread = _RELATIVE, _measure_spread(values, weight)
        if spread == 0:
            return 1.0
        values = values / spread
    share = unknown / (unknown + float(weight.sum()))
    given = (1 - share) * values[np.arange(len(y)), y] + share * values.mean(axis=1)

    return _Slope(values, given, weight).find_root(*bounds) / spread


class _Slope:
    """The derivative of the log-loss by the temperature, whose root is the loss's minimum.

    The loss itself is too flat there for seven digits.

    Parameters
    ----------
    values : float64 ``[n, K]``
        Decision values.
    given, weight : float64 ``[n]``
        What those of a row are expected to be at the root, on the mean over the rows; and the rows' weights.
    """

    def __init__(self, values: Array, given: Array, weight: Array) -> None:
        self._weight, top = weight, values.max(axis=1)
        self._values = values - top[:, None]
        self._given = float((given - top) @ weight)
        self._powers = np.empty_like(self._values)

    def at(self, temperature: float) -> tuple[float, float]:
        """Return it, and how it changes."""
        powers = np.exp(np.multiply(self._values, temperature, out=self._powers), out=self._powers)
        total = powers.sum(axis=1)
        powers *= self._values
        mean = powers.sum(axis=1) / total
        square = np.einsum("ij,ij->i", powers, self._values) / total
        return float(mean @ self._weight) - self._given, float((square - mean**2) @ self._weight)

    def find_root(self, low: float, high: float) -> float:
        """Return the root, or the bound that it is beyond: by Newton's method in the logarithm."""
        if self.at(low)[0] >= 0:
            return low
        if self.at(high)[0] <= 0:
            return high
        ends = np.log((low, high))
        at = float(np.clip(_FIRST, *ends))
        while ends[1] - ends[0] > _SAME:
            slope, bend = self.at(float(np.exp(at)))
            ends[int(slope > 0)] = at
            change = bend * float(np.exp(at))
            to = at - slope / change if change > 0 else np.inf
            if ends[0] < to < ends[1] and abs(to - at) <= _NEAR:
                return float(np.exp(to))
            at = to if ends[0] < to < ends[1] else float(ends.mean())
        return float(np.exp(at))


def _measure_spread(values: Array, weight: Array) -> float:
    """Return the root mean square of what a row's decision values differ by from their mean."""
    apart = values - values.mean(axis=1, keepdims=True)
    largest = float(np.abs(apart).max())
    if largest <= _ROUNDING * float(np.abs(values).max()) or largest < _LEAST:
        return 0.0
    # Divided first: squares of very small or large numbers are 0 or infinite.
    return largest * float(np.sqrt(((apart / largest) ** 2).mean(axis=1) @ weight / weight.sum()))


def guess_temperature(decision: Array, y: Array) -> float:
    """Return a temperature where no image was held out: a training row's own class stands out by `_GAP`.

    Of training rows, decision values times the temperature are on average so far above the mean of the other
    classes. Whatever the head's decision values measure, that is an assumption and no measurement: with one
    image a class it came near the best temperature on two sets of images (docs/heads.md), while that of the
    spread within the classes, of which one image knows nothing, made every answer certain.

    Parameters
    ----------
    decision : float ``[n, K]``, or ``[n]`` for two classes
    y : int ``[n]``

    Examples
    --------
    >>> guess_temperature(np.array([[10.0, 0.0, 0.0], [0.0, 10.0, 0.0]]), np.array([0, 1]))
    0.5
    """
    if decision.ndim == 1:
        decision = np.column_stack([np.zeros(len(decision)), decision])
    own = decision[np.arange(len(y)), y]
    others = (decision.sum(axis=1) - own) / (decision.shape[1] - 1)
    gap = float((own - others).mean())
    found = _GAP / gap if gap > 0 else 1.0
    return found if 0 < found < np.inf else 1.0
