"""Prediction with a fitted head; for a head by name with numpy alone, without scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cnncodes.backbones import Backbone
from cnncodes.backbones.seen import list_seen
from cnncodes.embedding import Embedder
from cnncodes.errors import UsageError, count, warn
from cnncodes.estimators.abstention import AnswerRule, choose_rule
from cnncodes.estimators.aggregation import Scores, join_scores, score_images
from cnncodes.estimators.answering import Answer, Answered, answer_records
from cnncodes.estimators.answers import HeldOutAnswers
from cnncodes.estimators.contents import Contents, shorten
from cnncodes.estimators.inputs import Progress
from cnncodes.estimators.novelty import NoveltyScale, warn_of_unlike
from cnncodes.estimators.priors import ESTIMATE, adjust_scores, require_shares, settle_shares
from cnncodes.heads.scoring import Scorer
from cnncodes.images import ImageRecord
from cnncodes.store import Failure


@dataclass(frozen=True)
class Predictions:
    """One answer an image, also for those that could not be read.

    Attributes
    ----------
    keys : list of str
    classes : ndarray, shape (n_classes,)
    labels : list
        The predicted class; None where the image could not be read.
    proba : ndarray of float64, shape (n_images, n_classes), or None
        NaN where the image could not be read. None if the head gives no probabilities.
    failures : dict of int to Failure
        By position.
    trained_on : ndarray of bool, shape (n_images,)
        Whether the classifier was trained on that very image, under whatever name, or its network was
        fine-tuned on it, as far as that remembers.
    contents : ndarray of uint64, shape (n_images,)
        What tells equal images; 0 where the image could not be read.
    novelty : ndarray of float64, shape (n_images,), or None
        Where it was asked for; NaN where the image could not be read.
    codes : ndarray of float32, shape (n_images, code_size), or None
        The mean of each image's codes over its views, where it was asked for; NaN where the image could not
        be read.
    shares : ndarray of float64, shape (n_classes,), or None
        Of the classes, where probabilities were asked for that are made for others than those of training.
    """

    keys: list[str]
    classes: npt.NDArray[Any]
    labels: list[Any]
    proba: npt.NDArray[np.float64] | None
    failures: dict[int, Failure]
    trained_on: npt.NDArray[np.bool_]
    contents: Contents
    novelty: npt.NDArray[np.float64] | None = None
    codes: npt.NDArray[np.float32] | None = None
    shares: npt.NDArray[np.float64] | None = None


#: What a fine-tuned network leaves to be done for what it cannot know.
_REFIT = "fit a head on its codes with images that it has not seen ('cnncodes fit --backbone tuned/backbone')"


@dataclass(frozen=True)
class ImagePredictor:
    """A backbone, the views to take of an image, and a fitted head: what predictors share.

    Parameters
    ----------
    embedder : Embedder
    head : ArrayScorer or fitted scikit-learn estimator
    trained : ndarray of uint64
        Contents of the images that the head was trained on, as `summarize_contents` gives them.
    trained_groups : ndarray of uint64
        Their groups, as `summarize_groups` gives them.
    aggregate : str
        What is averaged over an image's views.
    scale : NoveltyScale or None
        What novelty is measured by.
    same_views : bool
        Whether that, and what held-out images tell, is of the views that prediction takes.
    """

    embedder: Embedder
    head: Any
    trained: Contents = field(default_factory=lambda: np.empty(0, np.uint64), repr=False, compare=False)
    aggregate: str = "auto"
    trained_groups: Contents = field(
        default_factory=lambda: np.empty(0, np.uint64), repr=False, compare=False, kw_only=True
    )
    scale: NoveltyScale | None = field(default=None, repr=False, compare=False)
    same_views: bool = True

    def with_max_pixels(self, max_pixels: int | None) -> Self:
        """Return one that takes images of up to so many pixels; None leaves the limit as it is."""
        if max_pixels is None:
            return self
        decoding = replace(self.embedder.decoding, max_pixels=max_pixels)
        return replace(self, embedder=replace(self.embedder, decoding=decoding))

    def list_kept(self) -> list[Any]:
        """Return what is kept besides the head, each with `pack`, for a saved file."""
        return [] if self.scale is None else [self.scale]

    def answer_records(
        self, records: Sequence[ImageRecord], answer: Answer, scale: NoveltyScale | None, **options: Any
    ) -> Answered:
        """Make codes of records and keep what is said of them; `options` are those of `answer_records`.

        Trained on are the images of the head, and those that the network was fine-tuned on.
        """
        trained, seen = self.trained, self.embedder.backbone.card.seen
        if seen is not None:
            trained = np.union1d(trained, shorten(list_seen(seen)))
        return answer_records(self.embedder, records, answer, trained=trained, scale=scale, **options)

    def _tell_tuned(self, why: str) -> str:
        """Return what is left to be done where the network was fine-tuned with the head; empty where not."""
        is_tuned = getattr(self.head, "kind", "") == "finetuned"
        return f"The network was fine-tuned, and {why}: {_REFIT}." if is_tuned else ""

    def _tell_unmeasured(self) -> str:
        """Return why novelty is not known, as far as what is kept tells, and what to do."""
        needed, n = self._count_measurable(), len(self.trained)
        if 0 < n < needed:
            return (
                f"It was trained on {count(n, 'different image')}, and at least two of a class (of two"
                " classes, where there are classes) must be measured from each other. Fit it again with more."
            )
        return (
            "Its images of a class are equal, or of one group, in all classes but one at most, or its network"
            " was quantised after the fit, or an earlier version wrote it. Fit it again, with different"
            " images of at least 2 groups of two classes or more, or use the one that was not quantised."
        )

    def _count_measurable(self) -> int:
        """Return how many different images there must be for two of a class to be measured."""
        return 2

    @property
    def usual_scale(self) -> NoveltyScale | None:
        """What novelty is measured by; None also where other views were trained on: they are farther away."""
        return self.scale if self.same_views else None

    def check_scale(self) -> NoveltyScale:
        """Return what novelty is measured by.

        Raises
        ------
        UsageError
            If there is none.
        """
        if self.scale is None:
            tuned = self._tell_tuned("it brought the training images together")
            why = tuned or self._tell_unmeasured()
            raise UsageError(f"this estimator keeps nothing to measure novelty by. {why}")
        if not self.same_views:
            warn(
                "novelty was scaled on the views that were trained on, and prediction takes others: their"
                " codes may be farther from the training images for that alone.",
            )
        return self.scale


@dataclass(frozen=True)
class Predictor(ImagePredictor):
    """What predicts classes.

    Parameters
    ----------
    answers : HeldOutAnswers or None
        The answers to training images that the rule for abstaining is chosen by.
    shares : ndarray of float64, shape (n_classes,), or None
        Of the classes, for which its probabilities are made; None where they are not known.
    """

    answers: HeldOutAnswers | None = field(default=None, repr=False, compare=False)
    shares: npt.NDArray[np.float64] | None = field(default=None, repr=False, compare=False)

    @property
    def classes(self) -> npt.NDArray[Any]:
        """The classes, in the order of the columns of probabilities."""
        return np.asarray(self.head.classes if hasattr(self.head, "classes") else self.head.classes_)

    def _count_measurable(self) -> int:
        """Return how many there must be for two of each of two classes: one of every other one."""
        return len(self.classes) + 2

    def list_kept(self) -> list[Any]:
        """Return what is kept besides the head, each with `pack`, for a saved file."""
        return [*([] if self.answers is None else [self.answers]), *super().list_kept()]

    def with_backbone(self, backbone: Backbone) -> Predictor:
        """Return one with the same head on another make of its network, such as one of int8.

        What it knows of its own doubts was measured on codes of the first, and stays behind.
        """
        embedder = replace(self.embedder, backbone=backbone)
        return replace(self, embedder=embedder, answers=None, scale=None)

    def predict_records(
        self,
        records: Sequence[ImageRecord],
        *,
        n_jobs: int | None = None,
        memory: str | Path | None = None,
        on_progress: Progress | None = None,
        novelty: bool = False,
        codes: bool = False,
        priors: Any = None,
        promises: bool = False,
    ) -> Predictions:
        """Predict every record; one that cannot be read becomes an empty prediction with its reason.

        `priors` are those of `ImageClassifier.predict`; `promises` says that a rule for abstaining is to be
        kept, which warns of images unlike those of training.
        """
        self.check_priors(priors)
        scale = self.usual_scale if promises else None
        scale = self.check_scale() if novelty else scale  # before any image is read
        found = self.answer_records(
            records, self.score, scale, codes=codes, n_jobs=n_jobs, memory=memory, on_progress=on_progress
        )
        labels: list[Any] = [None] * len(records)
        proba, shares = None, None
        if found.answers:
            scores = join_scores(found.answers)
            if priors is not None:
                scores, shares = adjust_scores(scores, self.shares, priors)
            for position, label in zip(found.read, scores.labels, strict=True):
                labels[position] = label
            if scores.proba is not None:
                proba = np.full((len(records), len(self.classes)), np.nan)
                proba[found.read] = scores.proba
        if promises and scale is not None and found.novelty is not None:
            warn_of_unlike(found.novelty, len(scale.distances))
        keys = [record.key for record in records]
        rated = found.novelty if novelty else None
        told = (found.failures, found.trained_on, found.contents, rated, found.codes)
        return Predictions(keys, self.classes, labels, proba, *told, shares)

    def make_rule(self, risk: float, confidence: float = 0.95) -> AnswerRule:
        """Choose from which probability on to answer; warn where training had other views than prediction.

        Raises
        ------
        UsageError
            If there are no out-of-fold answers to choose by, or the head gives no probabilities.
        """
        if not isinstance(self.head, Scorer) and not hasattr(self.head, "predict_proba"):
            raise UsageError(
                f"abstaining goes by probabilities, and the head {type(self.head).__name__} gives none:"
                " take a head by name, or CalibratedClassifierCV around it, and fit with out_of_fold=True."
            )
        if self.answers is None:
            why = self._tell_tuned("all these images trained it or chose its epoch") or (
                "Fit it again with out_of_fold=True (--out-of-fold), which keeps them of any head that gives"
                " probabilities, on at least 2 images (or groups) of each class."
            )
            raise UsageError(
                "this classifier keeps no out-of-fold answers to its training images, so it cannot tell when"
                f" to abstain. {why}"
            )
        if not self.same_views:
            warn(
                "the rule for answers was chosen on the views that were trained on, and prediction takes"
                " others: the risk is kept only if these are answered as well.",
            )
        return choose_rule(self.answers, risk, confidence)

    def check_priors(self, priors: Any) -> None:
        """Raise `UsageError` unless probabilities can be made for these shares, before images are read."""
        if priors is None:
            return
        shares = require_shares(self.shares)
        if not (isinstance(priors, str) and priors == ESTIMATE):
            settle_shares(priors, self.classes, shares)

    def score(self, X: npt.NDArray[np.float32], counts: npt.NDArray[np.int64]) -> Scores:
        """Score images by their codes; `counts[i]` consecutive rows are those of image i."""
        return score_images(self.head, X, counts, self.aggregate)
