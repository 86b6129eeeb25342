"""Figures of probabilities: log-loss, Brier score, and whether the true class is among the first."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.estimators.labels import check_labels, check_same_kind
from cnncodes.evaluation.confusion import find_names
from cnncodes.evaluation.given import refuse_masked
from cnncodes.evaluation.intervals import Estimate, bootstrap, make_mean, summarize_positive
from cnncodes.evaluation.mistakes import allow_for_mistakes
from cnncodes.evaluation.shares import measure_share

Array = npt.NDArray[Any]

#: A probability of 0 costs as much as this one, 36 nats, whatever type the numbers have: classifiers are
#: compared by one measure. It is that of scikit-learn for float64.
_LEAST = float(np.finfo(np.float64).eps)

#: Rows may miss a sum of one by so much: float32 probabilities of many classes do.
_SUM_TOLERANCE = 1e-3


def read_probabilities(given: Any) -> Array:
    """Return probabilities as floats, whole numbers too; raise `UsageError` if they are no numbers."""
    refuse_masked("probabilities", given)
    found = np.asarray(given)
    if found.dtype.kind == "f":
        return found
    try:
        if found.dtype.kind in "biuO":
            return found.astype(np.float64)
    except (TypeError, ValueError):
        pass
    raise UsageError(f"probabilities must be numbers. Got an array of {found.dtype}.")


def check_probabilities(proba: Array, n_classes: int) -> None:
    """Raise `UsageError` unless each row is a distribution over the classes."""
    if proba.shape[1] != n_classes:
        raise UsageError(f"probabilities must have {n_classes} columns, one a class. Got {proba.shape[1]}.")
    if not np.isfinite(proba).all():
        raise UsageError("probabilities must be finite numbers: leave out images that have no prediction.")
    sums = proba.sum(axis=1)
    wrong = (proba.min(axis=1) < 0) | (np.abs(sums - 1) > _SUM_TOLERANCE)
    if wrong.any():
        first = int(wrong.argmax())
        raise UsageError(
            f"probabilities must be at least 0 and sum to 1 in each row; {int(wrong.sum())} rows do not, the"
            f" first is row {first} with smallest value {proba[first].min():g} and sum {sums[first]:g}."
            " Decision values are no probabilities: give the predicted classes instead."
        )


def check_named_once(classes: Array) -> None:
    """Raise `UsageError` where classes are no list, or one is named twice: which column would be its own?"""
    if classes.ndim != 1:
        got = f"shape {classes.shape}" if classes.ndim else type(classes.item()).__name__
        raise UsageError(f"classes must be a list of labels, in the order of the columns. Got {got} instead.")
    names, counts = np.unique(classes, return_counts=True)
    if (counts > 1).any():
        raise UsageError(
            f"classes must name each class once. {names[counts.argmax()].item()!r} is there"
            f" {counts.max()} times."
        )


@dataclass(frozen=True)
class Scored:
    """Probabilities beside the truth.

    Attributes
    ----------
    proba : ndarray of float, shape (n_images, n_classes)
    column : ndarray of int, shape (n_images,)
        Column of each image's true class, or -1 where the classifier does not know it.
    groups : ndarray or None
        Images of a group are drawn together by the bootstrap.
    random_state : int
    """

    proba: Array
    column: Array
    groups: Array | None
    random_state: int

    @classmethod
    def make(cls, y: Any, proba: Array, classes: Array, groups: Any, random_state: int) -> Scored:
        """Find the true classes `y` among the `classes` of the columns, in whatever order these are.

        Raises
        ------
        UsageError
            If a true class is missing, or text meets numbers.
        """
        y = check_labels(y)
        check_same_kind(y, classes)
        order = np.argsort(classes)
        place = find_names(classes[order], y)
        column = np.where(place < len(classes), order[np.minimum(place, len(classes) - 1)], -1)
        return cls(proba, column, None if groups is None else np.asarray(groups), random_state)

    def log_loss(self) -> Estimate:
        """Return the mean log-loss in nats over the images of known classes: of others it is infinite."""
        return self._average(self.log_loss_at, *self.log_loss_of_each(), most=-math.log(_LEAST))

    def log_loss_of_each(self) -> tuple[Array, Array]:
        """Return the log-loss of each image, and which of them count; of the others it is infinite."""
        known = self.column >= 0
        return np.where(known, self.log_loss_at(self.column), np.inf), known

    def log_loss_at(self, column: Array) -> Array:
        """Return the log-loss of each image if its class were that of a column; -1 has probability 0."""
        return np.asarray(-np.log(np.clip(self._given(column), _LEAST, 1.0)))

    def brier(self) -> Estimate:
        """Return the mean, over all images, of the squared distances summed over the classes: 0 to 2.

        An image of an unknown class is at a distance of 1 from probability 0 of its own, besides those that
        it gave the others.

        References
        ----------
        G. W. Brier, "Verification of forecasts expressed in terms of probability", 1950. For two classes this
        is twice what scikit-learn's `brier_score_loss` gives by default.
        """
        return self._average(self.brier_at, *self.brier_of_each(), most=2.0)

    def brier_of_each(self) -> tuple[Array, Array]:
        """Return the squared distance of each image, and which of them count: all."""
        return self.brier_at(self.column), np.ones(len(self.column), dtype=np.bool_)

    def brier_at(self, column: Array) -> Array:
        """Return the squared distance of each image, as `log_loss_at` does."""
        found: Array = (self.proba.astype(np.float64) ** 2).sum(axis=1) - 2 * self._given(column) + 1
        return found

    def top_k_accuracy(self, k: int) -> Estimate:
        """Return the share of images with their class among the `k` most probable; of equals the first."""
        known = self.column >= 0
        given = self.proba[np.arange(len(known)), self.column][:, None]
        before = np.arange(self.proba.shape[1]) < self.column[:, None]
        rank = ((self.proba > given) | ((self.proba == given) & before)).sum(axis=1)
        return measure_share(known & (rank < k), groups=self.groups, random_state=self.random_state)

    def confident(self) -> tuple[Array, Array]:
        """Return the probability of each image's answer, and whether it is right."""
        answer, _ = self._best_two
        return self._given(answer), answer == self.column

    @cached_property
    def _best_two(self) -> tuple[Array, Array]:
        return find_best_two(self.proba)

    def _given(self, column: Array) -> Array:
        return np.where(column >= 0, self.proba[np.arange(len(column)), column], 0.0).astype(np.float64)

    def _average(
        self, lose: Callable[[Array], Array], losses: Array, among: Array, *, most: float
    ) -> Estimate:
        """Return the mean loss of some images; `lose` tells it for other classes than theirs."""
        answered, next_best = (lose(column)[among] for column in self._best_two)
        losses, groups = losses[among], None if self.groups is None else self.groups[among]
        found = bootstrap(
            make_mean(losses),
            len(losses),
            groups=groups,
            random_state=self.random_state,
            summary=partial(summarize_positive, most=most),
        )
        if not len(losses):
            return found
        right = self.confident()[1][among]
        return allow_for_mistakes(found, losses, answered, next_best, right, groups=groups)


def find_best_two(proba: Array) -> tuple[Array, Array]:
    """Return the column of the most probable class of each image, and of the next, -1 if there is none.

    Examples
    --------
    >>> find_best_two(np.array([[0.2, 0.7, 0.1], [0.4, 0.2, 0.4]]))
    (array([1, 0]), array([0, 2]))
    """
    rows, first = np.arange(len(proba)), proba.argmax(axis=1)
    if proba.shape[1] < 2:
        return first, np.full(len(proba), -1)
    others = proba.astype(np.float64)
    others[rows, first] = -1
    return first, others.argmax(axis=1)
