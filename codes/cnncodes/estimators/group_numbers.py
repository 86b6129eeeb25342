"""Which held-out images are of one group: numbers in memory and in a saved file."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SavedModelError
from cnncodes.estimators.archive import Archive
from cnncodes.estimators.npy import read_npy

Array = npt.NDArray[Any]


def keep_groups(groups: Array) -> Array | None:
    """Return the number of each image's group, int32 ``[n]``; None where each image is one.

    Examples
    --------
    >>> keep_groups(np.array([7, 7, 8])), keep_groups(np.array([7, 9, 8]))
    (array([0, 0, 1], dtype=int32), None)
    """
    names, numbers = np.unique(np.asarray(groups), return_inverse=True)
    return None if len(names) == len(numbers) else numbers.astype(np.int32)


def share_groups(groups: Array | None, n: int) -> Array:
    """Return 1 for each of `n` images divided by the images of its group."""
    return np.ones(n) if groups is None else 1 / np.bincount(groups)[groups]


def count_groups(groups: Array | None, n: int) -> int:
    """Return how many groups `n` images are of."""
    return n if groups is None else int(groups.max()) + 1


def _are_numbers(groups: Array, n: int) -> bool:
    """Say whether an array has the numbers of the groups of `n` images, as `keep_groups` gives them."""
    if groups.dtype != np.int32 or groups.shape != (n,) or not n or groups.min() != 0 or groups.max() >= n:
        return False
    return bool(np.bincount(groups).all())


def unpack_groups(archive: Archive, member: str, n: int) -> Array | None:
    """Read the numbers of the groups of `n` images; None where there are none.

    Raises
    ------
    SavedModelError
        If they are no such numbers.
    """
    if member not in archive.sizes:
        return None
    groups: Array = read_npy(archive, member)
    if not _are_numbers(groups, n):
        raise SavedModelError(
            f"{archive.name} is damaged at {member!r}: it must hold the numbers of the groups of {n} images,"
            f" int32 from 0 on. Got {groups.dtype} of shape {groups.shape}."
        )
    return groups
