"""Labels, of several an image, that are betrayed by what is no picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from cnncodes.errors import count, name_some
from cnncodes.evaluation.checks.betraying import (
    TELL,
    TOLD_BY,
    WARN,
    name_most,
    plain_estimate,
    report_betrayal,
)
from cnncodes.evaluation.checks.finding import Finding
from cnncodes.evaluation.checks.looking import Look
from cnncodes.evaluation.checks.metadata import Betrayal, measure_betrayal

Array = npt.NDArray[Any]

_Told = list[tuple[str, float, Betrayal]]


def find_betraying_label_metadata(
    looks: Sequence[Look], Y: Array, groups: Array, names: Sequence[str], *, random_state: int = 0
) -> list[Finding]:
    """Report which labels can be told without looking at the picture.

    Each by itself, with and without it as two classes: see `cnncodes.evaluation.checks.metadata`. Of many
    labels some are told by chance: a label's skill is rated by intervals that hold for all labels at once.

    Parameters
    ----------
    looks : sequence of Look, length n
    Y : ndarray of int8, shape (n, n_labels)
        1 where an image has a label, else 0.
    groups : ndarray of int64, shape (n,)
    names : sequence of str, length n_labels
    random_state : int
        Decides folds, trees and resamples.
    """
    findings = []
    for features, least in WARN.items():
        told: _Told = []
        for name, column in zip(names, Y.T, strict=True):
            found = measure_betrayal(looks, column, groups, features=features, random_state=random_state)
            skill = 0.0 if found is None else found.rate(Y.shape[1])
            if found is not None and skill >= TELL:
                told.append((str(name), skill, found))
        if told:
            told.sort(key=lambda one: -one[1])
            findings.append(_report(told, len(looks), Y.shape[1], told[0][1] >= least, features))
    return findings


def _report(told: _Told, n: int, n_labels: int, warn: bool, features: tuple[str, ...]) -> Finding:
    name, _, most = told[0]
    right = most.balanced_accuracy
    more = f" Also told: {name_some([other for other, _, _ in told[1:]])}." if len(told) > 1 else ""
    sentence = (
        f"{TOLD_BY[features]}, a tree tells {len(told):,} of {count(n_labels, 'label')}, most of all {name!r}"
        f"{name_most(features, most.feature)}: right in {right.value:.0%} of {n:,} images (mean over those"
        f" with and without it; 95% interval {right.low:.0%} to {right.high:.0%}; chance 50%).{more}"
    )
    labels = [
        {
            "label": one,
            "feature": found.feature,
            "chance": found.chance,
            "balanced_accuracy": plain_estimate(found.balanced_accuracy),
            "skill": skill,
        }
        for one, skill, found in told
    ]
    details = {"labels": labels}
    return report_betrayal(features, sentence, n, details, warn=warn, noun="label", which="with a label")
