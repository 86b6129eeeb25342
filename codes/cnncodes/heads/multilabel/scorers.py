"""Fitted multi-label heads as plain arrays, which predict with numpy alone."""

from __future__ import annotations

import numbers
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.heads.arrays import Array, check_numbers
from cnncodes.heads.regression.scorers import LinearNumberScorer, NeighborNumberScorer, NumberScorer
from cnncodes.heads.scoring import plain_classes

#: What chooses a threshold for each label.
F1 = "f1"

_OF_LABELS = ("classes", "slope", "offset", "threshold")


class LabelScorer(NumberScorer):
    """A fitted multi-label head as plain arrays.

    The number that it predicts of a code and a label is a decision value; the logistic function of slope
    times decision value plus offset is the label's probability.

    Attributes
    ----------
    classes : ndarray, shape (n_labels,)
        The labels.
    slope, offset : float64 ``[L]``
        What probabilities are made by (`cnncodes.heads.multilabel.calibration.fit_platt`).
    threshold : float64 ``[L]``
        The probability from which on a label is named.
    """

    classes: Array
    slope: Array
    offset: Array
    threshold: Array

    def decision(self, X: npt.ArrayLike) -> Array:
        """Return the decision values of codes ``[n, D]``: float64 ``[n, L]``, a row's whatever others are."""
        return self.predict(X)

    def proba_from_decision(self, decision: Array) -> Array:
        """Return the probability of each label, ``[n, L]``; decision values may be means over views."""
        return expit(self.slope * decision + self.offset)

    def choose(self, proba: Array) -> Array:
        """Say which labels are named by their probabilities: bool ``[n, L]``; false where one is NaN."""
        return np.asarray(proba >= self.threshold)

    def with_classes(self, classes: Array) -> Self:
        """Return one whose labels have these names, in the same order."""
        return replace(self, classes=classes)  # type: ignore[type-var]

    def to_arrays(self) -> dict[str, Array]:
        """Return everything as named arrays, none of which needs pickle.

        Raises
        ------
        SavedModelError
            If the labels are Python objects other than strings.
        """
        return super().to_arrays() | {"classes": plain_classes(self.classes)}

    def _check_labels(self) -> None:
        """Check and set the fields that are of labels."""
        classes, n = np.asarray(self.classes), self.n_targets
        if classes.shape != (n,) or len(set(classes.tolist())) < n:
            raise UsageError(f"classes must be a list of {n} different labels; got shape {classes.shape}")
        slope = check_numbers("slope", self.slope, (n,), np.float64)
        threshold = check_numbers("threshold", self.threshold, (n,), np.float64, above=0, largest=1)
        if (slope < 0).any():
            raise UsageError(f"slope must not be below 0; got {slope.min():g}")
        offset = check_numbers("offset", self.offset, (n,), np.float64)
        self._set(classes=classes, slope=slope, offset=offset, threshold=threshold)


def check_threshold(threshold: Any) -> None:
    """Raise `UsageError` unless it is ``"f1"`` or a number between 0 and 1."""
    number = isinstance(threshold, numbers.Real) and not isinstance(threshold, bool)
    if threshold != F1 and not (number and 0 < threshold < 1):
        raise UsageError(f"threshold must be {F1!r} or a number between 0 and 1. Got {threshold!r} instead.")


def expit(values: Array) -> Array:
    """Return the logistic function, with neither overflow nor a warning of one."""
    powers = np.exp(-np.abs(values))
    return np.asarray(np.where(values >= 0, 1, powers) / (1 + powers))


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearLabelScorer(LinearNumberScorer, LabelScorer):
    """A linear decision value of each label.

    Parameters
    ----------
    coef, intercept, l2_normalize, kind
        As of `LinearNumberScorer`, a row a label.
    classes, slope, offset, threshold
        As of `LabelScorer`.

    Raises
    ------
    UsageError
        If the shapes contradict each other or a number cannot be right.
    """

    TYPE: ClassVar[str] = "linear-labels"
    ARRAYS: ClassVar[tuple[str, ...]] = (*LinearNumberScorer.ARRAYS, *_OF_LABELS)

    classes: Array
    slope: Array
    offset: Array
    threshold: Array

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_labels()


@dataclass(frozen=True, eq=False, kw_only=True)
class NeighborLabelScorer(NeighborNumberScorer, LabelScorer):
    """Log-odds of each label's share among the nearest training rows; see `vote_odds`.

    Parameters
    ----------
    rows, targets, weight, k, mean, scale, kind
        As of `NeighborNumberScorer`; `targets` are 0 and 1, a column a label.
    classes, slope, offset, threshold
        As of `LabelScorer`.

    Raises
    ------
    UsageError
        If the shapes contradict each other or a number cannot be right.
    """

    TYPE: ClassVar[str] = "neighbor-labels"
    ARRAYS: ClassVar[tuple[str, ...]] = (*NeighborNumberScorer.ARRAYS, *_OF_LABELS)

    classes: Array
    slope: Array
    offset: Array
    threshold: Array

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_labels()
        varied = (self.targets == 1).any(axis=0) & (self.targets == 0).any(axis=0)
        if not np.isin(self.targets, (0, 1)).all() or not varied.all():
            raise UsageError("targets must be 0 and 1, and hold both in each column")

    @cached_property
    def _prior(self) -> Array:
        return np.average(self.targets, axis=0, weights=self.weight)

    def _decide(self, block: Array) -> Array:
        return vote_odds(super()._decide(block), self._prior, self.k)


def vote_odds(shares: Array, prior: Array, k: float) -> Array:
    """Return log-odds of labels that have those shares ``[q, L]`` of `k` votes, and one vote more.

    That one is shared as `prior` ``[L]`` says, which is between 0 and 1, so that none is certain.

    Examples
    --------
    >>> float(vote_odds(np.array([[0.5]]), np.array([0.5]), 10)[0, 0])
    0.0
    """
    return np.asarray(np.log((k * shares + prior) / (k * (1 - shares) + 1 - prior)))
