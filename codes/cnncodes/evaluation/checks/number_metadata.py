"""Numbers that are betrayed by what is no picture: size, file type, border, brightness."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeRegressor

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
from cnncodes.evaluation.numbers import make_statistics
from cnncodes.heads.folds import split_images

Array = npt.NDArray[Any]

#: With fewer groups the interval of R2 means little.
LEAST_GROUPS = 10
_FOLDS, _RESAMPLES = 5, 500


@dataclass(frozen=True)
class NumberBetrayal:
    """How well a tree tells numbers by metadata alone.

    Attributes
    ----------
    r2 : Estimate
        Of images that the tree was not fitted on; bootstrap by group.
    feature : str
        Without which R2 falls most.
    """

    r2: Estimate
    feature: str


def measure_number_betrayal(
    looks: Sequence[Look],
    y: Array,
    groups: Array,
    *,
    features: tuple[str, ...] = OF_FILE + OF_SIZE + OF_PICTURE,
    random_state: int = 0,
) -> NumberBetrayal | None:
    """Return how well a small regression tree tells numbers by metadata alone, cross-validated.

    Parameters
    ----------
    looks : sequence of Look, length n
    y : ndarray of float64, shape (n,)
    groups : ndarray of int64, shape (n,)
        Images of a group are in one fold.
    features : tuple of str
        Names in `OF_FILE`, `OF_SIZE` and `OF_PICTURE`.
    random_state : int
        Decides folds, trees and resamples.

    Returns
    -------
    NumberBetrayal or None
        None where all images are of one group, or alike in the features, or all numbers are equal.
    """
    X, owner = tabulate(looks, features)
    splits = split_images(np.zeros(len(y), dtype=np.int64), groups, _FOLDS, random_state)
    if not splits or not X.shape[1] or np.ptp(y) == 0:
        return None
    ones = np.ones(len(y))
    predicted, feature = predict_by_trees(
        X,
        y,
        splits,
        owner,
        functools.partial(_make_tree, random_state),
        lambda told: make_statistics(y, told)["r2"](ones),
        random_state,
    )
    options: dict[str, Any] = {"groups": groups, "random_state": random_state, "resamples": _RESAMPLES}
    return NumberBetrayal(bootstrap(make_statistics(y, predicted)["r2"], len(y), **options), feature)


def _make_tree(random_state: int, n_rows: int) -> DecisionTreeRegressor:
    return DecisionTreeRegressor(
        max_leaf_nodes=8, min_samples_leaf=max(5, n_rows // 200), random_state=random_state
    )


def find_betraying_number_metadata(
    looks: Sequence[Look], y: Array, groups: Array, *, random_state: int = 0
) -> list[Finding]:
    """Report whether numbers can be told without looking at the picture.

    By size in pixels, type and mode; by the file's size; and by border and brightness, each by itself. What
    counts is the lower end of R2: told from 0.15 on, a warning from 0.3, 0.6 and 0.8 on.
    """
    findings = []
    for features, least in WARN.items():
        found = measure_number_betrayal(looks, y, groups, features=features, random_state=random_state)
        if found is not None and found.r2.low >= TELL:
            findings.append(_report(found, len(looks), found.r2.low >= least, features))
    return findings


def _report(found: NumberBetrayal, n: int, warn: bool, features: tuple[str, ...]) -> Finding:
    told = found.r2
    sentence = (
        f"{TOLD_BY[features]}{name_most(features, found.feature)}, a tree tells the numbers with an R2 of"
        f" {told.value:.2f} (95% interval {told.low:.2f} to {told.high:.2f}; {n:,} images; 0 is what their"
        " mean has)."
    )
    return report_betrayal(
        features,
        sentence,
        n,
        {"feature": found.feature, "r2": plain_estimate(told)},
        warn=warn,
        noun="number",
        which="of larger numbers",
        learner="regressor",
    )
