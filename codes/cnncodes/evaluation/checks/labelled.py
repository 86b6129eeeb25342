"""The checks that need labels, each on the classes that have enough images for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import agree, name_some
from cnncodes.evaluation.checks import confusable, label_errors, metadata
from cnncodes.evaluation.checks.finding import Finding
from cnncodes.evaluation.checks.looking import Look
from cnncodes.evaluation.checks.predicting import predict_out_of_fold
from cnncodes.evaluation.checks.report import LeftOut

#: Images of a class that are different and in groups of their own, for a head to be fitted without one.
_LEAST_FOR_HEAD = 2

#: What was found, and what could not be looked at.
Found = tuple[list[Finding], list[LeftOut]]


@dataclass(frozen=True)
class Labelled:
    """Images with their labels.

    Attributes
    ----------
    keys : list of str, length n
    looks : list of Look, length n
    codes : ndarray of float32, shape (n, code_size)
    labels : ndarray of str, shape (n,)
    groups : ndarray of int64, shape (n,)
        The same for images that belong together, copies among them.
    """

    keys: Sequence[str]
    looks: Sequence[Look]
    codes: npt.NDArray[np.float32]
    labels: npt.NDArray[Any]
    groups: npt.NDArray[np.int64]

    def take(self, rows: npt.NDArray[np.int64]) -> Labelled:
        """Return some of the images."""
        keys, looks = [self.keys[i] for i in rows], [self.looks[i] for i in rows]
        return Labelled(keys, looks, self.codes[rows], self.labels[rows], self.groups[rows])


def find_in_classes(images: Labelled, random_state: int) -> tuple[list[Finding], list[LeftOut]]:
    """Report what is wrong with classes, labels and metadata, and which of it could not be checked."""
    findings: list[Finding] = []
    left_out: list[LeftOut] = []
    for names, least, run in _CHECKS:
        rows, why = _choose(images, least)
        found = None if rows is None else run(images.take(rows), random_state)
        if found is None:
            why = why or "no folds can be made in which every class is on both sides."
        left_out += [LeftOut(name, why) for name in names if why]
        if found is not None:
            findings += found[0]
            left_out += found[1]
    return findings, left_out


def _choose(images: Labelled, least: int) -> tuple[npt.NDArray[np.int64] | None, str]:
    """Return the rows of classes with so many groups, and what is to be said of the others."""
    names = np.unique(images.labels).tolist()
    if not names:
        return None, "no image has a label."
    if len(names) == 1:
        return None, f"all labelled images are of one class, {names[0]!r}."
    y = np.unique(images.labels, return_inverse=True)[1]
    pairs = np.unique(np.column_stack([y, images.groups]), axis=0)
    sizes = np.bincount(pairs[:, 0], minlength=len(names))
    small = [name for name, size in zip(names, sizes, strict=True) if size < least]
    if len(names) - len(small) < 2:
        return None, f"that takes {least} {name_units(images.groups)} of each of two classes."
    why = ""
    if small:
        shown = f"fewer than {least} {name_units(images.groups)}: {name_some(small, 3)}."
        why = f"{len(small)} of {len(names)} classes {agree(len(small), 'has')} {shown}"
    return np.flatnonzero(~np.isin(images.labels, small)), why


def name_units(groups: npt.NDArray[np.int64]) -> str:
    """Return what is counted where images of a group, or copies, count once.

    Examples
    --------
    >>> name_units(np.array([0, 1, 2])), name_units(np.array([0, 0, 1]))
    ('different images', 'groups (an image without one is one, and copies are one)')
    """
    alone = len(np.unique(groups)) == len(groups)
    return "different images" if alone else "groups (an image without one is one, and copies are one)"


def _run_head(images: Labelled, random_state: int) -> Found | None:
    found = predict_out_of_fold(images.codes, images.labels, images.groups, random_state=random_state)
    if found is None:
        return None
    y, proba, names = found.y, found.proba, [str(name) for name in found.classes]
    pairs = confusable.list_untold(y, proba, images.groups)
    findings = confusable.report_untold(y, names, pairs)
    untold = {(pair.a, pair.b) for pair in pairs}
    suspected, why = label_errors.find_suspected_labels(images.keys, y, proba, names, untold)
    return [*findings, *suspected], [LeftOut("labels", why)] if why else []


def _run_tree(images: Labelled, random_state: int) -> Found | None:
    found = metadata.find_betraying_metadata(
        images.looks, images.labels, images.groups, random_state=random_state
    )
    return None if found is None else (found, [])


#: Checks, the different images that each class must have for them, and what runs them.
_CHECKS: tuple[tuple[tuple[str, ...], int, Callable[[Labelled, int], Found | None]], ...] = (
    (("classes", "labels"), _LEAST_FOR_HEAD, _run_head),
    (("metadata",), metadata.LEAST, _run_tree),
)
