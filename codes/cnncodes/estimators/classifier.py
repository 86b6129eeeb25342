"""Fit and predict on images: CNN codes and a classical head behind scikit-learn's contract."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from cnncodes.embedding import Embedder
from cnncodes.errors import SpaceMismatch, UsageError, check_path
from cnncodes.estimators.abstention import Answers, answer
from cnncodes.estimators.aggregation import Scores, average_rows
from cnncodes.estimators.contents import summarize_contents
from cnncodes.estimators.inputs import (
    ImageRows,
    Progress,
    embed_records,
    rows_of,
    settle_embedders,
)
from cnncodes.estimators.labels import (
    check_groups,
    check_labels,
    check_one_each,
    check_same_kind,
    check_several,
    labelled_records,
)
from cnncodes.estimators.parameters import check_failures, check_weight, make_embedders, make_own_head
from cnncodes.estimators.predictor import Predictor
from cnncodes.estimators.priors import ESTIMATE, adjust_scores, find_shares
from cnncodes.estimators.training import find_scorer, fit_rows, number_groups
from cnncodes.estimators.unknown import Training, find_answers, find_scale
from cnncodes.heads.scoring import Scorer
from cnncodes.images import ImageRecord, list_groups, records_from
from cnncodes.store import Codes
from cnncodes.views import ViewPlan

Array = npt.NDArray[Any]


def _head_has(method: str) -> Any:
    def check(self: ImageClassifier) -> bool:
        head = getattr(self, "head_", self.head)
        return isinstance(head, str | Scorer) or hasattr(head, method)

    return check


class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify images by a classical head on the codes of a pretrained network.

    Parameters
    ----------
    backbone : str, path or Backbone
        A name in the zoo or a folder with a card.
    head : str or scikit-learn classifier
        ``"logistic"``, ``"linear-svm"``, ``"ridge"``, ``"lda"``, ``"centroid"``, ``"knn"`` or ``"rbf-svm"``
        (docs/heads.md), whose settings and scaling are chosen by grouped, stratified cross-validation;
        ``"auto"``, which chooses among these; or any classifier object.
    train_views, test_views : str, path or ViewPlan
        Views of each image in `fit` and in prediction: a plan by name (`ViewPlan.parse`), in a .toml file, or
        itself. In `fit` each view is a row, and an image's rows together weigh as much as any other image.
        A plan that varies colours along principal components takes those of the training images.
    aggregate : {"auto", "decision", "probability", "code"}
        What is averaged over the views of an image in prediction: decision values, probabilities, or codes
        before the head sees them. ``"auto"``: decision values for the heads by name; of other classifiers
        what they have, probabilities first.
    class_weight : dict or "balanced", optional
        For heads by name.
    decode : {"exact", "fast"}
        ``"fast"`` decodes large JPEGs at a reduced scale.
    max_pixels : int, optional
        Images with more pixels are refused rather than decoded; None means 89,478,485.
    on_error : {"raise", "skip"}
        In `fit`, whether an image that cannot be read is an error or is dropped with a warning.
    random_state : int, optional
        Decides the folds of the cross-validation, and random views that are given by name.
    n_jobs : int, optional
        Lanes and folds at work at once; None and -1 mean one for each usable core.
    memory : path, optional
        Folder that keeps codes between fits, by content: each image meets the network once.
    out_of_fold : bool, optional
        Whether `fit` keeps what heads said of training images that they had not seen, for
        `predict_or_abstain`. None: where the search of the head's regularisation has that to hand. True: else
        from five more fits, as for a classifier object. False: never.
    finetune : bool, dict or FineTuning, optional
        Train the network itself on, from the head; a dictionary has settings of
        `cnncodes.finetuning.settings.FineTuning`. A part of the training images is held out for it; the tuned
        network predicts where its gain on these is clear, else the head. Give it `train_views` with random
        ones, such as ``"flip, flip+translation+rotation+stretching:6"``: of fixed views it learns the images
        by heart. A `random_state` among the settings goes before the classifier's. For linear heads by name,
        the first five (extra: finetune).

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    head_ : scikit-learn classifier
        The fitted head; after `load`, of one by name, the arrays alone.
    train_plan_ : ViewPlan
        The views that the head was trained on.
    space_ : Space
        What kind of vector the codes are.
    n_images_ : int
        Images that the head was trained on.
    tuning_ : Tuning
        With `finetune`, what came of it: ``kept``, ``comparison``, ``history``.

    Examples
    --------
    >>> import numpy as np
    >>> from cnncodes import ImageClassifier
    >>> rng = np.random.default_rng(0)
    >>> dark = [rng.integers(0, 80, (64, 64, 3), dtype=np.uint8) for _ in range(6)]
    >>> light = [rng.integers(170, 256, (64, 64, 3), dtype=np.uint8) for _ in range(6)]
    >>> clf = ImageClassifier(train_views="center", test_views="center")
    >>> clf.fit(dark + light, ["dark"] * 6 + ["light"] * 6).predict(dark[:1])
    array(['dark'], dtype='<U5')
    """

    def __init__(
        self,
        backbone: Any = "efficientnet-lite0",
        head: Any = "logistic",
        *,
        train_views: Any = "flip",
        test_views: Any = "flip",
        aggregate: str = "auto",
        class_weight: Any = None,
        decode: str = "exact",
        max_pixels: int | None = None,
        on_error: str = "raise",
        random_state: int | None = 0,
        n_jobs: int | None = None,
        memory: Any = None,
        out_of_fold: bool | None = None,
        finetune: Any = None,
    ) -> None:
        self.backbone = backbone
        self.head = head
        self.train_views = train_views
        self.test_views = test_views
        self.aggregate = aggregate
        self.class_weight = class_weight
        self.decode = decode
        self.max_pixels = max_pixels
        self.on_error = on_error
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.memory = memory
        self.out_of_fold = out_of_fold
        self.finetune = finetune

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None) -> Self:
        """Make the images' codes and fit the head on them.

        Parameters
        ----------
        X : list of paths, encoded bytes, PIL images or uint8 arrays; or a folder
            A folder of class folders brings its labels; where it has parts (``train/``, ``val/``,
            ``test/``), ``train/`` is used.
        y : array-like of str, int or bool, shape (n_images,)
            May be left out for a folder of class folders.
        sample_weight : array-like of float, shape (n_images,), optional
        groups : array-like, shape (n_images,), optional
            Images of a group (a patient, a camera) stay in one fold. Equal files always do. None and NaN: a
            group of its own. May be left out for a table that has a column ``group``.

        Returns
        -------
        ImageClassifier

        Raises
        ------
        UsageError
            If the labels do not fit the images, or a parameter is wrong.
        UnreadableImages
            If an image cannot be read and `on_error` is ``"raise"``.
        """
        embedders = make_embedders(self)
        if isinstance(X, Codes):
            raise UsageError("stored codes are fitted by fit_codes(codes), which takes their labels too.")
        records, y = labelled_records(X, y, split="train")
        y = check_labels(y, len(records))
        check_several(y)
        weight = check_weight(make_own_head(self), sample_weight, y)
        return self._fit_images(embedders, records, y, weight, groups)

    def fit_records(self, records: Sequence[ImageRecord], *, on_progress: Progress | None = None) -> Self:
        """Fit on the labelled records of a source; `on_progress` is called with done, total, failed."""
        labelled = [record for record in records if record.label is not None]
        y = check_labels([record.label for record in labelled])
        check_several(y)
        return self._fit_images(make_embedders(self), labelled, y, on_progress=on_progress)

    def fit_codes(self, codes: Codes) -> Self:
        """Fit on stored codes; they must be of this backbone and this way of decoding.

        Every row is trained on: `Codes.select` chooses views and parts. Codes whose job did not finish are
        used as they are, with a warning. Where the codes are means over views, ``aggregate="auto"`` averages
        codes in prediction too.

        Raises
        ------
        SpaceMismatch
            If they are not; the text names the field.
        """
        if self.finetune not in (None, False):
            raise UsageError("stored codes are of the network as it was: fit images to fine-tune it.")
        _, embedder = make_embedders(self)
        differing = codes.space.differences(embedder.space)
        if differing:
            raise SpaceMismatch(
                f"the codes are of another space: {'; '.join(differing)}. Embed the images again, or give the"
                " backbone and decoding that made the codes."
            )
        if not codes.complete:  # whole classes may be missing
            warnings.warn(
                "the codes are incomplete: the job that wrote them did not finish; run the same embed command"
                " again first.",
                stacklevel=2,
            )
        rows, labels = rows_of(codes.select(labelled=True))
        y = check_labels(labels)
        check_several(y)
        plan = ViewPlan.from_dict(codes.plan)
        if embedder.plan.needs_colors:
            embedder = replace(embedder, plan=embedder.plan.with_colors(plan.principal_colors))
        if embedder.plan.needs_colors:
            raise UsageError(
                "the test views need the principal colours of training images, and the codes' plan has none:"
                " give a plan that has them (`cnncodes views write`)."
            )
        aggregate = "code" if codes.reduced and self.aggregate == "auto" else self.aggregate
        return self._fit_rows(plan, embedder, rows, y, aggregate=aggregate)

    def _fit_images(
        self,
        embedders: tuple[Embedder, Embedder],
        records: Sequence[ImageRecord],
        y: Array,
        weight: Array | None = None,
        groups: Any = None,
        on_progress: Progress | None = None,
    ) -> Self:
        """Fit on labelled images; without `groups` they have their own."""
        groups = check_groups(list_groups(records) if groups is None else groups, len(y))
        train, test = settle_embedders(embedders, records, self.n_jobs)
        if self.finetune not in (None, False):
            return self._fit_tuned(train.plan, test, records, y, weight, groups)
        rows = embed_records(train, records, n_jobs=self.n_jobs, memory=self.memory, on_progress=on_progress)
        check_failures(rows, y, self.on_error)
        return self._fit_rows(train.plan, test, rows, y, weight, groups)

    def _fit_rows(
        self,
        train_plan: ViewPlan,
        embedder: Embedder,
        rows: ImageRows,
        y: Array,
        weight: Array | None = None,
        groups: Array | None = None,
        aggregate: str | None = None,
    ) -> Self:
        aggregate = aggregate or self.aggregate
        fitted = fit_rows(make_own_head(self), rows, y, weight, groups)
        numbered = number_groups(groups, rows.contents)
        training = Training(rows, y, weight, numbered, aggregate, self.random_state)
        predictor = Predictor(
            embedder,
            find_scorer(fitted),
            summarize_contents(rows.contents),
            aggregate,
            find_answers(fitted, lambda: make_own_head(self), training, self.out_of_fold),
            find_scale(training),
            same_views=train_plan == embedder.plan,
            shares=find_shares(*training.usable_labels(), fitted),
        )
        self._take(predictor, train_plan, int((rows.counts > 0).sum()))
        self.head_ = fitted
        return self

    def _take(self, predictor: Predictor, train_plan: ViewPlan, n_images: int) -> None:
        """Become fitted with a predictor, whose head was trained on those views of so many images."""
        self.predictor_, self.head_, self.classes_ = predictor, predictor.head, predictor.classes
        self.space_ = predictor.embedder.space
        self.train_plan_, self.n_images_ = train_plan, n_images

    def _fit_tuned(
        self,
        train_plan: ViewPlan,
        embedder: Embedder,
        records: Sequence[ImageRecord],
        y: Array,
        weight: Array | None = None,
        groups: Array | None = None,
    ) -> Self:
        """Fine-tune the network, and predict with the better of it and its head."""
        from cnncodes.finetuning.estimating import tune_classifier

        if weight is not None:
            raise UsageError("fine-tuning takes no sample_weight: leave it out, or use class_weight.")
        predictor, self.tuning_ = tune_classifier(self, embedder, train_plan, records, y, groups)
        self._take(predictor, train_plan, self.tuning_.n_images)
        return self

    def _score_images(self, X: Any, priors: Any = None) -> Scores:
        check_is_fitted(self, "predictor_")
        self.predictor_.check_priors(priors)
        records = records_from(X)
        rows = embed_records(self.predictor_.embedder, records, n_jobs=self.n_jobs, memory=self.memory)
        rows.raise_failures()
        scores = self.predictor_.score(rows.X, rows.counts)
        return scores if priors is None else adjust_scores(scores, self.predictor_.shares, priors)[0]

    def predict(self, X: Any, priors: Any = None) -> Array:
        """Return the most likely class of each image, shape (n_images,).

        Parameters
        ----------
        X : list of paths, encoded bytes, PIL images or uint8 arrays; or a folder
        priors : dict of class to float, or "estimate", optional
            Shares of the classes among such images, where these are others than in training; classes that
            are left out share the rest as they did there. "estimate": those that are most likely by these
            images. See `cnncodes.estimators.priors.adjust_probabilities`, and docs/figures.md.

        Raises
        ------
        UsageError
            If `priors` are no shares of its classes, or the head gives no probabilities.
        UnreadableImages
            If any image cannot be read; the text names the first ten.
        """
        return self._score_images(X, priors).labels

    @available_if(_head_has("predict_proba"))
    def predict_proba(self, X: Any, priors: Any = None) -> npt.NDArray[np.float64]:
        """Return the classes' probabilities, shape (n_images, n_classes), columns as `classes_`.

        `priors` as in `predict`.

        Raises
        ------
        UsageError
            Where decision values of a head that is none by name are averaged: these have no probabilities.
        """
        proba = self._score_images(X, priors).proba
        if proba is None:
            raise UsageError(
                f"with aggregate={self.predictor_.aggregate!r} this head gives no probabilities: their"
                " average is another one. Choose aggregate='probability'."
            )
        return proba

    @available_if(_head_has("decision_function"))
    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return decision values, shape (n_images,) for two classes, else (n_images, n_classes)."""
        decision = self._score_images(X).decision
        assert decision is not None
        return decision

    def predict_or_abstain(self, X: Any, risk: float = 0.05, *, confidence: float = 0.95) -> Answers:
        """Answer where the classifier is sure enough; else its answer is None.

        Answers are given from a probability on that was chosen by the out-of-fold answers to the training
        images, such that of the answers to images like them at most `risk` are wrong, which holds with
        `confidence`, over the draw of the training images. See `cnncodes.estimators.abstention.choose_rule`.

        Parameters
        ----------
        X : as in `predict`
        risk : float
            Largest share of wrong ones among the answers. Where it cannot be reached nothing is answered, and
            ``rule.reason`` says why.
        confidence : float

        Returns
        -------
        Answers
            ``labels`` (None where it does not know), ``answered``, ``probability``, ``rule``.

        Raises
        ------
        UsageError
            If `fit` kept no out-of-fold answers, or the head gives no probabilities.
        UnreadableImages
            If any image cannot be read.
        """
        check_is_fitted(self, "predictor_")
        rule = self.predictor_.make_rule(risk, confidence)  # before the images are read
        scores = self._score_images(X)
        return answer(scores.labels, scores.proba, rule)

    def estimate_priors(self, X: Any) -> dict[Any, float]:
        """Estimate the shares of the classes among images whose classes are not known.

        By expectation and maximisation on the probabilities, for images of each class that look as those of
        training did. What `predict` takes by ``priors="estimate"``.

        Raises
        ------
        UsageError
            If the classifier does not know the shares of training, or gives no probabilities.
        UnreadableImages
            If any image cannot be read.
        """
        check_is_fitted(self, "predictor_")
        self.predictor_.check_priors(ESTIMATE)
        _, shares = adjust_scores(self._score_images(X), self.predictor_.shares, ESTIMATE)
        return dict(zip(self.classes_.tolist(), shares.tolist(), strict=True))

    def novelty(self, X: Any) -> npt.NDArray[np.float64]:
        """Return how unlike the training images each image is, shape (n_images,), from 0 to below 1.

        The share of training images, each held out, that are nearer to the rest in code space: at least 0.99
        has one in a hundred of images like those trained on, whatever is right or wrong about its class.

        Raises
        ------
        UsageError
            If `fit` kept nothing to measure it by.
        UnreadableImages
            If any image cannot be read.
        """
        check_is_fitted(self, "predictor_")
        scale = self.predictor_.check_scale()
        rows = embed_records(
            self.predictor_.embedder, records_from(X), n_jobs=self.n_jobs, memory=self.memory
        )
        rows.raise_failures()
        return scale.rate(average_rows(rows.X, rows.counts))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the accuracy; a folder of class folders brings its labels (``test/`` where it has parts)."""
        records, y = labelled_records(X, y, split="test")
        y = check_labels(y, len(records))
        check_is_fitted(self, "predictor_")
        check_same_kind(y, self.classes_)
        rows = embed_records(self.predictor_.embedder, records, n_jobs=self.n_jobs, memory=self.memory)
        rows.raise_failures()
        right = self.predictor_.score(rows.X, rows.counts).labels == y
        return float(np.average(right, weights=check_one_each("sample_weight", sample_weight, len(y))))

    def save(self, path: str | Path, *, include_backbone: bool = True) -> None:
        """Write the fitted classifier to one file that `cnncodes.load` reads.

        Parameters
        ----------
        path : path
            Usually ending in ``.cnncodes``. Replaced at once and whole if it exists.
        include_backbone : bool
            Whether the file carries the backbone, so that it needs nothing else.
        """
        from cnncodes.estimators.saving import save_classifier

        check_is_fitted(self, "predictor_")
        check_path(path)
        save_classifier(self, Path(path), include_backbone=include_backbone)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.no_validation = True
        return tags
