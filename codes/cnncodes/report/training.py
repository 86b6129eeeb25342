"""The training images that the codes put next to each image of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.evaluation.checks.neighbours import find_nearest
from cnncodes.images import ImageRecord

#: Training images beside each image.
NEAREST = 4


@dataclass(frozen=True, eq=False)
class Training:
    """Training images, and which of them lie nearest to each image of a report.

    Attributes
    ----------
    records : sequence of ImageRecord
        Those that could be read.
    index : ndarray of int64, shape (n_images, k)
        Places in `records`, the nearest first.
    cosine : ndarray of float32, shape (n_images, k)
        Of the angle between the codes.
    described : str
        Which images these are, for people: "3,000 images of the part train of photos/".
    """

    records: Sequence[ImageRecord]
    index: npt.NDArray[np.int64]
    cosine: npt.NDArray[np.float32]
    described: str


def find_training(
    keys: Sequence[str],
    codes: npt.NDArray[np.float32],
    records: Sequence[ImageRecord],
    others: npt.NDArray[np.float32],
    described: str,
) -> Training:
    """Find the training images nearest to each image; none is its own neighbour.

    Parameters
    ----------
    keys : sequence of str, length n_images
        Of the images of the report: a training image of the same key is the image itself.
    codes : ndarray of float32, shape (n_images, code_size)
    records : sequence of ImageRecord, length n_training
    others : ndarray of float32, shape (n_training, code_size)
        The codes of these.
    described : str
        Which images these are, for people.

    Examples
    --------
    >>> records = [ImageRecord("a", b"", "cat"), ImageRecord("b", b"", "dog")]
    >>> codes = np.eye(2, dtype=np.float32)
    >>> find_training(["new", "b"], codes, records, codes, "2 images").index.tolist()
    [[0], [0]]
    """
    place = {record.key: i for i, record in enumerate(records)}
    itself = np.array([place.get(key, -1) for key in keys], dtype=np.int64)
    among = bool((itself >= 0).any())
    count = min(NEAREST, len(records) - among)
    found = find_nearest(codes, others, count + among)
    index, cosine = found.index, found.cosine
    if among:
        index, cosine = _leave_out(itself, index, cosine)
    return Training(records, index, cosine, described)


def _leave_out(itself: npt.NDArray[np.int64], index: Any, cosine: Any) -> tuple[Any, Any]:
    """Take one neighbour from each row: the image itself, else the last."""
    is_itself = index == itself[:, None]
    is_itself[~is_itself.any(axis=1), -1] = True
    shape = (len(index), index.shape[1] - 1)
    return index[~is_itself].reshape(shape), cosine[~is_itself].reshape(shape)


def round_similarity(cosine: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return similarities in hundredths, from -100 to 100; 100 is kept for codes that are the same.

    Examples
    --------
    >>> round_similarity(np.array([0.999, 0.99999, 0.5, -0.2], np.float32))
    array([ 99, 100,  50, -20])
    """
    found = np.round(100 * cosine.astype(np.float64)).astype(np.int64)
    return np.where((found >= 100) & (cosine < 0.99995), 99, np.clip(found, -100, 100))


def choose_training_tiles(training: Training, shown: Sequence[int], tiles: int) -> npt.NDArray[np.int64]:
    """Choose the training images that get a thumbnail.

    First come those beside the images that are shown for themselves, then those that are near to most images
    of the map. An image that is near to none needs none.

    Parameters
    ----------
    training : Training
    shown : sequence of int
        Images of the report.
    tiles : int
        At most.

    Returns
    -------
    ndarray of int64
        Places in `training.records`, those that are needed most first.
    """
    first = list(dict.fromkeys(training.index[list(shown)].ravel().tolist()))
    counts = np.bincount(training.index.ravel(), minlength=len(training.records))
    counts[first] = 0
    order = np.argsort(-counts, kind="stable")
    return np.array([*first, *order[counts[order] > 0].tolist()][:tiles], dtype=np.int64)
