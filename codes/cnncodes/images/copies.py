"""Equal files among the images to measure by: no evidence of their own, so that they are drawn together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnncodes.errors import UnreadableImage
from cnncodes.images.content import content_hash
from cnncodes.images.grouping import join_equal, list_groups, number_names
from cnncodes.images.records import ImageRecord


@dataclass(frozen=True, eq=False)
class DrawnTogether:
    """What resamples of images draw.

    Attributes
    ----------
    groups : list of str, ndarray of int64 or None
        Of each image; None where each is drawn by itself.
    n_different : int or None
        How many of the images differ, where some are equal; None where all do.
    """

    groups: Any = None
    n_different: int | None = None


def draw_together(records: Sequence[ImageRecord], contents: Iterable[Any]) -> DrawnTogether:
    """Join equal images, and those of one group, as cross-validation keeps them in one fold.

    Parameters
    ----------
    records : sequence of ImageRecord
    contents : iterable
        What tells the content of each, such as its hash; None of one that is not known.

    Examples
    --------
    >>> records = [ImageRecord(name, name) for name in ("a.jpg", "b.jpg", "c.jpg")]
    >>> found = draw_together(records, ["x", "y", "x"])
    >>> found.groups.tolist(), found.n_different
    ([0, 1, 0], 2)
    >>> draw_together(records, ["x", "y", "z"])
    DrawnTogether(groups=None, n_different=None)
    """
    named, numbers = list_groups(records), number_names(contents)
    n_different = int((numbers < 0).sum()) + int(numbers.max(initial=-1)) + 1
    if n_different == len(records):
        return DrawnTogether(named)
    groups = np.full(len(records), -1, np.int64) if named is None else number_names(named)
    return DrawnTogether(join_equal(groups, numbers), n_different)


def say_equal(n: int, n_different: int) -> str:
    """Say that some of `n` images are equal.

    Examples
    --------
    >>> say_equal(966, 161)
    '966 images, of which 161 differ: equal files are drawn together'
    """
    return f"{n:,} images, of which {n_different:,} differ: equal files are drawn together"


def are_copies_alone(n_groups: int, n_different: int | None) -> bool:
    """Say whether the groups that are drawn are of equal images alone: nobody named any.

    Examples
    --------
    >>> are_copies_alone(161, 161), are_copies_alone(12, 161), are_copies_alone(12, None)
    (True, False, False)
    """
    return n_groups == n_different


def hash_contents(records: Sequence[ImageRecord]) -> list[str]:
    """Return the hash of each image's content, empty where it cannot be read."""
    found = []
    for record in records:
        try:
            found.append(content_hash(record.read()))
        except UnreadableImage:
            found.append("")
    return found
