"""How good a way of training is: every image is answered by heads that had not seen it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from cnncodes.errors import ResultWarning, UsageError, warn
from cnncodes.estimators.inputs import Progress
from cnncodes.evaluation.crossvalidation.classes import CrossValidation, split_classes, validate_classes
from cnncodes.evaluation.crossvalidation.labels import MultiLabelCrossValidation, validate_labels
from cnncodes.evaluation.crossvalidation.numbers import NumberCrossValidation, split_groups, validate_numbers
from cnncodes.evaluation.crossvalidation.reading import read_images
from cnncodes.images import ImageRecord, list_groups

if TYPE_CHECKING:
    from cnncodes.estimators import ImageClassifier, ImageMultiLabelClassifier, ImageRegressor


@overload
def cross_validate(
    estimator: ImageClassifier,
    X: Any,
    y: Any = ...,
    *,
    sample_weight: Any = ...,
    groups: Any = ...,
    cv: int = ...,
    repeats: int = ...,
    top_k: int | None = ...,
    on_progress: Progress | None = ...,
    on_fold: Progress | None = ...,
) -> CrossValidation: ...


@overload
def cross_validate(
    estimator: ImageRegressor,
    X: Any,
    y: Any = ...,
    *,
    sample_weight: Any = ...,
    groups: Any = ...,
    cv: int = ...,
    repeats: int = ...,
    on_progress: Progress | None = ...,
    on_fold: Progress | None = ...,
) -> NumberCrossValidation: ...


@overload
def cross_validate(
    estimator: ImageMultiLabelClassifier,
    X: Any,
    y: Any = ...,
    *,
    sample_weight: Any = ...,
    groups: Any = ...,
    cv: int = ...,
    repeats: int = ...,
    on_progress: Progress | None = ...,
    on_fold: Progress | None = ...,
) -> MultiLabelCrossValidation: ...


def cross_validate(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    groups: Any = None,
    cv: int = 5,
    repeats: int = 1,
    top_k: int | None = None,
    on_progress: Progress | None = None,
    on_fold: Progress | None = None,
) -> CrossValidation | NumberCrossValidation | MultiLabelCrossValidation:
    """Measure a way of training by grouped, repeated cross-validation, for classes and labels stratified.

    Codes are made once. In each fold a head is fitted on the other folds, its own search included, and
    answers the images that are held out, by the views of prediction. All views of an image, equal files, and
    images of a group are on one side. A class with images of one group alone cannot be held out: it is in
    training in every fold and in no figure, which a warning says. Of several labels an image such a one, had
    or lacked by one group alone, is left out, and its images count for the others. For numbers folds are of
    groups alone. Other warnings say where folds, or repetitions, are fewer than asked for.

    The intervals take the answers for independent but for groups. Folds share training images, so they are
    somewhat too narrow, and they are about this way of training on so many images, less a fold; not about one
    fitted classifier.

    Parameters
    ----------
    estimator : ImageClassifier, ImageRegressor or ImageMultiLabelClassifier
        Its parameters are used; it is neither fitted nor changed.
    X, y, sample_weight, groups
        As in its `fit`; or labelled records of a source; or stored codes, which have `y` and `groups`, with
        weights as in `fit_codes`. Weights are for training: in figures each image counts alike, but for those
        of weight 0, which are left out.
    cv : int
        Folds, at least 2.
    repeats : int
        Divisions into folds, no two alike, of ``random_state``, ``random_state + 1``, … Few groups may have
        fewer, which a warning says.
    top_k : int, optional
        Of classes, as in `evaluate_predictions`; 5 where it is None.
    on_progress : callable, optional
        Called with done, total and failed as the images are read.
    on_fold : callable, optional
        Called so after each fold, with folds of all repetitions, of which none fails.

    Returns
    -------
    CrossValidation, NumberCrossValidation or MultiLabelCrossValidation

    Raises
    ------
    UsageError
        If it is none of these estimators, or folds of several labels need another number.
    SourceError
        If there is nothing to learn: one class, one number, or a label that is on all images or on none. If
        images of one class, or group, at most can be held out, or no two folds can be made, saying what has
        too few images or groups.
    UnreadableImages
        If an image cannot be read and the estimator's `on_error` is ``"raise"``.

    References
    ----------
    Y. Bengio and Y. Grandvalet, "No unbiased estimator of the variance of k-fold cross-validation", JMLR 5,
    2004; S. Bates, T. Hastie and R. Tibshirani, "Cross-validation: what does it estimate and how well does it
    do it?", JASA 119, 2024.

    Examples
    --------
    >>> from cnncodes import ImageClassifier
    >>> rng = np.random.default_rng(0)
    >>> dark = [rng.integers(0, 80, (64, 64, 3), dtype=np.uint8) for _ in range(6)]
    >>> light = [rng.integers(170, 256, (64, 64, 3), dtype=np.uint8) for _ in range(6)]
    >>> clf = ImageClassifier(head="ridge", train_views="center", test_views="center")
    >>> found = cross_validate(clf, dark + light, ["dark"] * 6 + ["light"] * 6, cv=3, repeats=2)
    >>> found.evaluation.accuracy.value, found.evaluation.n, found.folds, found.proba.shape
    (1.0, 12, 3, (2, 12, 2))

    Of numbers:

    >>> from cnncodes import ImageRegressor
    >>> reg = ImageRegressor(train_views="center", test_views="center")
    >>> found = cross_validate(reg, dark + light, [10] * 6 + [200] * 6, cv=3)
    >>> found.evaluation.r2.value > 0.9, found.evaluation.mae.n
    (True, 12)
    """
    from cnncodes.estimators import ImageClassifier, ImageMultiLabelClassifier, ImageRegressor

    if not isinstance(estimator, ImageClassifier | ImageRegressor | ImageMultiLabelClassifier):
        raise UsageError(
            "cross_validate measures an ImageClassifier, an ImageRegressor or an ImageMultiLabelClassifier."
            f" Got {type(estimator).__name__} instead."
        )
    for name, number, least in (("cv", cv, 2), ("repeats", repeats, 1)):
        if not isinstance(number, int | np.integer) or isinstance(number, bool) or number < least:
            raise UsageError(f"{name} must be a whole number of at least {least}. Got {number!r} instead.")
    if top_k is not None and not isinstance(estimator, ImageClassifier):
        raise UsageError(f"top_k is for classes, and {type(estimator).__name__} has none: leave it out.")
    own = copy.copy(estimator)  # checks of labels leave their names on the estimator
    training, answered = read_images(own, X, y, sample_weight, groups, on_progress)
    cv, repeats = int(cv), int(repeats)
    found: CrossValidation | NumberCrossValidation | MultiLabelCrossValidation
    if isinstance(own, ImageClassifier):
        found = validate_classes(own, training, answered, cv, repeats, 5 if top_k is None else top_k, on_fold)
    elif isinstance(own, ImageRegressor):
        found = validate_numbers(own, training, answered, cv, repeats, on_fold)
    else:
        found = validate_labels(own, training, answered, own._named, cv, repeats, on_fold)
    if found.folds < cv:
        text = f"{found.folds} folds instead of {cv}: {_say_why_fewer(found)}."
        warn(text, ResultWarning)
    return found


def check_divisible(records: Sequence[ImageRecord], cv: int, *, regression: bool = False) -> None:
    """Raise `SourceError` where labels and groups leave no two folds, before any image is read.

    Equal files, which are known once they are read, may still leave none.

    Parameters
    ----------
    records : sequence of ImageRecord
        Labelled with a class each, or with numbers.
    cv : int
        Folds, at least 2.
    regression : bool
        Whether the labels are numbers.

    Examples
    --------
    >>> from cnncodes.images import ImageRecord
    >>> check_divisible([ImageRecord(f"{i}.png", b"", "ab"[i % 2]) for i in range(4)], 2)
    """
    names = list_groups(records)
    groups = np.arange(len(records)) if names is None else np.unique(names, return_inverse=True)[1]
    if regression:
        split_groups(groups, cv, 0)
    else:
        split_classes(np.array([str(record.label) for record in records]), groups, cv, 0)


def _say_why_fewer(found: CrossValidation | NumberCrossValidation | MultiLabelCrossValidation) -> str:
    if isinstance(found, NumberCrossValidation):
        return "there are images of no more groups (equal files are one)"
    if isinstance(found, MultiLabelCrossValidation):
        return "there are no more groups, or more folds would train without any image of a rare label"
    return "most images are of classes with no more groups (equal files are one)"
