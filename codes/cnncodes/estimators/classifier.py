"""Fit and predict on images: CNN codes and a classical head behind scikit-learn's contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from cnncodes.choices import BACKBONE
from cnncodes.embedding import Embedder
from cnncodes.errors import UsageError
from cnncodes.estimators.abstention import Answers, answer
from cnncodes.estimators.aggregation import Scores, average_rows, check_aggregate
from cnncodes.estimators.base import ImageEstimator
from cnncodes.estimators.contents import warn_of_tuned
from cnncodes.estimators.labels import (
    check_labels,
    check_same_kind,
    check_several,
    warn_of_unknown,
)
from cnncodes.estimators.novelty import warn_of_unlike
from cnncodes.estimators.parameters import (
    check_score_weight,
    check_weighted,
    make_embedders,
    make_own_head,
    warn_of_blank,
)
from cnncodes.estimators.predictor import ImagePredictor, Predictor
from cnncodes.estimators.priors import ESTIMATE, adjust_scores, find_shares
from cnncodes.estimators.stored import check_codes
from cnncodes.estimators.streaming import check_streamed, choose_limit, fit_blocks, open_to_fit
from cnncodes.estimators.training import find_scorer
from cnncodes.estimators.unknown import Training, find_answers, find_scale
from cnncodes.heads.scoring import Scorer
from cnncodes.images import ImageRecord
from cnncodes.store import CodeBlocks, Codes
from cnncodes.views import ViewPlan

Array = npt.NDArray[Any]
Method = TypeVar("Method", bound=Callable[..., Any])


def _if_head_has(name: str) -> Callable[[Method], Method]:
    """Return a decorator of a method that is there where the head has one called so; its types stay."""

    def check(self: ImageClassifier) -> bool:
        head = getattr(self, "head_", self.head)
        return isinstance(head, str | Scorer) or hasattr(head, name)

    decorator: Callable[[Method], Method] = available_if(check)
    return decorator


class ImageClassifier(ClassifierMixin, ImageEstimator):  # type: ignore[misc]
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
    decode : {"exact", "fast", "nvimgcodec", "nvimgcodec-cpu"}
        ``"fast"`` decodes large JPEGs at a reduced scale, ``"nvimgcodec"`` JPEGs on a GPU (`embed`).
    max_pixels : int, optional
        Images with more pixels are refused rather than decoded; None means 89,478,485.
    on_error : {"raise", "skip"}
        In `fit`, whether an image that cannot be read is dropped with a warning or is an error, which ends it
        once the 1,024 images that it is among have been tried.
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
        `cnncodes.finetuning.settings.FineTuning`, and `keep` of `cnncodes.finetune`. A part of the training
        images is held out for it; the tuned network predicts where its gain on these is clear, else the head,
        unless `keep` says otherwise. Give it `train_views` with random
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
        After a `fit` with `finetune`, what came of it: ``kept``, ``comparison``, ``history``.

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

    _NOUN = "class"

    def __init__(
        self,
        backbone: Any = BACKBONE,
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

    def fit_codes(
        self,
        codes: Codes | CodeBlocks | str | Path,
        *,
        sample_weight: Any = None,
        memory_limit: int | str | None = None,
    ) -> Self:
        """Fit on stored codes; they must be of this backbone and this way of decoding.

        Every row is trained on: `Codes.select` chooses views and parts. Codes whose job did not finish are
        used as they are, with a warning. Where the codes are means over views, ``aggregate="auto"`` averages
        codes in prediction too.

        Parameters
        ----------
        codes : Codes, CodeBlocks or path
            What `read_codes` gives; or `open_codes`, of which codes are read block by block: for the heads
            ``"ridge"``, ``"lda"``, ``"centroid"`` and ``"logistic"`` (docs/heads.md). The folder's path
            leaves that choice to the memory there is.
        sample_weight : array-like of float, shape (n_rows,), optional
            Of the image that each row is of: the rows of an image have the same weight, and together count as
            one image of that weight.
        memory_limit : int or str, optional
            How much memory codes that are not in memory already may take: ``"2G"``, ``"500M"`` or a number of
            bytes. It is that of the process where they are read in blocks; a fit in memory has about 0.45 GB
            of Python and its libraries besides. None: half of the machine's, or the container's.

        Raises
        ------
        SpaceMismatch
            If they are not; the text names the field.
        UsageError
            If a limit is given and the head, or the size of the codes, takes more; or a parameter, a label or
            a weight is wrong.
        """
        if self.finetune not in (None, False):
            raise UsageError("stored codes are of the network as it was: fit images to fine-tune it.")
        if isinstance(codes, str | Path):
            codes = open_to_fit(codes, self.head, memory_limit, self.n_jobs)
        elif isinstance(codes, Codes) and memory_limit is not None:
            raise UsageError("these codes are in memory: give their folder, or open_codes(folder).")
        if isinstance(codes, Codes):
            return self._fit_in_memory(codes, sample_weight)
        return self._fit_in_blocks(codes, choose_limit(memory_limit), sample_weight)

    def _fit_in_blocks(self, codes: CodeBlocks, memory: int, sample_weight: Any) -> Self:
        plan, embedder, aggregate = check_codes(codes, make_embedders(self)[1], self.aggregate)
        check_streamed(self.head)  # and not what is made of its name, so that it is told by that
        if (card := embedder.backbone.card).seen is not None:  # few are: to list all contents takes a while
            contents = codes.select(labelled=True).rows.column("content").unique()
            warn_of_tuned(card, [str(content) for content in contents.to_pylist()])
        found = fit_blocks(
            make_own_head(self),
            codes,
            aggregate=aggregate,
            random_state=self.random_state,
            out_of_fold=self.out_of_fold,
            memory=memory,
            n_jobs=self.n_jobs,
            sample_weight=sample_weight,
        )
        predictor = Predictor(
            embedder=embedder,
            head=found.head.scorer_,
            trained=found.trained,
            trained_groups=found.trained_groups,
            aggregate=aggregate,
            answers=found.answers,
            scale=found.scale,
            shares=found.shares,
            same_views=plan == embedder.plan,
        )
        self._take(predictor, plan, found.n_images)
        self.head_ = found.head
        return self

    def _make_head(self) -> Any:
        return make_own_head(self)

    def _check_head(self) -> None:
        check_aggregate(self.aggregate, self._make_head())

    def _check_y(self, y: Any, n_images: int) -> Array:
        warn_of_blank(labels := self._check_labels(y, n_images))
        return labels

    def _check_labels(self, y: Any, n_images: int) -> Array:
        labels = check_labels(y, n_images)
        check_several(labels)
        return labels

    def _read_labels(self, labels: Any, keys: Sequence[str] | None = None) -> Array:
        return self._check_labels(labels, len(labels))

    def _check_weight(self, sample_weight: Any, y: Array) -> Array | None:
        weight = super()._check_weight(sample_weight, y)
        check_weighted(y, weight)
        return weight

    def _make_predictor(self, fitted: Any, training: Training, **shared: Any) -> Predictor:
        return Predictor(
            head=find_scorer(fitted),
            aggregate=training.aggregate,
            answers=find_answers(fitted, self._make_head, training, self.out_of_fold),
            scale=find_scale(training),
            shares=find_shares(*training.usable_labels(), fitted),
            **shared,
        )

    def _take(self, predictor: ImagePredictor, train_plan: ViewPlan, n_images: int) -> None:
        super()._take(predictor, train_plan, n_images)
        self.classes_ = self.predictor_.classes
        self.__dict__.pop("tuning_", None)  # that of a fit before

    def _tune(
        self,
        train_plan: ViewPlan,
        embedder: Embedder,
        records: Sequence[ImageRecord],
        y: Array,
        weight: Array | None,
        groups: Array | None,
    ) -> bool:
        """Where asked for fine-tune the network, and predict with the better of it and its head."""
        if self.finetune in (None, False):
            return False
        from cnncodes.finetuning.estimating import tune_classifier

        if weight is not None:
            raise UsageError("fine-tuning takes no sample_weight: leave it out, or use class_weight.")
        predictor, plan, tuning = tune_classifier(self, embedder, train_plan, records, y, groups)
        self._take(predictor, plan, tuning.n_images)
        self.tuning_ = tuning
        return True

    def _score_images(self, X: Any, priors: Any = None) -> Scores:
        check_is_fitted(self, "predictor_")
        self.predictor_.check_priors(priors)
        rows = self._embed(X)
        scores: Scores = self.predictor_.score(rows.X, rows.counts)
        return scores if priors is None else adjust_scores(scores, self.predictor_.shares, priors)[0]

    def predict(self, X: Any, priors: Any = None) -> Array:
        """Return the most likely class of each image, shape (n_images,).

        Parameters
        ----------
        X : list of paths, encoded bytes, PIL images or uint8 arrays; or a folder; or Codes
            Stored codes, as `read_codes` gives them, of the same network with the views of `test_views` at
            least. There is one answer an image, sorted by key: ``dict.fromkeys(codes.images)`` lists them.
        priors : dict of class to float, Series with classes as index, or "estimate", optional
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

    @_if_head_has("predict_proba")
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

    @_if_head_has("decision_function")
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

        Images unlike those of training may be answered, too. ``answers.answered & (clf.novelty(X) < 0.95)``
        leaves these open, and one in twenty images of the right kind.

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

        Warns
        -----
        ResultWarning
            If many images are unlike those of training, for which nothing is promised.
        """
        check_is_fitted(self, "predictor_")
        rule = self.predictor_.make_rule(risk, confidence)  # before the images are read
        rows = self._embed(X)
        scores = self.predictor_.score(rows.X, rows.counts)
        if (scale := self.predictor_.usual_scale) is not None:
            warn_of_unlike(scale.rate(average_rows(rows.X, rows.counts)), len(scale.distances))
        return answer(scores.labels, scores.proba, rule)

    def estimate_priors(self, X: Any) -> dict[Any, float]:
        """Estimate the shares of the classes among images whose classes are not known.

        By expectation and maximisation on the probabilities, for images of each class that look as those of
        training did. What `predict` takes by ``priors="estimate"``.

        Raises
        ------
        UsageError
            If the classifier does not know the shares of training, or gives no probabilities, or there is no
            image.
        UnreadableImages
            If any image cannot be read.
        """
        check_is_fitted(self, "predictor_")
        self.predictor_.check_priors(ESTIMATE)
        scores = self._score_images(X)
        if not len(scores.labels):
            raise UsageError("shares are estimated on at least one image. Got none.")
        _, shares = adjust_scores(scores, self.predictor_.shares, ESTIMATE)
        return dict(zip(self.classes_.tolist(), shares.tolist(), strict=True))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the accuracy; a folder of class folders brings its labels (``test/`` where it has parts).

        So do stored codes; a `y` that is given has one label an image, sorted by key.

        Images of a class that the classifier does not know count as wrong, with a `ResultWarning`.
        """
        records, y = self._list_scored(X, y)
        y = check_labels(y, len(records))
        check_same_kind(y, self.classes_)
        warn_of_unknown(y, self.classes_)
        weight = check_score_weight(sample_weight, len(y))  # before any image is embedded
        rows = self._embed_records(records)
        right = self.predictor_.score(rows.X, rows.counts).labels == y
        return float(np.average(right, weights=weight))
