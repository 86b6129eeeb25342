"""What a classifier must beat: answers that need no network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.lanes import run_lanes
from cnncodes.errors import UnreadableImage
from cnncodes.heads.estimator import LinearHead
from cnncodes.images import ImageRecord, decode
from cnncodes.store import Failure

#: Side of the thumbnails whose pixels stand for an image.
SIDE = 16


def read_thumbnails(
    records: Sequence[ImageRecord], n_jobs: int | None = None
) -> list[npt.NDArray[np.float32] | Failure]:
    """Return of each image its thumbnail's pixels, shape (16 * 16 * 3,) in [0, 1], or why there are none."""
    return list(run_lanes(_make_thumbnails, records, n_jobs))


def predict_majority(labels: Sequence[str], n_test: int) -> npt.NDArray[np.str_]:
    """Answer the most frequent of the training labels (of equals, the first by name) for every test image.

    Returns
    -------
    ndarray of str, shape (n_test,)
    """
    classes, counts = np.unique(labels, return_counts=True)
    return np.full(n_test, classes[counts.argmax()])


def predict_raw_pixels(
    train: Sequence[npt.NDArray[np.float32]],
    labels: Sequence[str],
    test: Sequence[npt.NDArray[np.float32]],
    *,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> npt.NDArray[np.str_]:
    """Answer by logistic regression on the pixels of 16 x 16 thumbnails.

    Scaling and regularisation are chosen by cross-validation, as those of a head on codes.

    Parameters
    ----------
    train, test : sequence of ndarray
        What `read_thumbnails` gave.
    labels : sequence of str
        Those of `train`; at least two differ.
    random_state : int
        Decides the folds.
    n_jobs : int, optional
        Folds fitted at once.

    Returns
    -------
    ndarray of str, shape (n_test,)
    """
    head = LinearHead("logistic", random_state=random_state, n_jobs=n_jobs)
    head.fit(np.stack(train), np.array(labels))
    answers: npt.NDArray[np.str_] = head.predict(np.stack(test))
    return answers


def _make_thumbnails(records: Sequence[ImageRecord]) -> list[npt.NDArray[np.float32] | Failure]:
    return [_make_thumbnail(record) for record in records]


def _make_thumbnail(record: ImageRecord) -> npt.NDArray[np.float32] | Failure:
    from PIL import Image

    try:
        image = decode(record.read())
    except UnreadableImage as error:
        return Failure(record.key, error.stage, error.reason)
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32).ravel() / np.float32(255)
