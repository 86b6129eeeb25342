"""What a classifier must beat: answers that need no network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.lanes import run_lanes
from cnncodes.errors import SourceError, UnreadableImage
from cnncodes.heads.estimator import LinearHead
from cnncodes.images import ImageRecord, decode

#: Side of the thumbnails whose pixels stand for an image.
SIDE = 16


def predict_majority(train: Sequence[ImageRecord], test: Sequence[ImageRecord]) -> npt.NDArray[np.str_]:
    """Answer the most frequent class of `train` (of equals, the first by name) for every image of `test`.

    Returns
    -------
    ndarray of str, shape (n_test,)
    """
    classes, counts = np.unique([str(record.label) for record in train], return_counts=True)
    return np.full(len(test), classes[counts.argmax()])


def predict_raw_pixels(
    train: Sequence[ImageRecord],
    test: Sequence[ImageRecord],
    *,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> npt.NDArray[np.str_]:
    """Answer by logistic regression on the pixels of 16 x 16 thumbnails.

    Scaling and regularisation are chosen by cross-validation, as those of a head on codes.

    Parameters
    ----------
    train, test : sequence of ImageRecord
        Labelled. An image of `train` that cannot be read is left out.
    random_state : int
        Decides the folds.
    n_jobs : int, optional
        Images decoded, and folds fitted, at once.

    Returns
    -------
    ndarray of str, shape (n_test,)
        An empty text where the image cannot be read.

    Raises
    ------
    SourceError
        If no image of `train` can be read.
    """
    thumbnails = list(run_lanes(_make_thumbnails, [*train, *test], n_jobs))
    seen, unseen = thumbnails[: len(train)], thumbnails[len(train) :]
    read = {i: pixels for i, pixels in enumerate(seen) if pixels is not None}
    if not read:
        raise SourceError(f"none of the {len(train)} images to train on can be read.")
    head = LinearHead("logistic", random_state=random_state, n_jobs=n_jobs)
    head.fit(np.stack([*read.values()]), np.array([str(train[i].label) for i in read]))
    answers = np.full(len(test), "", dtype=head.classes_.dtype)
    asked = {i: pixels for i, pixels in enumerate(unseen) if pixels is not None}
    if asked:
        answers[[*asked]] = head.predict(np.stack([*asked.values()]))
    return answers


def _make_thumbnails(records: Sequence[ImageRecord]) -> list[npt.NDArray[np.float32] | None]:
    return [_make_thumbnail(record) for record in records]


def _make_thumbnail(record: ImageRecord) -> npt.NDArray[np.float32] | None:
    """Return an image's pixels, float32 of shape (16 * 16 * 3,) in [0, 1]; None if it cannot be read."""
    from PIL import Image

    try:
        image = decode(record.read())
    except UnreadableImage:
        return None
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32).ravel() / np.float32(255)
