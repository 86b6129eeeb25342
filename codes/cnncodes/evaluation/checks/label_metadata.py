"""Labels, of several an image, that are betrayed by what is no picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from cnncodes.errors import name_some
from cnncodes.evaluation.checks.betraying import OF_FILE, OF_PICTURE, OF_SIZE, TELL, WARN, plain_estimate
from cnncodes.evaluation.checks.finding import Finding, count
from cnncodes.evaluation.checks.looking import Look
from cnncodes.evaluation.checks.metadata import Betrayal, measure_betrayal

Array = npt.NDArray[Any]

_Told = list[tuple[str, float, Betrayal]]


def check_label_metadata(
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


_WORDS = {
    OF_FILE: (
        "By size in pixels, file type and colour mode alone",
        "Save all images alike; else a classifier may learn where they come from, and not what they show.",
    ),
    OF_SIZE: (
        "By the size of the file alone",
        "Save all with one quality. Where the pictures with a label are plainer or busier, this is no fault.",
    ),
    OF_PICTURE: (
        "By border colour and brightness alone",
        "Where that is no part of the label, crop it or vary it; else a classifier may learn nothing more.",
    ),
}


def _report(told: _Told, n: int, n_labels: int, warn: bool, features: tuple[str, ...]) -> Finding:
    (name, _, most), (by, advice) = told[0], _WORDS[features]
    right = most.balanced_accuracy
    above = f", above all {most.feature}" if len(features) > 1 else ""
    more = f" Also told: {name_some([other for other, _, _ in told[1:]])}." if len(told) > 1 else ""
    return Finding(
        check="metadata",
        severity="warn" if warn else "tell",
        certainty="likely",
        sentence=(
            f"{by}, a tree tells {len(told):,} of {count(n_labels, 'label')}, most of all {name!r}{above}:"
            f" right in {right.value:.0%} of {n:,} images (mean over those with and without it; 95% interval"
            f" {right.low:.0%} to {right.high:.0%}; chance 50%).{more}"
        ),
        advice=advice,
        images=(),
        n=n,
        details={
            "labels": [
                {
                    "label": one,
                    "feature": found.feature,
                    "chance": found.chance,
                    "balanced_accuracy": plain_estimate(found.balanced_accuracy),
                    "skill": skill,
                }
                for one, skill, found in told
            ]
        },
    )
