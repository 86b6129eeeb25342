"""The checks of images that are labelled with several labels each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cnncodes.errors import agree, count, name_some
from cnncodes.evaluation.checks import label_errors, label_metadata, label_set_errors, metadata
from cnncodes.evaluation.checks.finding import Finding
from cnncodes.evaluation.checks.labelled import Labelled, name_units
from cnncodes.evaluation.checks.report import LeftOut
from cnncodes.heads.multilabel.folds import count_sides

#: Different images with a label, and without, for heads to be fitted.
_LEAST_FOR_HEAD = 2


def find_in_label_sets(
    images: Labelled, names: Sequence[str], random_state: int
) -> tuple[list[Finding], list[LeftOut]]:
    """Report labels that are probably wrong, or betrayed by metadata, and what could not be checked.

    Parameters
    ----------
    images : Labelled
        Its labels are an indicator, shape (n, n_labels).
    names : sequence of str, length n_labels
    random_state : int
    """
    left_out = [LeftOut("classes", "the images have several labels, of which none excludes another.")]
    findings: list[Finding] = []
    chosen, why = _choose(images, names, _LEAST_FOR_HEAD)
    if len(chosen):
        Y, own = images.labels[:, chosen], [names[i] for i in chosen]
        found = label_set_errors.predict_labels(images.codes, Y, images.groups, random_state=random_state)
        findings += label_set_errors.find_suspected_label_sets(images.keys, Y, found, own)
        vague = [own[i] for i in np.flatnonzero(found.saved < label_errors.LEAST_SAVED)]
        if vague:
            few = f"{count(len(vague), 'label')} to call one wrong: {name_some(vague, 3)}."
            why = f"{why} Codes tell too little of {few}" if why else f"codes tell too little of {few}"
    left_out += [LeftOut("labels", why)] if why else []
    chosen, why = _choose(images, names, metadata.LEAST)
    if len(chosen):
        Y, own = images.labels[:, chosen], [names[i] for i in chosen]
        findings += label_metadata.find_betraying_label_metadata(
            images.looks, Y, images.groups, own, random_state=random_state
        )
    left_out += [LeftOut("metadata", why)] if why else []
    return findings, left_out


def _choose(images: Labelled, names: Sequence[str], least: int) -> tuple[npt.NDArray[np.int64], str]:
    """Return the labels that so many groups have, and lack, and what is to be said of the others."""
    if not len(images.keys):
        return np.empty(0, np.int64), "no image has a label."
    if not names:
        return np.empty(0, np.int64), "no image has any of the labels."
    enough = count_sides(images.groups, images.labels) >= least
    few = [name for name, is_enough in zip(names, enough, strict=True) if not is_enough]
    if not few:
        return np.flatnonzero(enough), ""
    below = f"fewer than {least} {name_units(images.groups)}"
    why = f"{len(few)} of {len(names)} labels {agree(len(few), 'is')} on, or lacking from,"
    return np.flatnonzero(enough), f"{why} {below}: {name_some(few, 3)}."
