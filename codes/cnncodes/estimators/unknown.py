"""What `fit` keeps so that a classifier knows what it does not know: answers of folds, and distances."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import ResultWarning, UsageError
from cnncodes.estimators.aggregation import average_rows, averages_scores, score_images
from cnncodes.estimators.answers import HeldOutAnswers
from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.novelty import NoveltyScale, choose_images, learn_scale
from cnncodes.estimators.number_predictor import predict_images
from cnncodes.estimators.residuals import HeldOutResiduals
from cnncodes.estimators.training import find_scorer, fit_rows
from cnncodes.heads.folds import Split, split_images

if TYPE_CHECKING:
    from cnncodes.heads.scoring import Scorer
    from cnncodes.heads.sweep import HeldOut

Array = npt.NDArray[Any]

FOLDS = 5
#: Folds of novelty at least and at most, and about how many images all learn from.
_SCALE_FOLDS, _SCALE_FITS = (10, 50), 5000


@dataclass(frozen=True, eq=False)
class Training:
    """The images that a head was trained on.

    Attributes
    ----------
    rows : ImageRows
    y : ndarray, shape (n_images,), of several targets (n_images, n_targets)
    weight : ndarray, shape (n_images,), or None
    groups : ndarray of int, shape (n_images,)
    aggregate : str
        What is averaged over an image's rows.
    random_state : int, RandomState or None
        Decides the folds.
    """

    rows: ImageRows
    y: Array
    weight: Array | None
    groups: Array
    aggregate: str
    random_state: Any

    @property
    def usable(self) -> Array:
        """Numbers of the images that could be read and have a weight."""
        used = self.rows.counts > 0
        return np.flatnonzero(used if self.weight is None else used & (self.weight > 0))

    @property
    def averages_scores(self) -> bool:
        """Whether what is averaged over views is what the search averaged over rows."""
        return averages_scores(self.aggregate, int(self.rows.counts.max(initial=0)))

    def usable_labels(self) -> tuple[Array, Array | None]:
        """Return the classes of these images, and their weights."""
        used = self.usable
        return self.y[used], None if self.weight is None else self.weight[used]

    def take(self, images: Array) -> Training:
        """Return some of the images, by their numbers in rising order."""
        images = np.sort(images)
        weight = None if self.weight is None else self.weight[images]
        rows, y, groups = self.rows.take(images), self.y[images], self.groups[images]
        return replace(self, rows=rows, y=y, weight=weight, groups=groups)

    def without_classes(self) -> Training:
        """Return the same images as if all were of one class: what regression divides into folds."""
        return replace(self, y=np.zeros(len(self.y), dtype=np.int64))

    def split(self, cv: Any = FOLDS, random_state: Any = None, weight: Array | None = None) -> list[Split]:
        """Return folds of the images, whole groups on one side; none where none can be made.

        A class of one group is in every training part: see `cnncodes.heads.folds.deal_folds`. With `weight`
        each image counts as so many copies.
        """
        state = self.random_state if random_state is None else random_state
        return split_images(self.y, self.groups, cv, state, weight=weight)


def find_answers(
    fitted: Any, make_head: Callable[[], Any], training: Training, out_of_fold: bool | None
) -> HeldOutAnswers | None:
    """Return the answers of heads to images that they were not trained on.

    Parameters
    ----------
    fitted : classifier
        The head that was fitted on all; a linear one has such answers from its search (`held_out_`).
    make_head : callable
        Returns an unfitted one.
    training : Training
    out_of_fold : bool, optional
        As of `ImageClassifier`.

    Raises
    ------
    UsageError
        If they were asked for and the head gives no probabilities, or images of one class at most can be held
        out.
    """
    if out_of_fold is False:
        return None
    held_out = getattr(fitted, "held_out_", None)
    if held_out is not None and training.averages_scores:
        return convert_answers(replace(held_out, groups=training.groups[held_out.images]), fitted.scorer_)
    if not out_of_fold:
        return None
    training = training.take(training.usable)
    splits = training.split()
    if not splits:
        raise UsageError(
            "out_of_fold=True holds images out of two classes or more, and all but one have images of one"
            " group alone: give at least 2 images (or groups) of each class."
        )
    answers = predict_folds(make_head, training, splits)
    if answers.proba is None:
        raise UsageError(
            f"out_of_fold=True needs probabilities, and the head {type(fitted).__name__} gives none: take a"
            " head by name, or CalibratedClassifierCV around it."
        )
    y, groups = training.y[answers.images], training.groups[answers.images]
    return HeldOutAnswers.choose(answers.proba, answers.labels == y, groups)


def convert_answers(held_out: HeldOut, scorer: Scorer) -> HeldOutAnswers:
    """Return as answers what folds said of images, with the probabilities of the final head."""
    decision = held_out.decision[:, 0] if held_out.decision.shape[1] == 1 else held_out.decision
    proba = scorer.proba_from_decision(decision)
    return HeldOutAnswers.choose(proba, proba.argmax(axis=1) == held_out.y, held_out.groups)


def find_residuals(
    fitted: Any, make_head: Callable[[], Any], training: Training, out_of_fold: bool | None
) -> HeldOutResiduals | None:
    """Return how far heads were off on images that they were not trained on.

    Parameters
    ----------
    fitted : regressor
        The head that was fitted on all; one by name has such predictions from its search (`held_out_`).
    make_head : callable
        Returns an unfitted one.
    training : Training
        Of numbers.
    out_of_fold : bool, optional
        As of `ImageRegressor`.

    Raises
    ------
    UsageError
        If they were asked for and all images are of one group.
    """
    if out_of_fold is False:
        return None
    held_out = getattr(fitted, "held_out_", None)
    if held_out is not None and training.averages_scores:
        return HeldOutResiduals.choose(held_out.prediction, held_out.y, training.groups[held_out.images])
    if not out_of_fold:
        return None
    training = training.take(training.usable)
    splits = training.without_classes().split()
    if not splits:
        raise UsageError("out_of_fold=True holds images out, and all are of one group: give at least 2.")
    y = training.y.reshape(len(training.y), -1)
    prediction = np.empty(y.shape)
    for fold in fit_folds(make_head, training, splits):
        prediction[fold.held_out] = fold.predict(training.aggregate)
    return HeldOutResiduals.choose(prediction, y, training.groups)


@dataclass(frozen=True, eq=False)
class Fold:
    """A head that was fitted on some of the images, and what it is to answer.

    Attributes
    ----------
    held_out : ndarray of int, shape (n_held_out,)
        Numbers of the images that it was not fitted on, rising.
    training : Training
        Those that it was fitted on.
    fitted : head
    rows : ImageRows
        Of the images held out, with the views of prediction.
    """

    held_out: Array
    training: Training
    fitted: Any
    rows: ImageRows

    def predict(self, aggregate: str) -> Array:
        """Return the head's columns of numbers for the images held out: (n_held_out, n_columns)."""
        return predict_images(find_scorer(self.fitted), self.rows.X, self.rows.counts, aggregate)


