"""Two classifiers on the same images: the difference of a figure, paired, and McNemar's exact test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError, suggest
from cnncodes.estimators.labels import check_random_state, check_same_kind, to_plain_list
from cnncodes.evaluation.columns import order_columns
from cnncodes.evaluation.confusion import Confusion, find_names
from cnncodes.evaluation.given import read_answers, read_groups, read_labels, refuse_masked
from cnncodes.evaluation.intervals import Estimate, bootstrap, make_mean
from cnncodes.evaluation.mistakes import allow_for_mistakes
from cnncodes.evaluation.probabilities import (
    Scored,
    check_named_once,
    check_probabilities,
    find_best_two,
    read_probabilities,
)
from cnncodes.plain import PlainResult

Array = npt.NDArray[Any]

#: A figure as a function of how often each image counts.
Statistic = Callable[[npt.NDArray[np.float64]], float]


def compare_paired(
    y: Any,
    a: Any,
    b: Any,
    *,
    classes: Any = None,
    figure: str = "accuracy",
    groups: Any = None,
    random_state: int = 0,
) -> Estimate:
    """Return a figure of predictions `a` less that of `b`, on the same images, with its interval.

    Parameters
    ----------
    y : array-like, shape (n_images,)
        True classes.
    a, b : array-like, shape (n_images,), or (n_images, n_classes) of float
        Two predictions of them: classes, or probabilities with columns as `classes`.
    classes : array-like, shape (n_classes,), or pair of such, optional
        Names of the columns of probabilities; a tuple of two where those of `a` and `b` differ.
    figure : {"accuracy", "balanced_accuracy", "log_loss", "brier"}
        The last two need probabilities, and are better where they are less. Log-loss counts the images whose
        class both know.
    groups, random_state
        As in `evaluate_predictions`.

    Returns
    -------
    Estimate
        Its interval is NaN where all resamples agree, as where no image is answered otherwise. Of losses it
        allows for mistakes that the images do not show (`allow_for_mistakes`).

    Raises
    ------
    UsageError
        If the shapes do not fit, a class is missing (None or NaN), text meets numbers, rows are no
        probabilities, or there are none and the figure needs them.

    Examples
    --------
    >>> compare_paired(["cat", "dog"], ["cat", "dog"], ["cat", "cat"]).value
    0.5
    >>> sure, unsure = np.array([[0.9, 0.1], [0.1, 0.9]]), np.full((2, 2), 0.5)
    >>> loss = compare_paired(["cat", "dog"], sure, unsure, classes=["cat", "dog"], figure="log_loss")
    >>> round(loss.value, 3)
    -0.588
    """
    if figure not in FIGURES:
        raise UsageError(f"unknown figure {figure!r}. {suggest(str(figure), FIGURES)}")
    check_random_state(random_state)
    y = read_labels(y)
    groups = read_groups(groups, len(y))
    names = classes if isinstance(classes, tuple) and len(classes) == 2 else (classes, classes)
    if figure in LOSSES:
        scored = [_score(y, given, of) for given, of in zip((a, b), names, strict=True)]
        return _compare_losses(scored, names, figure, groups, random_state)
    first, second = (_label(y, given, of) for given, of in zip((a, b), names, strict=True))
    gain = _GAINS[figure](y, first, second)
    return bootstrap(gain, len(y), groups=groups, random_state=random_state)


def _gain_accuracy(y: Array, a: Array, b: Array) -> Statistic:
    return make_mean((a == y).astype(np.float64) - (b == y))


def _gain_balanced_accuracy(y: Array, a: Array, b: Array) -> Statistic:
    names = np.unique(y)
    true = np.searchsorted(names, y)
    one, other = (Confusion(true, find_names(names, given), len(names)) for given in (a, b))
    return lambda weights: one.balanced_accuracy(weights) - other.balanced_accuracy(weights)


#: Differences of figures of classes: functions of how often each image counts, by the figure.
_GAINS: dict[str, Callable[[Array, Array, Array], Statistic]] = {
    "accuracy": _gain_accuracy,
    "balanced_accuracy": _gain_balanced_accuracy,
}
#: Losses of each image, of probabilities, and which images have one, by the figure that is their mean; and
#: what they would be of other classes.
_LOSSES: dict[str, tuple[Callable[[Scored], tuple[Array, Array]], Callable[[Scored, Array], Array]]] = {
    "log_loss": (Scored.log_loss_of_each, Scored.log_loss_at),
    "brier": (Scored.brier_of_each, Scored.brier_at),
}
#: Figures whose difference can be taken; less is better of losses, which need probabilities.
FIGURES, LOSSES = (*_GAINS, *_LOSSES), tuple(_LOSSES)


def _compare_losses(
    scored: list[Scored], names: Sequence[Any], figure: str, groups: Any, random_state: int
) -> Estimate:
    of_each, lose = _LOSSES[figure]
    (one, known), (other, also_known) = map(of_each, scored)
    among = known & also_known
    gain = one[among] - other[among]  # what is left out may be infinite in both
    groups = None if groups is None else groups[among]
    found = bootstrap(make_mean(gain), len(gain), groups=groups, random_state=random_state)
    shared, *places = np.intersect1d(*names, return_indices=True)
    if not len(gain) or len(shared) < 2:
        return found
    # What both together answer, and what comes next: of which images such would be neither may have shown.
    both = sum(each.proba[:, place].astype(np.float64) for each, place in zip(scored, places, strict=True))
    best = [[place[column] for place in places] for column in find_best_two(np.asarray(both))]
    answered, next_best = (
        np.subtract(*(lose(each, column)[among] for each, column in zip(scored, columns, strict=True)))
        for columns in best
    )
    right = (best[0][0] == scored[0].column)[among]
    return allow_for_mistakes(found, gain, answered, next_best, right, groups=groups)


def _label(y: Array, given: Any, classes: Any) -> Array:
    """Return predicted classes, of probabilities the most probable ones."""
    labels: Array = read_answers(given) if np.ndim(given) == 1 else np.asarray(given)
    if labels.ndim == 2 and len(y) == len(labels):
        names = np.asarray(classes)
        labels = names[_check_proba(given, classes).argmax(axis=1)]
        check_same_kind(y, names)
    if not len(y) or y.shape != labels.shape:
        raise UsageError(
            "y, a and b must be of the same images, at least one: a class each, or a row of probabilities."
            f" Got shapes {y.shape} and {labels.shape}."
        )
    check_same_kind(labels, np.unique(y), "predictions")
    return labels


def _score(y: Array, given: Any, classes: Any) -> Scored:
    proba = np.asarray(given)
    if not len(y) or proba.ndim != 2 or len(proba) != len(y):
        raise UsageError(
            f"log-loss and Brier score are of probabilities, a row for each of {len(y)} images, at least one."
            f" Got shape {proba.shape}; of classes compare the accuracy."
        )
    return Scored.make(y, _check_proba(given, classes), np.asarray(classes), None, 0)


def _check_proba(given: Any, classes: Any) -> Array:
    if classes is None:
        raise UsageError("classes is missing: the names of the columns of probabilities.")
    check_named_once(np.asarray(classes))
    proba = read_probabilities(order_columns(given, classes))
    check_probabilities(proba, len(classes))
    return proba


@dataclass(frozen=True)
class McNemar(PlainResult):
    """McNemar's exact test of two classifiers on the same images.

    Where there are groups they are counted, each once, by which of the two is right on more of its images.

    Attributes
    ----------
    both, neither : int
        Images on which both are right, and neither is.
    only_first, only_second : int
        Images on which one alone is right.
    wins, losses : int
        What was tested: images, or groups, that speak for the first and for the second.
    p_value : float
        Two-sided: how likely a division at least as uneven would be, were both as often right alone.
    """

    both: int
    neither: int
    only_first: int
    only_second: int
    wins: int
    losses: int
    p_value: float

    @property
    def counts_groups(self) -> bool:
        """Whether other numbers than those of images were tested."""
        return (self.wins, self.losses) != (self.only_first, self.only_second)

    def supports(self, gain: float) -> bool:
        """Say whether the test points the way of a gain, above 0 of the first: groups may point the other."""
        return gain * (self.wins - self.losses) > 0

    def swapped(self) -> McNemar:
        """Return the test of the second against the first."""
        return replace(
            self,
            only_first=self.only_second,
            only_second=self.only_first,
            wins=self.losses,
            losses=self.wins,
        )


def _read_one_each(given: Any) -> Array:
    """Return predicted classes; of rows, which probabilities are, say what takes these."""
    refuse_masked("predictions", given)
    values = given if hasattr(given, "ndim") else list(to_plain_list(given))
    rows = isinstance(values, list) and any(isinstance(value, list | tuple | np.ndarray) for value in values)
    if rows or getattr(values, "ndim", 1) > 1:
        raise UsageError(
            "predictions must name one class for each image. Got several values for each: of probabilities"
            " give the most probable classes, classes[proba.argmax(axis=1)], or compare_paired all of them."
        )
    return read_answers(values)


def run_mcnemar(y: Any, a: Any, b: Any, *, groups: Any = None) -> McNemar:
    """Test whether one of two predictions is right more often than the other, by the images they differ on.

    Parameters
    ----------
    y, a, b : array-like, shape (n_images,)
        True classes, and two predictions of them.
    groups : array-like, shape (n_images,), optional
        Images of a group are no separate evidence: it counts once, and not at all where it is even.

    Raises
    ------
    UsageError
        If the shapes do not fit, a class is missing (None or NaN), or text meets numbers.

    References
    ----------
    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12, 1947; the exact form is a binomial test of the images on which they differ.

    Examples
    --------
    >>> found = run_mcnemar([1] * 10, [1] * 8 + [0, 0], [0] * 8 + [1, 0])
    >>> found.only_first, found.only_second, found.both, found.neither, round(found.p_value, 4)
    (8, 1, 0, 1, 0.0391)
    """
    from scipy.stats import binomtest

    y, a, b = read_labels(y), _read_one_each(a), _read_one_each(b)
    if not len(y) or y.shape != a.shape or y.shape != b.shape:
        raise UsageError(
            "y, a and b must name one class for each of the same images. Got shapes"
            f" {y.shape}, {a.shape}, {b.shape}."
        )
    for labels in (a, b):
        check_same_kind(labels, np.unique(y), "predictions")
    first, second = a == y, b == y
    gain = first.astype(np.int64) - second
    members = read_groups(groups, len(y))
    if members is not None:
        gain = np.bincount(np.unique(members, return_inverse=True)[1], gain)
    wins, losses = int((gain > 0).sum()), int((gain < 0).sum())
    return McNemar(
        both=int((first & second).sum()),
        neither=int((~first & ~second).sum()),
        only_first=int((first & ~second).sum()),
        only_second=int((~first & second).sum()),
        wins=wins,
        losses=losses,
        p_value=float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0,
    )
