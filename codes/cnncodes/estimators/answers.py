"""Answers to training images by heads that had not seen them, in memory and in a saved classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SavedModelError
from cnncodes.estimators.archive import Archive
from cnncodes.estimators.group_numbers import count_groups, keep_groups, share_groups, unpack_groups
from cnncodes.estimators.npy import read_npy, to_npy

Array = npt.NDArray[Any]

_PROBABILITY, _RIGHT = "training/answer_probability.npy", "training/answer_right.npy"
_GROUPS = "training/answer_groups.npy"
ANSWERS_MEMBERS = (_PROBABILITY, _RIGHT, _GROUPS)


@dataclass(frozen=True, eq=False)
class HeldOutAnswers:
    """The answers to training images by heads that had not seen them.

    Parameters
    ----------
    probability : ndarray of float32, shape (n,)
        Of the most probable class.
    right : ndarray of bool, shape (n,)
        Whether it is the true one.
    groups : ndarray of int32, shape (n,), optional
        Number of each image's group, from 0 on; None where each image is one.
    """

    probability: Array
    right: Array
    groups: Array | None = None

    @classmethod
    def choose(cls, proba: Array, right: Array, groups: Array) -> HeldOutAnswers:
        """Take what is kept of all classes' probabilities.

        Parameters
        ----------
        proba : ndarray, shape (n_images, n_classes)
        right : ndarray of bool, shape (n_images,)
        groups : ndarray, shape (n_images,)
        """
        return cls(proba.max(axis=1).astype(np.float32), np.asarray(right, np.bool_), keep_groups(groups))

    @property
    def shares(self) -> Array:
        """What each image counts: those of a group together as one; float64 ``[n]``."""
        return share_groups(self.groups, len(self.right))

    @property
    def n_groups(self) -> int:
        """How many groups there are, or images that are one each."""
        return count_groups(self.groups, len(self.right))

    def pack(self) -> dict[str, bytes]:
        """Return the members of a saved classifier that hold them: 5 bytes an image, 9 with groups."""
        kept = {_PROBABILITY: self.probability, _RIGHT: self.right, _GROUPS: self.groups}
        return {name: to_npy(array) for name, array in kept.items() if array is not None}


def unpack_answers(archive: Archive) -> HeldOutAnswers | None:
    """Read these members; None where there are none.

    Raises
    ------
    SavedModelError
        If they do not fit together.
    """
    if not any(member in archive.sizes for member in ANSWERS_MEMBERS):
        return None
    probability, right = read_npy(archive, _PROBABILITY), read_npy(archive, _RIGHT)
    fits = probability.dtype == np.float32 and right.dtype == np.bool_ and probability.ndim == 1
    if not fits or probability.shape != right.shape or not ((probability >= 0) & (probability <= 1)).all():
        raise SavedModelError(
            f"{archive.name} is damaged at {_PROBABILITY!r}: it must hold float32 probabilities, and"
            f" {_RIGHT!r} as many bool. Got {probability.dtype} of shape {probability.shape} and"
            f" {right.dtype} of shape {right.shape}."
        )
    return HeldOutAnswers(probability, right, unpack_groups(archive, _GROUPS, len(right)))