def fit_folds(
    make_head: Callable[[], Any],
    training: Training,
    splits: list[Split],
    answered: ImageRows | None = None,
    on_fold: Callable[[], object] | None = None,
) -> Iterator[Fold]:
    """Fit a head for each fold, one after the other; the arguments are those of `predict_folds`.

    That classes are scarce is not said of a fold: they are others, and more, than of all images.
    """
    answered = training.rows if answered is None else answered
    for train, test in splits:
        part, out = training.take(train), np.sort(test)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "no image of .* was held out", ResultWarning)
            fitted = fit_rows(make_head(), part.rows, part.y, part.weight, part.groups)
        yield Fold(out, part, fitted, answered.take(out))
        if on_fold is not None:
            on_fold()


@dataclass(frozen=True, eq=False)
class FoldAnswers:
    """What heads say of images that they were not trained on.

    Attributes
    ----------
    classes : ndarray, shape (n_classes,)
    images : ndarray of int, shape (n_held_out,)
        Numbers of the images that were held out, rising.
    labels : ndarray, shape (n_held_out,)
    proba : ndarray of float64, shape (n_held_out, n_classes), or None
        None if the head gives no probabilities.
    """

    classes: Array
    images: Array
    labels: Array
    proba: Array | None


def predict_folds(
    make_head: Callable[[], Any],
    training: Training,
    splits: list[Split],
    answered: ImageRows | None = None,
    on_fold: Callable[[], object] | None = None,
) -> FoldAnswers:
    """Fit a head for each fold and let it answer the images that are held out.

    Parameters
    ----------
    make_head : callable
        Returns an unfitted head.
    training : Training
    splits : list of (training images, held-out images)
        Each image is held out once, or never.
    answered : ImageRows, optional
        The same images with the views of prediction, where these are others.
    on_fold : callable, optional
        Called after each fold.
    """
    classes = np.unique(training.y)
    labels = training.y.copy()
    proba: Array | None = np.empty((len(labels), len(classes)))
    for fold in fit_folds(make_head, training, splits, answered, on_fold):
        head, rows = find_scorer(fold.fitted), fold.rows
        scores = score_images(head, rows.X, rows.counts, training.aggregate)
        labels[fold.held_out] = scores.labels
        if proba is not None and scores.proba is not None:
            proba[fold.held_out] = scores.proba
        else:
            proba = None
    images = np.sort(np.concatenate([test for _, test in splits]))
    return FoldAnswers(classes, images, labels[images], None if proba is None else proba[images])


def split_for_scale(y: Array, groups: Array, random_state: Any, weight: Array | None = None) -> list[Split]:
    """Return folds to measure images by: of few images each alone, so that no fold lacks much."""
    n_folds = int(np.clip(_SCALE_FITS // max(len(y), 1), *_SCALE_FOLDS))
    return split_images(y, groups, n_folds, random_state, rare_too=True, weight=weight)


def find_scale(training: Training) -> NoveltyScale | None:
    """Return what novelty is measured by; None where no images of two classes can be held out."""
    state = training.random_state
    seed = int(state) if isinstance(state, int | np.integer) else 0
    usable = training.usable
    chosen, rated = choose_images(training.y[usable], seed)
    training = training.take(usable[chosen])
    codes = average_rows(training.rows.X, training.rows.counts)
    splits = split_for_scale(training.y, training.groups, state, training.weight)
    return learn_scale(codes, training.y, splits, rated, training.weight, training.groups)
