"""Several classifiers on the same images: each one's figures, and of each two whether they differ."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError, count
from cnncodes.estimators.labels import check_answers
from cnncodes.evaluation.columns import order_columns
from cnncodes.evaluation.figures import FIGURES as SHARES
from cnncodes.evaluation.figures import show_result
from cnncodes.evaluation.given import read_groups, read_labels
from cnncodes.evaluation.intervals import NO_INTERVAL, Estimate, count_groups
from cnncodes.evaluation.metrics import evaluate_predictions
from cnncodes.evaluation.paired import FIGURES, LOSSES, McNemar, compare_paired, run_mcnemar
from cnncodes.evaluation.thresholds import LEVEL
from cnncodes.plain import PlainResult

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Contestant:
    """A classifier and its figures, as `evaluate_predictions` gives them.

    Attributes
    ----------
    name : str
    accuracy, balanced_accuracy : Estimate
    log_loss, brier : Estimate or None
        None where it gives no probabilities.
    """

    name: str
    accuracy: Estimate
    balanced_accuracy: Estimate
    log_loss: Estimate | None
    brier: Estimate | None


@dataclass(frozen=True)
class Pair:
    """The first of two classifiers less the second, on the same images.

    Attributes
    ----------
    first, second : str
    accuracy, balanced_accuracy : Estimate
        Above 0 where the first is better.
    log_loss, brier : Estimate or None
        Below 0 where the first is better; log-loss is over images whose class both know. None without
        probabilities of both.
    mcnemar : McNemar
    p_adjusted : float
        The test's p-value for as many pairs as there are, after Holm.
    missing : dict of str to str
        Why a figure, or its interval, is missing, by its name.
    """

    first: str
    second: str
    accuracy: Estimate
    balanced_accuracy: Estimate
    log_loss: Estimate | None
    brier: Estimate | None
    mcnemar: McNemar
    p_adjusted: float
    missing: dict[str, str]

    def __repr__(self) -> str:
        accuracy, p = SHARES["accuracy"].say_gap(self.accuracy, signed=True), f"p {self.p_adjusted:.2g}"
        return show_result(self, f"{self.first} less {self.second}", accuracy, p)

    @property
    def clear(self) -> bool:
        """Whether the interval of the accuracy leaves 0 out, if there is one, and McNemar's test agrees."""
        low, high = self.accuracy.low, self.accuracy.high
        agrees = self.p_adjusted < LEVEL and self.mcnemar.supports(self.accuracy.value)
        return (low > 0 or high < 0 or math.isnan(low)) and agrees

    def describe(self) -> str:
        """Say in words which is right more often, and whether these images can tell."""
        gain, test = self.accuracy, self.mcnemar
        names = (self.first, self.second)
        if test.only_first == test.only_second == 0:
            return f"no difference between {names[0]} and {names[1]}: right on the same of {gain.n:,} images"
        if gain.value < 0:
            gain = Estimate(-gain.value, -gain.high, -gain.low, gain.n)
            names, test = names[::-1], test.swapped()
        low, value, high = (100 * end for end in (gain.low, gain.value, gain.high))
        points = f"{value:.1f} points" + ("" if math.isnan(low) else f" [{low:+z.1f}, {high:+z.1f}]")
        counts = (
            f"of {gain.n:,} images it alone is right on {test.only_first:,}, the other alone on"
            f" {test.only_second:,};"
        )
        if test.counts_groups:
            counts += f" of groups it has more right in {test.wins:,}, the other in {test.losses:,}:"
        counts += f" p = {self.p_adjusted:.2g} by McNemar's exact test"
        if self.clear:
            return f"{names[0]} is right more often than {names[1]}, by {points} ({counts})"
        if gain.value == 0:
            return f"no difference in accuracy: {names[0]} and {names[1]} are as often right ({counts})"
        return f"no clear difference in accuracy: {names[0]} is ahead of {names[1]} by {points} ({counts})"


@dataclass(frozen=True)
class ClassifierComparison(PlainResult):
    """Several classifiers on the same images.

    Attributes
    ----------
    n : int
        Images.
    n_groups : int or None
        Groups that intervals and tests go by; None where they go by images.
    classifiers : list of Contestant
    pairs : list of Pair
        Each two of them.
    """

    n: int
    n_groups: int | None
    classifiers: list[Contestant]
    pairs: list[Pair]

    def __repr__(self) -> str:
        share = SHARES["accuracy"]
        said = [f"{one.name}: {share.say(one.accuracy)}" for one in self.classifiers]
        return show_result(self, count(self.n, "image"), *said)


