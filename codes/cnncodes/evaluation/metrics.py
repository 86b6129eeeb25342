"""What predictions are worth, each figure with its interval and its number of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.evaluation.intervals import Estimate, bootstrap, wilson

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ClassFigures:
    """Figures of one class.

    Attributes
    ----------
    name : str
    recall : Estimate
        Share of the class's images that were found; `n` is how many it has.
    precision : Estimate
        Share of right ones among the images said to be of the class; `n` is how many these are.
    known : bool
        Whether the classifier knows the class at all.
    """

    name: str
    recall: Estimate
    precision: Estimate
    known: bool


@dataclass(frozen=True)
class Evaluation:
    """How good predictions are.

    Attributes
    ----------
    n : int
        Images.
    accuracy : Estimate
        With Wilson's interval; it takes the images for independent, whatever their groups.
    balanced_accuracy : Estimate
        Mean recall of the classes that occur; bootstrap, as the two below.
    macro_f1 : Estimate
        Mean F1 of the classes that occur or were predicted.
    log_loss : Estimate or None
        In nats, over the images of known classes; None without probabilities.
    per_class : list of ClassFigures
        Each class that is known or occurs, sorted by name.
    """

    n: int
    accuracy: Estimate
    balanced_accuracy: Estimate
    macro_f1: Estimate
    log_loss: Estimate | None
    per_class: list[ClassFigures]


def evaluate_predictions(
    y: Any, predicted: Any, classes: Any, *, groups: Any = None, random_state: int = 0
) -> Evaluation:
    """Compare predictions with the truth.

    Parameters
    ----------
    y : array-like of str, shape (n_images,)
        True classes. A class that the classifier does not know counts as wrong.
    predicted : array-like, shape (n_images,) of str or (n_images, n_classes) of float
        Predicted classes, or probabilities with columns as `classes`.
    classes : array-like of str, shape (n_classes,)
        Classes that the classifier knows.
    groups : array-like, shape (n_images,), optional
        Images of a group are drawn together by the bootstrap.
    random_state : int
        Decides the bootstrap.

    Raises
    ------
    UsageError
        If the shapes do not fit, there is no image, or a probability is no number.

    Examples
    --------
    >>> figures = evaluate_predictions(["cat", "cat", "dog"], ["cat", "dog", "dog"], ["cat", "dog"])
    >>> figures.n, round(figures.accuracy.value, 3), figures.per_class[0].recall.value
    (3, 0.667, 0.5)
    """
    y, classes = np.asarray(y), np.asarray(classes)
    proba = _check_predicted(np.asarray(predicted), len(y), len(classes))
    labels = np.asarray(predicted) if proba is None else classes[proba.argmax(axis=1)]
    names = np.union1d(classes, y)
    confusion = _Confusion(np.searchsorted(names, y), _find(names, labels), len(names))
    options = {"groups": groups, "random_state": random_state}
    counts = confusion.count(np.ones(len(y)))
    return Evaluation(
        n=len(y),
        accuracy=wilson(int(np.trace(counts)), len(y)),
        balanced_accuracy=bootstrap(confusion.balanced_accuracy, len(y), **options),
        macro_f1=bootstrap(confusion.macro_f1, len(y), **options),
        log_loss=None if proba is None else _measure_log_loss(y, proba, classes, groups, random_state),
        per_class=[_describe_class(counts, i, str(name), name in classes) for i, name in enumerate(names)],
    )


def compare_paired(y: Any, a: Any, b: Any, *, groups: Any = None, random_state: int = 0) -> Estimate:
    """Return the accuracy of predictions `a` less that of `b`, on the same images, with its interval.

    Parameters
    ----------
    y, a, b : array-like, shape (n_images,)
        True classes, and two predictions of them.
    groups, random_state
        As in `evaluate_predictions`.

    Examples
    --------
    >>> compare_paired(["cat", "dog"], ["cat", "dog"], ["cat", "cat"]).value
    0.5
    """
    y, a, b = np.asarray(y), np.asarray(a), np.asarray(b)
    if not len(y) or y.shape != a.shape or y.shape != b.shape:
        raise UsageError(
            "y, a and b must name one class for each of the same images. Got shapes"
            f" {y.shape}, {a.shape}, {b.shape}."
        )
    gain = (a == y).astype(np.float64) - (b == y)
    return bootstrap(
        lambda weights: float(np.average(gain, weights=weights)),
        len(y),
        groups=groups,
        random_state=random_state,
    )


@dataclass(frozen=True)
class _Confusion:
    """True and predicted classes as numbers; a prediction that is no known name has number `size`."""

    true: Array
    predicted: Array
    size: int

    def count(self, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the confusion matrix, shape (size, size + 1)."""
        cells = self.true * (self.size + 1) + self.predicted
        counts = np.bincount(cells, weights, self.size * (self.size + 1)).astype(np.float64)
        return counts.reshape(self.size, self.size + 1)

    def balanced_accuracy(self, weights: npt.NDArray[np.float64]) -> float:
        counts = self.count(weights)
        of_class = counts.sum(axis=1)
        occurs = of_class > 0
        return float(np.mean(np.diagonal(counts)[occurs] / of_class[occurs]))

    def macro_f1(self, weights: npt.NDArray[np.float64]) -> float:
        counts = self.count(weights)
        both = counts.sum(axis=1) + counts.sum(axis=0)[: self.size]
        occurs = both > 0
        return float(np.mean(2 * np.diagonal(counts)[occurs] / both[occurs]))


def _find(names: Array, labels: Array) -> Array:
    """Return the position of each label among the sorted names, or their number where it is not there."""
    position = np.minimum(np.searchsorted(names, labels), len(names) - 1)
    return np.where(names[position] == labels, position, len(names))


def _check_predicted(predicted: Array, n: int, n_classes: int) -> Array | None:
    """Return the probabilities, or None if `predicted` is labels."""
    if not n or len(predicted) != n or predicted.ndim > 2:
        raise UsageError(
            f"predictions must be one for each of {n} true classes, at least one. Got shape"
            f" {predicted.shape}."
        )
    if predicted.ndim == 1:
        return None
    if predicted.shape[1] != n_classes:
        raise UsageError(
            f"probabilities must have {n_classes} columns, one a class. Got {predicted.shape[1]}."
        )
    if not np.isfinite(predicted).all():
        raise UsageError("probabilities must be finite numbers: leave out images that have no prediction.")
    return predicted


def _measure_log_loss(y: Array, proba: Array, classes: Array, groups: Any, random_state: int) -> Estimate:
    order = np.argsort(classes)
    column = _find(classes[order], y)
    known = column < len(classes)
    given = proba[known, order[column[known]]]
    # As in scikit-learn, a probability of 0 costs what the smallest step from 1 would.
    losses = -np.log(np.clip(given, np.finfo(proba.dtype).eps, 1.0))
    return bootstrap(
        lambda weights: float(np.average(losses, weights=weights)) if weights.any() else np.nan,
        len(losses),
        groups=None if groups is None else np.asarray(groups)[known],
        random_state=random_state,
    )


def _describe_class(counts: Array, i: int, name: str, known: bool) -> ClassFigures:
    right = int(counts[i, i])
    return ClassFigures(
        name, wilson(right, int(counts[i].sum())), wilson(right, int(counts[:, i].sum())), known
    )
