"""Classes that are betrayed by what is no picture: size, file type, border, brightness."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeClassifier

from cnncodes.errors import name_some
from cnncodes.evaluation.checks.betraying import (
    OF_FILE,
    OF_PICTURE,
    OF_SIZE,
    TELL,
    TOLD_BY,
    WARN,
    name_most,
    plain_estimate,
    predict_by_trees,
    report_betrayal,
    tabulate,
)
from cnncodes.evaluation.checks.finding import Finding
from cnncodes.evaluation.checks.looking import Look
from cnncodes.evaluation.intervals import Estimate, bootstrap
from cnncodes.evaluation.shares import Z, wilson
from cnncodes.heads.folds import Rows, Split, make_splits

Array = npt.NDArray[Any]

#: Fewer images of a class show nothing.
LEAST = 10
_FOLDS = 5


@dataclass(frozen=True)
class Betrayal:
    """How well a tree tells classes by metadata alone.

    Attributes
    ----------
    balanced_accuracy : Estimate
        Of images that the tree was not fitted on; bootstrap by group.
    chance : float
    feature : str
        Without which the held-out balanced accuracy falls most.
    label : str
        The class that is told best from all the others.
    label_skill : Estimate
        Its recall less the share of other images that are taken for it: 0 at chance. Its interval is that
        of Wilson's of the two.
    classes : tuple of str
        That class, and those of which at least half as large a share is taken for it: they are told from the
        rest, and not from each other.
    n_classes : int
    """

    balanced_accuracy: Estimate
    chance: float
    feature: str
    label: str
    label_skill: Estimate
    classes: tuple[str, ...]
    n_classes: int

    @property
    def skill(self) -> float:
        """The lower end of how far the tree, or its best class, is from chance: 0 to 1."""
        return self.rate(1)

    def rate(self, n_questions: int) -> float:
        """Return the skill as the best of so many questions has it: with intervals that all hold at once.

        By Bonferroni's correction, for intervals of a normal distribution.
        """
        wider = NormalDist().inv_cdf(1 - 0.025 / n_questions) / Z
        told, own = self.balanced_accuracy, self.label_skill
        overall = (told.value - wider * (told.value - told.low) - self.chance) / (1 - self.chance)
        found = (overall, own.value - wider * (own.value - own.low))
        return max((value for value in found if not math.isnan(value)), default=0.0)


def measure_betrayal(
    looks: Sequence[Look],
    labels: Any,
    groups: Any = None,
    *,
    features: tuple[str, ...] = OF_FILE + OF_SIZE + OF_PICTURE,
    random_state: int = 0,
) -> Betrayal | None:
    """Return how well a small decision tree tells the classes by metadata alone, cross-validated.

    Parameters
    ----------
    looks : sequence of Look, length n
    labels : array-like of str, shape (n,)
    groups : array-like, shape (n,), optional
        Images of a group are in one fold.
    features : tuple of str
        Names in `OF_FILE`, `OF_SIZE` and `OF_PICTURE`.
    random_state : int
        Decides folds, trees and resamples.

    Returns
    -------
    Betrayal or None
        None where no folds can be made, or all images are alike in the features.
    """
    classes, y = np.unique(np.asarray(labels), return_inverse=True)
    X, owner = tabulate(looks, features)
    group_ids = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    splits = _fold(y, group_ids, random_state)
    if not splits or not X.shape[1]:
        return None
    ones = np.ones(len(y))
    predicted, feature = predict_by_trees(
        X,
        y,
        splits,
        owner,
        functools.partial(_make_tree, len(classes), random_state),
        lambda told: _balanced(y, told, len(classes), ones),
        random_state,
    )
    accuracy = bootstrap(
        lambda weights: _balanced(y, predicted, len(classes), weights),
        len(y),
        groups=group_ids,
        random_state=random_state,
        resamples=500,
    )
    if math.isnan(accuracy.low):  # where every answer is right, resamples do not differ: Wilson's instead
        accuracy = wilson(round(accuracy.value * len(y)), len(y))
    skills = [_class_skill(y, predicted, k) for k in range(len(classes))]
    best = int(np.argmax([skill.low for skill in skills]))
    group = tuple(str(classes[k]) for k in _find_group(y, predicted, best, len(classes)))
    return Betrayal(
        accuracy, 1 / len(classes), feature, str(classes[best]), skills[best], group, len(classes)
    )


def _make_tree(n_classes: int, random_state: int, n_rows: int) -> DecisionTreeClassifier:
    return DecisionTreeClassifier(
        max_leaf_nodes=max(8, 2 * n_classes),
        min_samples_leaf=max(2, n_rows // 200),
        class_weight="balanced",
        random_state=random_state,
    )


def _fold(y: Array, group_ids: Array, random_state: int) -> list[Split]:
    """Return (training, held-out) rows; none where there is one class, or one that cannot be held out."""
    n = len(y)
    n_classes = int(y.max()) + 1 if n else 0
    ones = np.ones(n)
    rows = Rows(np.empty((n, 0)), y, ones, ones, np.arange(n), group_ids, n_classes, np.arange(n))
    splits = make_splits(rows, _FOLDS, random_state) if n_classes > 1 else []
    return splits if sum(len(test) for _, test in splits) == n else []


def find_betraying_metadata(
    looks: Sequence[Look], labels: Any, groups: Any = None, *, random_state: int = 0
) -> list[Finding] | None:
    """Report whether the classes, or one of them, can be told without looking at the picture.

    By size in pixels, type and mode; by the file's size; and by border and brightness, each by itself. The
    first is a warning from a skill of 0.3 on, the others, which may belong to the class, from 0.6 and 0.8.

    Parameters
    ----------
    looks, labels, groups, random_state
        As in `measure_betrayal`.

    Returns
    -------
    list of Finding or None
        None where no folds can be made.
    """
    y = np.unique(np.asarray(labels), return_inverse=True)[1]
    own = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    if not _fold(y, own, random_state):
        return None
    findings = []
    for features, least in WARN.items():
        found = measure_betrayal(looks, labels, groups, features=features, random_state=random_state)
        if found is not None and found.skill >= TELL:
            findings.append(_report(found, len(looks), found.skill >= least, features))
    return findings


def _report(found: Betrayal, n: int, warn: bool, features: tuple[str, ...]) -> Finding:
    told = found.balanced_accuracy
    sentence = (
        f"{TOLD_BY[features]}{name_most(features, found.feature)}, a tree is right in {told.value:.0%} of"
        f" {n:,} images (mean over classes; 95% interval {told.low:.0%} to {told.high:.0%}; chance"
        f" {found.chance:.0%}); {_say_told(found)}."
    )
    details = {
        "feature": found.feature,
        "class": found.label,
        "classes": list(found.classes),
        "chance": found.chance,
        "balanced_accuracy": plain_estimate(told),
        "class_skill": plain_estimate(found.label_skill),
        "skill": found.skill,
    }
    return report_betrayal(features, sentence, n, details, warn=warn, noun="class", which="of a class")


def _say_told(found: Betrayal) -> str:
    """Say which class is betrayed, or which ones share what is."""
    n, own = len(found.classes), found.label_skill
    if n == 1:
        skill = f"{own.value:.2f}, {max(own.low, 0.0):.2f} to {min(own.high, 1.0):.2f}"
        return f"it betrays {found.label!r} most (skill {skill}; 1 is all of its images and no others)"
    return (
        f"it divides the classes into groups: of {found.n_classes} it tells {n} from the others, and not from"
        f" each other ({name_some(found.classes)})"
    )


def _find_group(y: Array, predicted: Array, best: int, n_classes: int) -> list[int]:
    """Return the classes that are often taken for the best; it alone where all are."""
    taken = np.bincount(y, predicted == best, minlength=n_classes) / np.bincount(y, minlength=n_classes)
    group: list[int] = np.flatnonzero(taken >= taken[best] / 2).tolist()
    return group if len(group) < n_classes else [best]


def _balanced(y: Array, predicted: Array, n_classes: int, weights: Array) -> float:
    of_class = np.bincount(y, weights, minlength=n_classes)
    right = np.bincount(y, weights * (predicted == y), minlength=n_classes)
    occurs = of_class > 0
    return float(np.mean(right[occurs] / of_class[occurs]))


def _class_skill(y: Array, predicted: Array, k: int) -> Estimate:
    own = y == k
    found = wilson(int((predicted[own] == k).sum()), int(own.sum()))
    taken = wilson(int((predicted[~own] == k).sum()), int((~own).sum()))
    value = found.value - taken.value
    low = value - math.hypot(found.value - found.low, taken.high - taken.value)
    high = value + math.hypot(found.high - found.value, taken.value - taken.low)
    return Estimate(value, low, high, len(y))
