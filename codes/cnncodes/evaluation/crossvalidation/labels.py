"""Cross-validation of several labels an image: heads say of images that they had not seen which they have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import ResultWarning, SourceError, UsageError, warn
from cnncodes.estimators.inputs import ImageRows, Progress
from cnncodes.estimators.unknown import Training, fit_folds
from cnncodes.evaluation.crossvalidation.repeating import (
    count_folds,
    divide_images,
    settle_counts,
    show_validation,
    tile_groups,
)
from cnncodes.evaluation.multilabel import MultiLabelEvaluation, evaluate_multilabel
from cnncodes.heads.multilabel.folds import find_scarce, split_label_images
from cnncodes.heads.scarcity import name_classes
from cnncodes.plain import PlainResult

if TYPE_CHECKING:
    from cnncodes.estimators import ImageMultiLabelClassifier
    from cnncodes.heads.folds import Split

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class MultiLabelCrossValidation(PlainResult):
    """What heads said of images that they had not seen, and how good that is.

    Attributes
    ----------
    evaluation : MultiLabelEvaluation
        Figures over the images, each answered once a repetition: ``n`` are images, and an image's
        repetitions are drawn together for the intervals.
    folds, repeats : int
        Both may be fewer than asked for: folds where rare labels would be on none of the images to train on,
        repetitions where groups are too few for other divisions.
    micro_f1_by_repeat : list of float
        Their spread is that of the division into folds alone, and no interval. NaN where no image has a
        label, and none was named.
    classes : ndarray, shape (n_labels,)
        The labels that could be held out.
    not_held_out : list of str
        Labels that images of one group alone have, or lack: heads had none of these to learn, and they are in
        no figure.
    y : ndarray of int8, shape (n_images, n_labels)
        Whether an image has a label; of those that could be read.
    named : ndarray of bool, shape (repeats, n_images, n_labels)
    proba : ndarray of float64, shape (repeats, n_images, n_labels)
    """

    evaluation: MultiLabelEvaluation
    folds: int
    repeats: int
    micro_f1_by_repeat: list[float]
    classes: Array
    not_held_out: list[str]
    y: Array
    named: Array
    proba: Array

    def __repr__(self) -> str:
        return show_validation(self, self.evaluation)


def validate_labels(
    classifier: ImageMultiLabelClassifier,
    training: Training,
    answered: ImageRows,
    classes: Array,
    cv: int,
    repeats: int,
    on_fold: Progress | None,
) -> MultiLabelCrossValidation:
    """Cross-validate a multi-label classifier; `answered` are the images with the views of prediction."""
    scarce = find_scarce(training.groups, training.y)
    kept = np.setdiff1d(np.arange(len(classes)), scarce)
    missing = _warn_of_scarce(classes, scarce)
    training = replace(training, y=training.y[:, kept])
    split = partial(split_label_images, training.y, training.groups, cv)
    divisions = divide_images(_split(training, cv), split, training.random_state, repeats)
    repeats, count_fold = len(divisions), count_folds(divisions, on_fold)
    proba, named = np.empty((repeats, *training.y.shape)), np.empty((repeats, *training.y.shape), np.bool_)
    for repeat, splits in enumerate(divisions):
        for fold in fit_folds(classifier._make_head, training, splits, answered, count_fold):
            scorer = fold.fitted.scorer_
            found = scorer.proba_from_decision(fold.predict(training.aggregate))
            proba[repeat, fold.held_out], named[repeat, fold.held_out] = found, scorer.choose(found)
    return MultiLabelCrossValidation(
        evaluation=_evaluate(training, named, proba, classes[kept]),
        folds=len(divisions[0]),
        repeats=repeats,
        micro_f1_by_repeat=[_measure_f1(training.y > 0, one) for one in named],
        classes=classes[kept],
        not_held_out=missing,
        y=training.y,
        named=named,
        proba=proba,
    )


def _warn_of_scarce(classes: Array, scarce: Array) -> list[str]:
    """Return the labels that cannot be held out; warn where there are any, and raise where these are all."""
    if not len(scarce):
        return []
    names = [str(name) for name in classes[scarce]]
    why = f"images of one group alone (equal files are one) have, or lack, {name_classes(classes[scarce])}"
    if len(scarce) == len(classes):
        raise SourceError(
            f"no label can be held out: {why}. Give images of 2 groups or more with and without each."
        )
    warn(
        f"{len(scarce)} of {len(classes)} labels could not be held out: {why}. They are in no figure; give"
        " images of 2 groups or more with and without each.",
        ResultWarning,
    )
    return names


def _split(training: Training, cv: int) -> list[Split]:
    splits = split_label_images(training.y, training.groups, cv, training.random_state)
    if not splits:
        raise UsageError(
            f"no division into {cv} folds or fewer leaves, in each, images with and without each label to"
            " train on: rare labels lie on the same few images. Give more folds, or more images of these."
        )
    return splits


def _evaluate(training: Training, named: Array, proba: Array, classes: Array) -> MultiLabelEvaluation:
    """Evaluate all repetitions as one; an image is drawn with all that was said of it."""
    repeats = len(named)
    figures = evaluate_multilabel(
        np.tile(training.y, (repeats, 1)),
        np.concatenate(named),
        np.concatenate(proba),
        [str(name) for name in classes],
        groups=tile_groups(training.groups, repeats),
    )
    found: MultiLabelEvaluation = settle_counts(figures, training.groups, repeats)
    return found


def _measure_f1(y: Array, named: Array) -> float:
    total = int(y.sum() + named.sum())
    return 2 * int((y & named).sum()) / total if total else float("nan")
