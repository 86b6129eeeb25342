"""Which classes have too few images, or groups, to be held out, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.folds import Rows, count_members

Array = npt.NDArray[Any]

#: Classes at most that a text names.
_NAMED = 5


def say_rarest(rows: Rows, classes: Array) -> str:
    """Return which class has too few images, or groups, for two folds."""
    groups, images = count_members(rows.y, rows.groups), count_members(rows.y, rows.images)
    rarest = int(groups.argmin())
    if groups[rarest] > 1:
        return "the classes are not in enough groups"
    many = int(images[rarest])
    what = "one image" if many == 1 else f"{many} images of one group (equal ones are of one)"
    return f"class {str(classes[rarest])!r} has {what}"


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
        " How good answers to such images are is not known; give at least 2 of each class, of 2 groups where"
        " there are any."
    )


def name_classes(names: Array) -> str:
    """Return the names of classes, of many the first few.

    Examples
    --------
    >>> name_classes(np.array(["ant", "bee"])), name_classes(np.arange(9))
    ("'ant', 'bee'", "'0', '1', '2', '3', '4', …")
    """
    return ", ".join(repr(str(name)) for name in names[:_NAMED]) + ", …" * (len(names) > _NAMED)
