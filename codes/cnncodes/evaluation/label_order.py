"""How labels' probabilities order the images: average precision, its mean, and precision against recall."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.estimators.label_sets import read_label_sets
from cnncodes.evaluation.columns import read_table
from cnncodes.evaluation.given import refuse_masked

Array = npt.NDArray[Any]


class LabelOrder:
    """How the images come by a label's values.

    Its average precision is the sum over thresholds of precision times what recall gains there.

    References
    ----------
    W. Su, Y. Yuan and M. Zhu, "A relationship between the average precision and the area under the ROC
    curve", ICTIR 2015; the same as scikit-learn's `average_precision_score`.
    """

    def __init__(self, values: Array, y: Array) -> None:
        self._order = np.argsort(-values, kind="stable")
        ordered = values[self._order]
        self._y = y[self._order]
        #: The last of images with equal values: none of these comes before another.
        self._last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        # Recall gains only where an image has the label: the rest need not be looked at one by one.
        having = np.flatnonzero(self._y > 0)
        places, self._first = np.unique(np.searchsorted(self._last, having), return_index=True)
        self._having = self._order[having]
        ends = self._last[places] + 1
        self._named = self._order[: ends[-1] if len(ends) else 0]
        self._starts = np.append(0, ends)[:-1]

    def count(self, weights: Array) -> tuple[Array, Array]:
        """Return how many images with the label, and how many at all, are at or above each value."""
        weights = weights[self._order]
        return np.cumsum(weights * self._y)[self._last], np.cumsum(weights)[self._last]

    def measure(self, weights: Array) -> float:
        """Return the average precision, NaN where no image has the label."""
        if not len(self._having):
            return math.nan
        gained = np.add.reduceat(weights[self._having], self._first)
        right = np.cumsum(gained)
        if right[-1] <= 0:
            return math.nan
        named = np.cumsum(np.add.reduceat(weights[self._named], self._starts))
        some = gained > 0
        return float((gained[some] * right[some] / named[some]).sum() / right[-1])


@dataclass(frozen=True, eq=False)
class PrecisionTrace:
    """Precision against recall of a label, from the most probable image on.

    Attributes
    ----------
    name : str
    n : int
        Images that have the label.
    recall, precision : ndarray of float64, shape (n_thresholds + 1,)
        Of all images at or above each probability that occurs; the first is at recall 0, with the precision
        of the next.
    average_precision : float
    """

    name: str
    n: int
    recall: Array
    precision: Array
    average_precision: float


def trace_precision(y: Any, proba: Any, classes: Any) -> list[PrecisionTrace]:
    """Return precision against recall of each class that images have.

    Parameters
    ----------
    y, proba, classes
        As of `evaluate_multilabel`.

    Raises
    ------
    UsageError
        If the shapes do not fit, there is no image, or a value is not finite.

    Examples
    --------
    >>> [label] = trace_precision([{"sea"}, {"sea"}, set()], [[0.9], [0.2], [0.4]], ["sea"])
    >>> label.recall.tolist(), label.precision.round(2).tolist()
    ([0.0, 0.5, 0.5, 1.0], [1.0, 1.0, 0.5, 0.67])
    """
    classes = np.asarray(classes)
    refuse_masked("y", y)
    Y, _, _ = read_label_sets(y).align(classes)
    proba = read_table("proba", proba, classes).astype(np.float64)
    if not len(Y) or proba.shape != Y.shape or not np.isfinite(proba).all():
        raise UsageError(
            f"proba must be finite, with a row for each of {len(Y)} images, at least one, and a column for"
            f" each of {Y.shape[1]} labels. Got shape {proba.shape}."
        )
    found, weights = [], np.ones(len(Y))
    for name, own, values in zip(classes.tolist(), Y.T, proba.T, strict=True):
        if own.any():
            order = LabelOrder(values, own.astype(np.float64))
            right, named = order.count(weights)
            recall, precision = right / right[-1], right / named
            ends = np.append(0.0, recall), np.append(precision[0], precision)
            found.append(PrecisionTrace(str(name), int(own.sum()), *ends, order.measure(weights)))
    return found


def make_mean_precision(Y: Array, proba: Array) -> Callable[[Array], float]:
    """Return the mean average precision as a function of how often each image counts, float64 ``[n]``.

    Parameters
    ----------
    Y : ndarray of 0 and 1, shape (n_images, n_labels)
    proba : ndarray of float, shape (n_images, n_labels)

    Examples
    --------
    >>> measure = make_mean_precision(np.array([[1], [0], [1]]), np.array([[0.9], [0.5], [0.1]]))
    >>> round(measure(np.ones(3)), 4), measure(np.array([1.0, 0.0, 1.0]))
    (0.8333, 1.0)
    """
    orders = [LabelOrder(values, y) for values, y in zip(proba.T, Y.T, strict=True)]
    return lambda weights: mean_known(np.array([order.measure(weights) for order in orders]))


def mean_known(values: Array) -> float:
    """Return the mean of those that are no NaN."""
    found = values[~np.isnan(values)]
    return float(found.mean()) if len(found) else math.nan
