"""Cross-validation of numbers: every image is predicted by heads that had not seen it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SourceError, UsageError
from cnncodes.estimators.inputs import ImageRows, Progress
from cnncodes.estimators.unknown import Training, find_residuals, fit_folds
from cnncodes.evaluation.crossvalidation.repeating import (
    count_folds,
    divide_images,
    settle_counts,
    show_validation,
    tile_groups,
)
from cnncodes.evaluation.numbers import NumberEvaluation, evaluate_numbers, make_statistics
from cnncodes.evaluation.thresholds import COVERAGE
from cnncodes.heads.folds import Split, split_images
from cnncodes.plain import PlainResult

if TYPE_CHECKING:
    from cnncodes.estimators import ImageRegressor
    from cnncodes.estimators.unknown import Fold

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class NumberCrossValidation(PlainResult):
    """What heads predicted of images that they had not seen, and how good that is.

    Attributes
    ----------
    evaluations : list of NumberEvaluation
        Figures over the images, of each target. Each image is predicted once a repetition: ``n`` are images,
        and an image's repetitions are drawn together for the intervals. Intervals of 90 % are those that each
        fold's head gives; `width` is the mean of them.
    folds, repeats : int
        Both may be fewer than asked for: folds where there are fewer groups, repetitions where these are too
        few for other divisions.
    r2_by_repeat : list of list of float
        Of each target R2 in each repetition. Their spread is that of the division into folds alone, and no
        interval. NaN where the targets do not vary.
    y : ndarray of float64, shape (n_images, n_targets)
        Targets of the images that could be read.
    prediction : ndarray of float64, shape (repeats, n_images, n_targets)
    """

    evaluations: list[NumberEvaluation]
    folds: int
    repeats: int
    r2_by_repeat: list[list[float]]
    y: Array
    prediction: Array

    def __repr__(self) -> str:
        return show_validation(self, *self.evaluations)

    @property
    def evaluation(self) -> NumberEvaluation:
        """The figures of the only target.

        Raises
        ------
        UsageError
            If there are several.
        """
        if len(self.evaluations) > 1:
            raise UsageError(f"there are {len(self.evaluations)} targets: look at evaluations, one of each.")
        return self.evaluations[0]


def validate_numbers(
    regressor: ImageRegressor,
    training: Training,
    answered: ImageRows,
    cv: int,
    repeats: int,
    on_fold: Progress | None,
) -> NumberCrossValidation:
    """Cross-validate a regressor; `answered` are the images of `training` with the views of prediction."""
    y = training.y.reshape(len(training.y), -1)
    first = split_groups(training.groups, cv, training.random_state)
    split = partial(split_images, np.zeros(len(y), dtype=np.int64), training.groups, cv)
    divisions = divide_images(first, split, training.random_state, repeats)
    repeats, count_fold = len(divisions), count_folds(divisions, on_fold)
    prediction, width = np.empty((repeats, *y.shape)), np.full((repeats, *y.shape), np.nan)
    for repeat, splits in enumerate(divisions):
        for fold in fit_folds(regressor._make_head, training, splits, answered, count_fold):
            prediction[repeat, fold.held_out] = fold.predict(training.aggregate)
            width[repeat, fold.held_out] = _find_width(fold, regressor)
    return NumberCrossValidation(
        evaluations=[
            _evaluate(y[:, i], prediction[:, :, i], width[:, :, i], training.groups)
            for i in range(y.shape[1])
        ],
        folds=len(divisions[0]),
        repeats=repeats,
        r2_by_repeat=[
            [float(make_statistics(y[:, i], one[:, i])["r2"](np.ones(len(y)))) for one in prediction]
            for i in range(y.shape[1])
        ],
        y=y,
        prediction=prediction,
    )


def split_groups(groups: Array, cv: int, random_state: Any) -> list[Split]:
    """Return folds of images by their groups alone; `SourceError` where none can be made."""
    splits = split_images(np.zeros(len(groups), dtype=np.int64), groups, cv, random_state)
    if not splits:
        raise SourceError(
            "no folds can be made: all images are of one group (equal files are one), and cross-validation"
            " takes at least 2. Give images of 2 groups or more."
        )
    return splits


def _find_width(fold: Fold, regressor: ImageRegressor) -> Array | float:
    """Return half the width of a fold's intervals; NaN where it has none."""
    try:
        kept = find_residuals(fold.fitted, regressor._make_head, fold.training, regressor.out_of_fold)
        return np.nan if kept is None else kept.find_width(COVERAGE)
    except UsageError:  # too few images for so much
        return np.nan


def _evaluate(y: Array, prediction: Array, width: Array, groups: Array) -> NumberEvaluation:
    """Evaluate all repetitions as one; an image is drawn with all that was predicted of it."""
    repeats = len(prediction)
    known = bool(np.isfinite(width).all())
    figures = evaluate_numbers(
        np.tile(y, repeats),
        prediction.ravel(),
        groups=tile_groups(groups, repeats),
        coverage=COVERAGE if known else None,
        width=width.ravel() if known else None,
    )
    found: NumberEvaluation = settle_counts(figures, groups, repeats)
    return found
