"""The checks of images that are labelled with a number each."""

from __future__ import annotations

import numpy as np

from cnncodes.evaluation.checks import number_errors, number_metadata
from cnncodes.evaluation.checks.clipping import clip_numbers, find_deviation
from cnncodes.evaluation.checks.finding import Finding
from cnncodes.evaluation.checks.labelled import Labelled
from cnncodes.evaluation.checks.report import LeftOut


def find_in_numbers(images: Labelled, random_state: int) -> tuple[list[Finding], list[LeftOut]]:
    """Report numbers that are probably wrong, or betrayed by metadata, and what could not be checked."""
    left_out = [LeftOut("classes", "the labels are numbers.")]
    findings: list[Finding] = []
    why = _say_why_not(images, number_metadata.LEAST_GROUPS)
    if why:
        left_out.append(LeftOut("metadata", why))
    else:
        y = clip_numbers(images.labels)
        findings += number_metadata.find_betraying_number_metadata(
            images.looks, y, images.groups, random_state=random_state
        )
    why = _say_why_not(images, number_errors.LEAST_GROUPS)
    if not why and not find_deviation(images.labels):
        why = f"more than half of the numbers are {np.median(images.labels):g}, so that no error is usual."
    if why:
        return findings, [*left_out, LeftOut("labels", why)]
    numbers = images.labels
    found = number_errors.predict_numbers(images.codes, numbers, images.groups, random_state=random_state)
    if found.r2 < number_errors.LEAST_R2:
        why = (
            f"codes tell too little of the numbers to call one wrong (R2 {found.r2:.2f} on {len(numbers):,}"
            " images, each held out)."
        )
        return findings, [*left_out, LeftOut("labels", why)]
    return [*findings, *number_errors.find_suspected_numbers(images.keys, numbers, found)], left_out


def _say_why_not(images: Labelled, groups: int) -> str:
    """Return why there is nothing to check; empty where there are enough images of so many groups."""
    n, n_groups = len(images.keys), len(np.unique(images.groups))
    if not n:
        return "no image has a number."
    if n > 1 and np.ptp(images.labels) == 0:
        return f"all {n:,} numbers are {images.labels[0]:g}."
    if n < number_errors.LEAST or n_groups < groups:
        return (
            f"that takes {number_errors.LEAST} images with numbers, of {groups} groups (without groups each"
            f" is one, and copies are one); there are {n}, of {n_groups}."
        )
    return ""
