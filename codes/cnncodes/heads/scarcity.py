"""Which classes have too few images, or groups, to be held out, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import name_some
from cnncodes.heads.folds import Rows, count_members

Array = npt.NDArray[Any]

#: Classes at most that a text names.
_NAMED = 5


def say_rarest(rows: Rows, classes: Array) -> str:
    """Return which classes have too few images, or groups, for two folds."""
    scarce = np.flatnonzero(count_members(rows.y, rows.groups) < 2)
    if not len(scarce):
        return "the classes are not in enough groups"
    if len(scarce) == 1:
        return f"class {str(classes[scarce[0]])!r} has {_say_images(rows, int(scarce[0]))}"
    listed = name_some(scarce.tolist(), show=lambda one: f"{str(classes[one])!r} ({_say_images(rows, one)})")
    return f"{len(scarce)} of {len(classes)} classes are of one image or group: {listed}"


def _say_images(rows: Rows, number: int) -> str:
    """Return how many images a class of one group has, and whether they are equal."""
    own = rows.y == number
    images = np.unique(rows.images[own])
    if len(images) == 1:
        return "one image"
    if _list_codes(rows, own) == _list_codes(rows, rows.images == images[0]):
        return f"{len(images)} equal images, which count as one"
    return f"{len(images)} images of one group"


def _list_codes(rows: Rows, chosen: Array) -> set[bytes]:
    """Return the different codes of some rows; of an image there is one for each of its views."""
    return {row.tobytes() for row in rows.X[chosen]}


def say_scarce(rows: Rows, scarce: Array, classes: Array) -> str:
    """Return what is not known where some classes, by their numbers, were in no held-out part."""
    if len(scarce) == 1:
        images = len(np.unique(rows.images[rows.y == scarce[0]]))
        of = f"class {name_classes(classes[scarce])}, of {images} image{'s' * (images != 1)},"
    else:
        of = f"{len(scarce)} of {len(classes)} classes ({name_classes(classes[scarce])})"
    return (
        f"no image of {of} was held out, since every fold needs some to train on, and images of a group"
        " (equal ones are of one) stay together: settings and probabilities were chosen by the other classes."
        " How good answers to such images are is not known; give at least 2 different ones of each class, of"
        " 2 groups where there are any."
    )


def name_classes(names: Array) -> str:
    """Return the names of classes, of many the first few.

    Examples
    --------
    >>> name_classes(np.array(["ant", "bee"])), name_classes(np.arange(9))
    ("'ant', 'bee'", "'0', '1', '2', '3', '4', …")
    """
    return ", ".join(repr(str(name)) for name in names[:_NAMED]) + ", …" * (len(names) > _NAMED)
