"""Classes that are betrayed by what is no picture: size, file type, border, brightness."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeClassifier

from cnncodes.evaluation.checks.finding import Finding
from cnncodes.evaluation.checks.looking import Look
from cnncodes.evaluation.intervals import Estimate, bootstrap, wilson
from cnncodes.heads.folds import Rows, Split, make_splits

Array = npt.NDArray[Any]

#: What a file is like; such things say nothing of what the picture shows.
OF_FILE = ("width", "height", "aspect ratio", "file type", "colour mode")
#: What is of the file and of the picture: busy pictures compress worse.
OF_SIZE = ("file size",)
#: What the picture is like as a whole; that may belong to a class, as night belongs to stars.
OF_PICTURE = ("border colour", "brightness")
#: Skill, 0 at chance and 1 where all is right, above which its interval must lie for a warning. On clothes
#: whose files betray nothing it is 0.37 by file size and 0.65 by brightness; and for being told at all.
WARN = {OF_FILE: 0.3, OF_SIZE: 0.6, OF_PICTURE: 0.8}
TELL = 0.15
#: Fewer images of a class show nothing.
LEAST = 10
_FOLDS, _SHUFFLES = 5, 5


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
    """

    balanced_accuracy: Estimate
    chance: float
    feature: str
    label: str
    label_skill: Estimate

    @property
    def skill(self) -> float:
        """The lower end of how far the tree, or its best class, is from chance: 0 to 1."""
        overall = (self.balanced_accuracy.low - self.chance) / (1 - self.chance)
        known = [value for value in (overall, self.label_skill.low) if not math.isnan(value)]
        return max(known, default=0.0)


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
    X, owner = _tabulate(looks, features)
    varies = (X[:1] != X).any(axis=0)
    X, owner = X[:, varies], owner[varies]
    group_ids = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    splits = _fold(y, group_ids, random_state)
    if not splits or not X.shape[1]:
        return None
    predicted, losses = _predict(X, y, splits, owner, random_state)
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
    feature = max(losses, key=lambda name: losses[name])
    return Betrayal(accuracy, 1 / len(classes), feature, str(classes[best]), skills[best])


def _fold(y: Array, group_ids: Array, random_state: int) -> list[Split]:
    """Return (training, held-out) rows; none where there is one class, or one that cannot be held out."""
    n = len(y)
    n_classes = int(y.max()) + 1 if n else 0
    ones = np.ones(n)
    rows = Rows(np.empty((n, 0)), y, ones, ones, np.arange(n), group_ids, n_classes, np.arange(n))
    splits = make_splits(rows, _FOLDS, random_state) if n_classes > 1 else []
    return splits if sum(len(test) for _, test in splits) == n else []


def check_metadata(
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


_WORDS = {
    OF_FILE: (
        "By size in pixels, file type and colour mode alone",
        "Save all images alike; else a classifier may learn where they come from, and not what they show.",
    ),
    OF_SIZE: (
        "By the size of the file alone",
        "Save all with one quality. Where the pictures of a class are plainer or busier, this is no fault.",
    ),
    OF_PICTURE: (
        "By border colour and brightness alone",
        "Where that is no part of the class, crop it or vary it; else a classifier may learn nothing more.",
    ),
}


def _report(found: Betrayal, n: int, warn: bool, features: tuple[str, ...]) -> Finding:
    told, (by, advice) = found.balanced_accuracy, _WORDS[features]
    above = f", above all {found.feature}" if len(features) > 1 else ""
    return Finding(
        check="metadata",
        severity="warn" if warn else "tell",
        certainty="likely",
        sentence=(
            f"{by}{above}, a tree is right in {told.value:.0%} of {n:,} images"
            f" (mean over classes; 95% interval {told.low:.0%} to {told.high:.0%}; chance"
            f" {found.chance:.0%}); it betrays {found.label!r} most."
        ),
        advice=advice,
        images=(),
        n=n,
        details={
            "feature": found.feature,
            "class": found.label,
            "chance": found.chance,
            "balanced_accuracy": _plain(told),
            "class_skill": _plain(found.label_skill),
            "skill": found.skill,
        },
    )


def _plain(found: Estimate) -> dict[str, float | int]:
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n}


def _tabulate(looks: Sequence[Look], features: tuple[str, ...]) -> tuple[Array, Array]:
    """Return a column for each number, and of each column the feature it belongs to."""
    columns: list[tuple[str, list[float]]] = [
        ("width", [look.width for look in looks]),
        ("height", [look.height for look in looks]),
        ("aspect ratio", [look.width / max(look.height, 1) for look in looks]),
        ("file size", [look.n_bytes for look in looks]),
        ("brightness", [look.brightness for look in looks]),
        *(("border colour", [look.border[channel] for look in looks]) for channel in range(3)),
    ]
    for name, values in (
        ("file type", [look.format for look in looks]),
        ("colour mode", [look.mode for look in looks]),
    ):
        columns += [(name, [float(value == one) for value in values]) for one in sorted(set(values))]
    wanted = [column for column in columns if column[0] in features]
    table = np.array([values for _, values in wanted], dtype=np.float64).reshape(len(wanted), -1).T
    return table, np.array([name for name, _ in wanted])


def _predict(
    X: Array, y: Array, splits: Any, owner: Array, random_state: int
) -> tuple[Array, dict[str, float]]:
    """Return held-out predictions, and by how much each feature's shuffling lowers what is right of them."""
    rng = np.random.default_rng(random_state)
    n_classes = int(y.max()) + 1
    predicted = np.zeros(len(y), dtype=np.int64)
    names = sorted(set(owner.tolist()))
    shuffled = {name: np.zeros((_SHUFFLES, len(y)), dtype=np.int64) for name in names}
    for train, test in splits:
        tree = DecisionTreeClassifier(
            max_leaf_nodes=max(8, 2 * n_classes),
            min_samples_leaf=max(2, len(train) // 200),
            class_weight="balanced",
            random_state=random_state,
        ).fit(X[train], y[train])
        predicted[test] = tree.predict(X[test])
        for name in names:
            for repeat in range(_SHUFFLES):
                mixed = X[test].copy()
                mixed[:, owner == name] = mixed[rng.permutation(len(test))][:, owner == name]
                shuffled[name][repeat, test] = tree.predict(mixed)
    ones = np.ones(len(y))
    right = _balanced(y, predicted, n_classes, ones)
    losses = {
        name: right - float(np.mean([_balanced(y, row, n_classes, ones) for row in rows]))
        for name, rows in shuffled.items()
    }
    return predicted, losses


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
