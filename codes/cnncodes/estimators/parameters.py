"""What an estimator's parameters stand for, each found right before any image is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import has_fit_parameter

from cnncodes.embedding import Embedder
from cnncodes.errors import ResultWarning, UnreadableImages, UsageError, agree, warn
from cnncodes.estimators.inputs import ImageRows, make_embedder
from cnncodes.estimators.labels import check_random_state
from cnncodes.heads.selection import make_head
from cnncodes.heads.sklearn_searches import find_learner
from cnncodes.heads.weights import read_weights

if TYPE_CHECKING:
    from cnncodes.estimators.base import ImageEstimator
    from cnncodes.estimators.classifier import ImageClassifier
    from cnncodes.images import ImageRecord

Array = npt.NDArray[Any]


def make_own_head(classifier: ImageClassifier) -> Any:
    """Return a classifier's head, unfitted."""
    return make_head(
        classifier.head,
        class_weight=classifier.class_weight,
        random_state=classifier.random_state,
        n_jobs=classifier.n_jobs,
    )


def make_embedders(estimator: ImageEstimator) -> tuple[Embedder, Embedder]:
    """Return the embedders of training and of prediction.

    Raises
    ------
    UsageError
        If any of the estimator's parameters is wrong.
    """
    if estimator.on_error not in ("raise", "skip"):
        raise UsageError(f"on_error must be 'raise' or 'skip'. Got {estimator.on_error!r} instead.")
    estimator._check_head()
    check_random_state(estimator.random_state)
    kept = getattr(estimator, "out_of_fold", None)  # where a head keeps such answers anyway there is none
    if kept is not None and not isinstance(kept, bool | np.bool_):
        raise UsageError(f"out_of_fold must be True, False or None. Got {kept!r} instead.")
    others = estimator.decode, estimator.max_pixels, estimator.random_state
    train = make_embedder(estimator.backbone, estimator.train_views, *others)
    return train, make_embedder(train.backbone, estimator.test_views, *others)


def check_failures(rows: ImageRows, y: Array, *, noun: str = "class") -> None:
    """Warn where images to train on could not be read, and are left out.

    `noun` says what `y` holds.

    Raises
    ------
    UnreadableImages
        If what is left is all of one class or target.
    """
    if rows.failures and len(left := np.unique(y[rows.counts > 0], axis=0)) < 2:
        what = f"only images of the {noun} {left.tolist()[0]!r} are left" if len(left) else "nothing is left"
        raise UnreadableImages(f"{what} to train on: {rows.describe_failures()}")
    elif rows.failures:
        warn(f"{rows.describe_failures()} They were left out, with their labels.")


def check_weight(head: Any, sample_weight: Any, n_images: int) -> Array | None:
    """Return the weights of images, None where there are none.

    Raises
    ------
    UsageError
        If they are not one an image, one is negative or no finite number, or the head takes none.
    """
    weight = check_score_weight(sample_weight, n_images)
    learner = find_learner(head)[1]
    if weight is not None and not has_fit_parameter(learner, "sample_weight"):
        raise UsageError(f"the head {type(learner).__name__} takes no sample_weight: leave it out.")
    return weight


def check_scored(records: Sequence[ImageRecord]) -> None:
    """Raise `UsageError` where there is nothing to score; asked before labels, whose kind none tell."""
    if not records:
        raise UsageError("there are no images to score: give at least one.")


def check_score_weight(sample_weight: Any, n_images: int) -> Array | None:
    """Return the weights by which images are scored, None where there are none."""
    return None if sample_weight is None else read_weights(sample_weight, n_images, "image")


def check_weighted(y: Array, weight: Array | None) -> None:
    """Warn of classes all of whose images have the weight 0: the classifier does not know them.

    Raises
    ------
    UsageError
        If fewer than two classes have any.
    """
    if weight is not None:
        classes, numbers = np.unique(y, return_inverse=True)
        _tell_weightless(classes, np.bincount(numbers, weight > 0, len(classes)) > 0)


def warn_of_blank(y: Array) -> None:
    """Warn of classes of spaces alone, which nobody means: an empty text would be refused as missing."""
    blank = sum(isinstance(label, str) and not label.strip() for label in y.tolist())
    if blank:
        warn(
            f"{blank} of {len(y)} labels {agree(blank, 'is')} spaces alone, and taken as a class; where that"
            " means that there is none, leave these images out.",
            ResultWarning,
        )


def _tell_weightless(classes: Array, known: npt.NDArray[np.bool_]) -> None:
    names = ", ".join(repr(str(name)) for name in classes[~known][:5])
    if known.sum() < 2:
        raise UsageError(
            f"sample_weight leaves fewer than two classes: all images of {names} have the weight 0."
        )
    if not known.all():
        warn(
            f"all images of {int((~known).sum())} of {len(known)} classes have the weight 0 ({names}): the"
            " classifier does not know these.",
        )
