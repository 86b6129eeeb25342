"""Fit and predict several labels an image: CNN codes and a multi-label head, by scikit-learn's contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin

from cnncodes.choices import BACKBONE
from cnncodes.embedding import Embedder
from cnncodes.errors import ResultWarning, UsageError, agree, name_some, warn
from cnncodes.estimators.base import ImageEstimator
from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.label_predictor import LabelPredictor, check_label_aggregate
from cnncodes.estimators.label_sets import LabelSets, check_delimiter, check_divided, read_label_sets
from cnncodes.estimators.labels import say_unknown_labels
from cnncodes.estimators.parameters import check_score_weight
from cnncodes.estimators.predictor import ImagePredictor
from cnncodes.estimators.unknown import Training, find_scale
from cnncodes.heads.multilabel.selection import make_label_head
from cnncodes.views import ViewPlan

Array = npt.NDArray[Any]


class ImageMultiLabelClassifier(ClassifierMixin, ImageEstimator):  # type: ignore[misc]
    """Say of each of several labels whether an image has it, by a head on the codes of a pretrained network.

    "Multi-label" is what scikit-learn and the literature call it, and so the name has it, though it is long;
    a tagger, as some say, marks words of a text to others.

    Parameters
    ----------
    backbone : str, path or Backbone
        A name in the zoo or a folder with a card.
    head : {"logistic", "ridge", "knn"}
        One classifier for each label (one-vs-rest), whose settings and scaling, the same for all labels, are
        chosen by grouped cross-validation of the log-loss (docs/heads.md). Folds are stratified by
        `cnncodes.heads.multilabel.folds.deal_labels`.
    label_delimiter : str, optional
        What divides labels where `y` holds texts: ``"|"`` for ``"sea|sky"``. A source, and stored codes, have
        such labels; the delimiter alone means none of the labels.
    threshold : "f1" or float
        The probability from which on `predict` names a label: for each label the one with the best F1 on
        out-of-fold predictions, or a number for all. With 0.5 the expected number of wrong labels is
        smallest, and rare labels are hardly ever named.
    train_views, test_views : str, path or ViewPlan
        Views of each image in `fit` and in prediction, as of `ImageClassifier`. A part of a picture may lack
        what it is labelled with: ``"center"`` and ``"flip"`` show nearly all of it.
    aggregate : {"auto", "decision", "code"}
        What is averaged over the views of an image in prediction: decision values ("auto", too), or codes
        before the head sees them.
    decode : {"exact", "fast"}
        ``"fast"`` decodes large JPEGs at a reduced scale.
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

    Attributes
    ----------
    classes_ : ndarray, shape (n_labels,)
        The labels: sorted, but for those of an indicator, which are its columns.
    thresholds_ : ndarray of float64, shape (n_labels,)
    head_ : scikit-learn classifier
        The fitted head; after `load` the arrays alone.
    train_plan_ : ViewPlan
        The views that the head was trained on.
    space_ : Space
        What kind of vector the codes are.
    n_images_ : int
        Images that the head was trained on.

    Examples
    --------
    >>> import numpy as np
    >>> from cnncodes import ImageMultiLabelClassifier
    >>> rng = np.random.default_rng(0)
    >>> pictures, labels = [], []
    >>> for number in range(16):
    ...     picture = rng.integers(0, 60, (64, 64, 3), dtype=np.uint8)
    ...     has = {name for bit, name in enumerate(["red", "green"]) if number >> bit & 1}
    ...     picture[:32, :, 0] += 150 * ("red" in has)
    ...     picture[32:, :, 1] += 150 * ("green" in has)
    ...     pictures.append(picture)
    ...     labels.append(has)
    >>> clf = ImageMultiLabelClassifier(train_views="center", test_views="center").fit(pictures, labels)
    >>> clf.classes_.tolist(), clf.predict(pictures[:4]).tolist()
    (['green', 'red'], [[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> clf.predict_labels(pictures[2:4])
    [['green'], ['green', 'red']]
    """

    _NOUN = "label set"

    def __init__(
        self,
        backbone: Any = BACKBONE,
        head: Any = "logistic",
        *,
        label_delimiter: str | None = None,
        threshold: Any = "f1",
        train_views: Any = "flip",
        test_views: Any = "flip",
        aggregate: str = "auto",
        decode: str = "exact",
        max_pixels: int | None = None,
        on_error: str = "raise",
        random_state: int | None = 0,
        n_jobs: int | None = None,
        memory: Any = None,
    ) -> None:
        self.backbone = backbone
        self.head = head
        self.label_delimiter = label_delimiter
        self.threshold = threshold
        self.train_views = train_views
        self.test_views = test_views
        self.aggregate = aggregate
        self.decode = decode
        self.max_pixels = max_pixels
        self.on_error = on_error
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.memory = memory

    def _make_head(self) -> Any:
        settings = {"threshold": self.threshold, "random_state": self.random_state, "n_jobs": self.n_jobs}
        return make_label_head(self.head, **settings)

    def _check_head(self) -> None:
        check_label_aggregate(self.aggregate)
        check_delimiter(self.label_delimiter)
        self._make_head()._check_params()

    def _check_y(self, y: Any, n_images: int) -> Array:
        found = read_label_sets(y, n_images, self.label_delimiter)
        found.check_learnable()
        self._named = found.classes  # until there is a predictor, which has them
        return found.Y

    def _read_labels(self, labels: Any, keys: Sequence[str] | None = None) -> Array:
        texts = [str(label) for label in labels]
        if self.label_delimiter is None:
            shown = f" such as {texts[0]!r}" if texts else ""
            raise UsageError(
                f"labels of a source are texts{shown}: say what divides several labels in one, as in"
                " label_delimiter='|'."
            )
        check_divided(texts, self.label_delimiter)
        return self._check_y(texts, len(texts))

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None) -> Self:
        """Make the images' codes and fit the head on them.

        Parameters
        ----------
        X : list of paths, encoded bytes, PIL images or uint8 arrays; or a folder
        y : sequence of sets, lists or tuples of labels; of texts; or an indicator
            Labels are text or whole numbers; an image may have none. Texts are divided by `label_delimiter`.
            An indicator has 0 and 1, shape (n_images, n_labels): an array, a sparse matrix, or a data frame,
            whose columns' names are the labels.
        sample_weight, groups
            As of `ImageClassifier.fit`.

        Returns
        -------
        ImageMultiLabelClassifier

        Raises
        ------
        UsageError
            If `y` does not fit the images, mixes types or holds what is no label, or a parameter is wrong.
        SourceError
            If a label is on all images, or on none.
        UnreadableImages
            If an image cannot be read and `on_error` is ``"raise"``.
        """
        return super().fit(X, y, sample_weight, groups)

    def _make_predictor(self, fitted: Any, training: Training, **shared: Any) -> LabelPredictor:
        classes = self._named
        self._warn_scarce(fitted, classes)
        return LabelPredictor(
            head=fitted.scorer_.with_classes(classes),
            aggregate=training.aggregate,
            delimiter=self.label_delimiter,
            scale=find_scale(training.without_classes()),
            **shared,
        )

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
        used = (rows.counts > 0) if weight is None else (rows.counts > 0) & (weight > 0)
        if not used.all():  # with their names: the head has numbers alone
            LabelSets(y[used], self._named).check_learnable()
        return super()._fit_rows(train_plan, embedder, rows, y, weight, groups, aggregate)

    def _warn_scarce(self, fitted: Any, classes: Array) -> None:
        if len(scarce := fitted.scarce_) and fitted.n_folds_:
            names = name_some([str(name) for name in classes[scarce]])
            warn(
                f"{len(scarce)} of {len(classes)} labels {agree(len(scarce), 'is')} had, or lacked, by images"
                f" of one group alone (equal images are of one): {names}. None could be held"
                " out, so that their probabilities are a guess; give at least 2 images with and without"
                " each.",
            )

    def _take(self, predictor: ImagePredictor, train_plan: ViewPlan, n_images: int) -> None:
        super()._take(predictor, train_plan, n_images)
        self.classes_ = self.predictor_.classes
        self.thresholds_ = self.predictor_.head.threshold

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return 1 for each label that is named, else 0: shape (n_images, n_labels), columns as `classes_`.

        Named are labels whose probability is at least their threshold; there may be none. `X` as of
        `ImageClassifier.predict`: stored codes, too.

        Raises
        ------
        UnreadableImages
            If any image cannot be read; the text names the first ten.
        """
        return np.asarray(self.predictor_.head.choose(self.predict_proba(X)), dtype=np.int64)

    def predict_labels(self, X: Any) -> list[list[Any]]:
        """Return the labels that are named, of each image a list in the order of `classes_`."""
        return [self.classes_[row.astype(bool)].tolist() for row in self.predict(X)]

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each label, shape (n_images, n_labels), columns as `classes_`.

        Each by itself: they do not sum to 1. They were calibrated, label by label, on out-of-fold decision
        values (Platt scaling).
        """
        rows = self._embed(X)
        return np.asarray(self.predictor_.score(rows.X, rows.counts))

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return decision values, shape (n_images, n_labels), columns as `classes_`."""
        rows = self._embed(X)
        return np.asarray(self.predictor_.decide(rows.X, rows.counts))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the subset accuracy: the share of images whose labels are named, all of them and no others.

        That is what scikit-learn scores multi-label classifiers by. `cnncodes.evaluation.evaluate_multilabel`
        has F1, average precision and others, with their intervals.
        """
        records, labels = self._list_scored(X, y)
        sets = read_label_sets(labels, len(records), self.label_delimiter)
        truth, others, unknown = sets.align(self.classes_)
        if len(unknown):
            text = f"{say_unknown_labels([str(name) for name in unknown])}."
            warn(text, ResultWarning)
        weight = check_score_weight(sample_weight, len(truth))
        rows = self._embed_records(records)
        named = self.predictor_.head.choose(self.predictor_.score(rows.X, rows.counts))
        right = (named == truth).all(axis=1) & ~others.any(axis=1)
        return float(np.average(right, weights=weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.classifier_tags.multi_label = True
        tags.classifier_tags.multi_class = False
        return tags