def compare_classifiers(
    y: Any, predicted: Mapping[str, Any], classes: Any = None, *, groups: Any = None, random_state: int = 0
) -> ClassifierComparison:
    """Compare classifiers by what they said of the same images.

    Differences are paired: both are measured on each resample of the images. Their intervals are of 95 %
    each, whatever the number of pairs; p-values of McNemar's test are raised for it (Holm 1979).

    Parameters
    ----------
    y : array-like of str, shape (n_images,)
        True classes. One that a classifier does not know counts as wrong.
    predicted : mapping of str to array-like, shape (n_images,) or (n_images, n_classes)
        For each classifier its answers: classes, or probabilities.
    classes : array-like of str, or mapping of str to such, optional
        Names of the columns of probabilities, for all or for each. Needed where there are probabilities.
    groups, random_state
        As in `evaluate_predictions`.

    Raises
    ------
    UsageError
        If there are not at least two classifiers, or their answers do not fit the images.

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6,
    1979.

    Examples
    --------
    >>> y = ["cat", "dog"] * 20
    >>> found = compare_classifiers(y, {"all": y, "cats": ["cat"] * 40})
    >>> print(found.pairs[0].describe())
    all is right more often than cats, by 50.0 points [+35.0, +65.0] (of 40 images it alone is right on 20, \
the other alone on 0; p = 1.9e-06 by McNemar's exact test)
    """
    if len(predicted) < 2:
        raise UsageError(f"a comparison is of at least two classifiers. Got {len(predicted)}.")
    y = read_labels(y)
    names = {name: _find_classes(name, one, classes) for name, one in predicted.items()}
    given = {name: _read(one, names[name]) for name, one in predicted.items()}
    members = read_groups(groups, len(y))
    options = {"groups": members, "random_state": random_state}
    entered = [_enter(name, y, given[name], names[name], options) for name in given]
    pairs = [
        _compare(y, (a, b), (given[a], given[b]), (names[a], names[b]), options)
        for a, b in itertools.combinations(given, 2)
    ]
    adjusted = adjust_p_values([pair.mcnemar.p_value for pair in pairs])
    return ClassifierComparison(
        n=len(y),
        n_groups=None if members is None else count_groups(members),
        classifiers=entered,
        pairs=[replace(pair, p_adjusted=p) for pair, p in zip(pairs, adjusted, strict=True)],
    )


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """Return p-values of several tests such that below a level one is wrong no oftener than that (Holm).

    Examples
    --------
    >>> adjust_p_values([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    raised = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values)[order] * factors))
    found = np.empty(len(p_values))
    found[order] = raised
    return [float(p) for p in found]


def _find_classes(name: str, given: Any, classes: Any) -> Array:
    own = classes.get(name) if isinstance(classes, Mapping) else classes
    if own is None:
        if np.ndim(given) != 1:
            raise UsageError(f"classes is missing: the names of the columns of {name!r}.")
        return np.unique(check_answers(given))
    return np.asarray(own)


def _read(given: Any, classes: Array) -> Array:
    """Return what a classifier said as an array, for all that looks into it."""
    found: Array = check_answers(given) if np.ndim(given) == 1 else np.asarray(order_columns(given, classes))
    return found


def _enter(name: str, y: Array, given: Array, classes: Array, options: dict[str, Any]) -> Contestant:
    figures = evaluate_predictions(y, given, classes, **options)
    return Contestant(name, **{key: getattr(figures, key) for key in FIGURES})


def _compare(
    y: Array,
    names: tuple[str, str],
    given: tuple[Array, Array],
    classes: tuple[Array, Array],
    options: dict[str, Any],
) -> Pair:
    silent = [name for name, one in zip(names, given, strict=True) if one.ndim == 1]
    labels = [
        one if one.ndim == 1 else of[one.argmax(axis=1)] for one, of in zip(given, classes, strict=True)
    ]
    figures: dict[str, Estimate | None] = dict.fromkeys(FIGURES)
    missing: dict[str, str] = {}
    for figure in FIGURES:
        if figure in LOSSES and silent:
            missing[figure] = f"there are no probabilities of {' and '.join(silent)}"
            continue
        found = compare_paired(y, *given, classes=classes, figure=figure, **options)
        figures[figure] = found
        if math.isnan(found.value):
            missing[figure] = "no image is of a class that both know"
        elif math.isnan(found.low):
            missing[figure] = NO_INTERVAL
    test = run_mcnemar(y, *labels, groups=options["groups"])
    return Pair(*names, **figures, mcnemar=test, p_adjusted=test.p_value, missing=missing)  # type: ignore[arg-type]  # the first two are always there
