"""Cross-validation of classes: every image is answered by heads that had not seen it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import ResultWarning, SourceError, agree, name_some, warn
from cnncodes.estimators.inputs import ImageRows, Progress
from cnncodes.estimators.parameters import make_own_head
from cnncodes.estimators.unknown import Training, predict_folds
from cnncodes.evaluation.crossvalidation.repeating import (
    count_folds,
    divide_images,
    settle_counts,
    show_validation,
    tile_groups,
)
from cnncodes.evaluation.metrics import Evaluation, evaluate_predictions
from cnncodes.heads.folds import Split, count_members, split_images
from cnncodes.heads.scarcity import name_classes
from cnncodes.plain import PlainResult

if TYPE_CHECKING:
    from cnncodes.estimators import ImageClassifier

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class CrossValidation(PlainResult):
    """What heads said of images that they had not seen, and how good that is.

    Attributes
    ----------
    evaluation : Evaluation
        Figures over the images, each answered once a repetition: ``n`` are images, and an image's
        repetitions are drawn together for the intervals. Counts of its confusion matrix and of its
        calibration's bins are summed over the repetitions.
    folds, repeats : int
        Both may be fewer than asked for: folds where most images are of classes with fewer groups,
        repetitions where groups are too few for other divisions.
    accuracy_by_repeat : list of float
        Their spread is that of the division into folds alone, and no interval.
    classes : ndarray, shape (n_classes,)
    not_held_out : list of str
        Classes with images of one group alone: they were in training in every fold and are in no figure.
    y : ndarray, shape (n_images,)
        True classes of the images that could be read and held out.
    labels : ndarray, shape (repeats, n_images)
        The answers.
    proba : ndarray of float64, shape (repeats, n_images, n_classes), or None
        None if the head gives no probabilities.
    """

    evaluation: Evaluation
    folds: int
    repeats: int
    accuracy_by_repeat: list[float]
    classes: Array
    not_held_out: list[str]
    y: Array
    labels: Array
    proba: Array | None

    def __repr__(self) -> str:
        return show_validation(self, self.evaluation)


def validate_classes(
    classifier: ImageClassifier,
    training: Training,
    answered: ImageRows,
    cv: int,
    repeats: int,
    top_k: int,
    on_fold: Progress | None,
) -> CrossValidation:
    """Cross-validate a classifier; `answered` are the images of `training` with the views of prediction."""
    first = split_classes(training.y, training.groups, cv, training.random_state)
    split = partial(split_images, training.y, training.groups, cv)
    divisions = divide_images(first, split, training.random_state, repeats)
    count_fold = count_folds(divisions, on_fold)
    found = [
        predict_folds(lambda: make_own_head(classifier), training, splits, answered, count_fold)
        for splits in divisions
    ]
    # Which can be held out lies in classes and groups: the same in all repetitions.
    images = found[0].images
    y, numbers = training.y[images], training.groups[images]
    missing = _warn_of_missing(found[0].classes, y)
    labels = np.stack([answers.labels for answers in found])
    some = [answers.proba for answers in found if answers.proba is not None]
    proba = np.stack(some) if len(some) == len(found) else None
    return CrossValidation(
        evaluation=_evaluate(y, numbers, labels, proba, found[0].classes, top_k),
        folds=len(divisions[0]),
        repeats=len(divisions),
        accuracy_by_repeat=[float((one == y).mean()) for one in labels],
        classes=found[0].classes,
        not_held_out=missing,
        y=y,
        labels=labels,
        proba=proba,
    )


def split_classes(labels: Array, groups: Array, cv: int, random_state: Any) -> list[Split]:
    """Return folds of images; `SourceError` where none can be made."""
    splits = split_images(labels, groups, cv, random_state)
    if not splits:
        classes, y = np.unique(labels, return_inverse=True)
        counts = count_members(y, groups)
        scarce = [str(name) for name in classes[counts < 2]]
        raise SourceError(
            f"no folds can be made: {len(scarce)} of {len(classes)} classes ({name_some(scarce)})"
            f" {agree(len(scarce), 'has')} images of 1 group (equal files are one), and cross-validation"
            " takes at least 2 of two classes or more. Give at least 2 different images of each class, of"
            " 2 groups where there are any."
        )
    return splits


def _warn_of_missing(classes: Array, y: Array) -> list[str]:
    """Return the classes of which no image was held out; warn where there are any."""
    missing = classes[~np.isin(classes, y)]
    if len(missing):
        warn(
            f"{len(missing)} of {len(classes)} classes could not be held out, with images of one group alone"
            f" (equal files are one): {name_classes(missing)}. They were in training in every fold, and the"
            f" figures are of the {len(y)} images of the others; give at least 2 different images of each, of"
            " 2 groups where there are any.",
            ResultWarning,
        )
    return [str(name) for name in missing]


def _evaluate(
    y: Array, groups: Array, labels: Array, proba: Array | None, classes: Array, top_k: int
) -> Evaluation:
    """Evaluate all repetitions as one; an image is drawn with all that was said of it."""
    repeats = len(labels)
    # Labels in figures are text, whatever they are in Python.
    names = np.array([str(name) for name in classes])
    figures = evaluate_predictions(
        np.tile(np.array([str(label) for label in y]), repeats),
        np.array([str(label) for label in labels.ravel()]) if proba is None else np.concatenate(proba),
        names,
        groups=tile_groups(groups, repeats),
        top_k=top_k,
    )
    found: Evaluation = settle_counts(figures, groups, repeats)
    return found
