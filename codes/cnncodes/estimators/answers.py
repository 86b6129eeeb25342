"""Answers to training images by heads that had not seen them, in memory and in a saved classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SavedModelError
from cnncodes.estimators.archive import Archive
from cnncodes.estimators.npy import read_npy, to_npy

Array = npt.NDArray[Any]

ANSWERS_MEMBERS = ("training/answer_probability.npy", "training/answer_right.npy")


@dataclass(frozen=True, eq=False)
class HeldOutAnswers:
    """The answers to training images by heads that had not seen them, one image for each group.

    Parameters
    ----------
    probability : ndarray of float32, shape (n,)
        Of the most probable class.
    right : ndarray of bool, shape (n,)
        Whether it is the true one.
    """

    probability: Array
    right: Array

    @classmethod
    def choose(cls, proba: Array, right: Array, groups: Array) -> HeldOutAnswers:
        """Take one image of each group at random, since those of a group are not independent.

        Parameters
        ----------
        proba : ndarray, shape (n_images, n_classes)
        right : ndarray of bool, shape (n_images,)
        groups : ndarray, shape (n_images,)
        """
        first = draw_one_each(groups)
        return cls(proba[first].max(axis=1).astype(np.float32), np.asarray(right, np.bool_)[first])

    def pack(self) -> dict[str, bytes]:
        """Return the members of a saved classifier that hold them: 5 bytes an image."""
        return dict(zip(ANSWERS_MEMBERS, map(to_npy, (self.probability, self.right)), strict=True))


def draw_one_each(groups: Array) -> Array:
    """Return one image of each group at random, by positions in rising order; `groups` is ``[n_images]``.

    Examples
    --------
    >>> draw_one_each(np.array([7, 7, 8])).size
    2
    """
    order = np.random.default_rng(0).permutation(len(groups))
    return np.sort(order[np.unique(np.asarray(groups)[order], return_index=True)[1]])


def unpack_answers(archive: Archive) -> HeldOutAnswers | None:
    """Read these members; None where there are none.

    Raises
    ------
    SavedModelError
        If they do not fit together.
    """
    if not any(member in archive.sizes for member in ANSWERS_MEMBERS):
        return None
    probability, right = (read_npy(archive, member) for member in ANSWERS_MEMBERS)
    fits = probability.dtype == np.float32 and right.dtype == np.bool_ and probability.ndim == 1
    if not fits or probability.shape != right.shape or not ((probability >= 0) & (probability <= 1)).all():
        raise SavedModelError(
            f"{archive.name} is damaged at {ANSWERS_MEMBERS[0]!r}: it must hold float32 probabilities, and"
            f" {ANSWERS_MEMBERS[1]!r} as many bool. Got {probability.dtype} of shape {probability.shape} and"
            f" {right.dtype} of shape {right.shape}."
        )
    return HeldOutAnswers(probability, right)
