"""A part of the images, and of their folds: what a search that takes long is made on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from cnncodes.heads.folds import Rows, Split, first_of

Array = npt.NDArray[Any]


def draw_images(rows: Rows, n_rows: int, random_state: Any) -> Array:
    """Say of each row whether its image is among those drawn, of about `n_rows` rows: bool ``[n]``.

    The same share of every class, but at least 5; all views of an image are drawn with it.
    """
    share = n_rows / len(rows.X)
    order = check_random_state(random_state).permutation(int(rows.images.max()) + 1)
    label = first_of(rows.y, rows.images)[order]
    drawn = []
    for k in range(rows.n_classes):
        members = order[label == k]
        drawn.append(members[: max(5, round(share * len(members)))])
    return np.isin(rows.images, np.concatenate(drawn))


def take_part(rows: Rows, splits: Sequence[Split], kept: Array) -> tuple[Rows, list[Split]]:
    """Return some of the rows, and of each fold what is among them; none of those that then lack a class."""
    part = rows.take(kept)
    number = np.cumsum(kept) - 1
    found = [(number[train[kept[train]]], number[test[kept[test]]]) for train, test in splits]
    return part, [(train, test) for train, test in found if len(test) and _has_all(part, train)]


def _has_all(rows: Rows, train: Array) -> bool:
    return len(np.unique(rows.y[train])) == rows.n_classes
