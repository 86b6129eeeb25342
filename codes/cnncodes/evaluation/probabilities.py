"""Figures of probabilities: log-loss, Brier score, and whether the true class is among the first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.evaluation.confusion import find_names
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
    """Raise `UsageError` where a class is named twice: which of its columns would be its own?"""
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
    def make(cls, y: Array, proba: Array, classes: Array, groups: Any, random_state: int) -> Scored:
        """Find the true classes `y` among the `classes` of the columns, in whatever order these are."""
        order = np.argsort(classes)
        place = find_names(classes[order], y)
        column = np.where(place < len(classes), order[np.minimum(place, len(classes) - 1)], -1)
        return cls(proba, column, None if groups is None else np.asarray(groups), random_state)

    def log_loss(self) -> Estimate:
        """Return the mean log-loss in nats over the images of known classes: of others it is infinite."""
        losses, known = self.log_loss_of_each()
        first, second = (_lose_log(given) for given in self._first_two())
        return self._average(losses, known, first, second, most=-math.log(_LEAST))

    def log_loss_of_each(self) -> tuple[Array, Array]:
        """Return the log-loss of each image, and which of them count; of the others it is infinite."""
        known = self.column >= 0
        losses = _lose_log(self.proba[np.arange(len(known)), self.column])
        return np.where(known, losses, np.inf), known

    def brier(self) -> Estimate:
        """Return the mean, over all images, of the squared distances summed over the classes: 0 to 2.

        An image of an unknown class is at a distance of 1 from probability 0 of its own, besides those that
        it gave the others.

        References
        ----------
        G. W. Brier, "Verification of forecasts expressed in terms of probability", 1950. For two classes this
        is twice what scikit-learn's `brier_score_loss` gives by default.
        """
        losses, known = self.brier_of_each()
        first, second = (self._lose_squares(given) for given in self._first_two())
        return self._average(losses, known, first, second, most=2.0)

    def brier_of_each(self) -> tuple[Array, Array]:
        """Return the squared distance of each image, and which of them count: all."""
        known = self.column >= 0
        given = np.where(known, self.proba[np.arange(len(known)), self.column], 0.0)
        return self._lose_squares(given), np.ones(len(known), dtype=np.bool_)

    def top_k_accuracy(self, k: int) -> Estimate:
        """Return the share of images with their class among the `k` most probable; of equals the first."""
        known = self.column >= 0
        given = self.proba[np.arange(len(known)), self.column][:, None]
        before = np.arange(self.proba.shape[1]) < self.column[:, None]
        rank = ((self.proba > given) | ((self.proba == given) & before)).sum(axis=1)
        return measure_share(known & (rank < k), groups=self.groups, random_state=self.random_state)

    def confident(self) -> tuple[Array, Array]:
        """Return the probability of each image's answer, and whether it is right."""
        answer = self.proba.argmax(axis=1)
        return self.proba[np.arange(len(answer)), answer].astype(np.float64), answer == self.column

    def _first_two(self) -> tuple[Array, Array]:
        """Return the probabilities of each image's answer, and of the next best class, 0 if there is none."""
        if self.proba.shape[1] < 2:
            return self.proba[:, 0], np.zeros_like(self.proba[:, 0])
        ordered = np.partition(self.proba, -2, axis=1)
        return ordered[:, -1], ordered[:, -2]

    def _lose_squares(self, given: Array) -> Array:
        """Return the squared distances of images of a class that has been `given` such probabilities."""
        found: Array = (self.proba.astype(np.float64) ** 2).sum(axis=1) - 2 * given + 1
        return found

    def _average(
        self, losses: Array, among: Array, answered: Array, next_best: Array, *, most: float
    ) -> Estimate:
        """Return the mean loss; `answered` and `next_best` are as in `allow_for_mistakes`."""
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
        return allow_for_mistakes(found, losses, answered[among], next_best[among], right, groups=groups)


def _lose_log(given: Array) -> Array:
    return np.asarray(-np.log(np.clip(given.astype(np.float64), _LEAST, 1.0)))
