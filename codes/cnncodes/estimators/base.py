"""What the estimators with a head share: from images or codes to a fitted head, from images to their rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from cnncodes.embedding import Embedder
from cnncodes.errors import UsageError, check_path
from cnncodes.estimators.aggregation import average_rows
from cnncodes.estimators.constant import warn_of_constant
from cnncodes.estimators.contents import (
    summarize_contents,
    summarize_groups,
    warn_of_contradictory,
    warn_of_tuned,
)
from cnncodes.estimators.inputs import (
    ImageRows,
    Progress,
    embed_records,
    list_keys,
    rows_of,
    settle_embedders,
)
from cnncodes.estimators.labels import check_groups, is_absent, labelled_records
from cnncodes.estimators.novelty import NoveltyScale
from cnncodes.estimators.parameters import check_failures, check_scored, check_weight, make_embedders
from cnncodes.estimators.predictor import ImagePredictor
from cnncodes.estimators.settings import Settings, list_settings
from cnncodes.estimators.stored import check_codes, weigh_images
from cnncodes.estimators.stored_images import list_images, list_scored
from cnncodes.estimators.training import fit_rows, number_groups
from cnncodes.estimators.unknown import Training
from cnncodes.images import ImageRecord, list_groups, name_groups
from cnncodes.store import CodeBlocks, Codes, read_codes
from cnncodes.views import ViewPlan

Array = npt.NDArray[Any]


class ImageEstimator(BaseEstimator, ABC):  # type: ignore[misc]
    """A head on the codes of images, behind scikit-learn's contract.

    A subclass has the parameters `backbone`, `head`, `train_views`, `test_views`, `aggregate`, `decode`,
    `max_pixels`, `on_error`, `random_state`, `n_jobs` and `memory`, and `out_of_fold` where it keeps held-out
    answers on request, and says which head it has, what it takes for `y`, and what predicts.
    """

    #: What `y` holds, for the text of errors.
    _NOUN: str

    predictor_: Any

    @abstractmethod
    def _make_head(self) -> Any:
        """Return the head, unfitted."""

    @abstractmethod
    def _check_head(self) -> None:
        """Raise `UsageError` if the parameters that are the head's are wrong."""

    @abstractmethod
    def _check_y(self, y: Any, n_images: int) -> Array:
        """Return what a user gave for `y`, one an image, checked before any image is embedded."""

    @abstractmethod
    def _read_labels(self, labels: Any, keys: Sequence[str] | None = None) -> Array:
        """Return `y` of the labels of a source or of stored codes, checked likewise; `keys` name images."""

    def _check_weight(self, sample_weight: Any, y: Array) -> Array | None:
        """Return the weights of images as an array, checked likewise; None where there are none."""
        return check_weight(self._make_head(), sample_weight, len(y))

    @abstractmethod
    def _make_predictor(self, fitted: Any, training: Training, **shared: Any) -> ImagePredictor:
        """Return what predicts with a fitted head, with what held-out images tell."""

    def _tune(
        self,
        train_plan: ViewPlan,
        embedder: Embedder,
        records: Sequence[ImageRecord],
        y: Array,
        weight: Array | None,
        groups: Array | None,
    ) -> bool:
        """Fine-tune the network instead where that was asked for, and say whether it was."""
        return False

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None) -> Self:
        """Make the images' codes and fit the head on them.

        Parameters
        ----------
        X : list of paths, encoded bytes, PIL images or uint8 arrays; or a folder
            A folder of class folders brings its labels, their names; where it has parts (``train/``,
            ``val/``, ``test/``), ``train/`` is used.
        y : array-like, shape (n_images,)
            Of a classifier classes: str, int or bool; of a multi-label one sets of these. Of a regressor
            numbers, or rows of them, shape (n_images, n_targets). May be left out for a folder of class
            folders.
        sample_weight : array-like of float, shape (n_images,), optional
        groups : array-like, shape (n_images,), optional
            Images of a group (a patient, a camera) stay in one fold. Equal files always do. None, NaN and
            ``""``: a group of its own. May be left out for a table that has a column ``group``.

        Returns
        -------
        The estimator itself.

        Raises
        ------
        UsageError
            If `y` does not fit the images, or a parameter is wrong.
        SourceError
            If `y` leaves nothing to learn: it is the same for all images.
        UnreadableImages
            If an image cannot be read and `on_error` is ``"raise"``.
        """
        embedders = make_embedders(self)
        if isinstance(X, Codes | CodeBlocks):
            raise UsageError("stored codes are fitted by fit_codes(codes), which takes their labels too.")
        records, labels = labelled_records(X, y, split="train")
        keys = [record.key for record in records]
        checked = self._read_labels(labels, keys) if y is None else self._check_y(labels, len(records))
        weight = self._check_weight(sample_weight, checked)
        return self._fit_images(embedders, records, checked, weight, groups)

    def fit_records(self, records: Sequence[ImageRecord], *, on_progress: Progress | None = None) -> Self:
        """Fit on the labelled records of a source; `on_progress` is called with done, total, failed."""
        labelled = [record for record in records if record.label is not None]
        y = self._read_labels([record.label for record in labelled], [record.key for record in labelled])
        return self._fit_images(make_embedders(self), labelled, y, on_progress=on_progress)

    def fit_codes(self, codes: Codes | str | Path, *, sample_weight: Any = None) -> Self:
        """Fit on stored codes; they must be of this backbone and this way of decoding.

        Every row is trained on: `Codes.select` chooses views and parts. Codes whose job did not finish are
        used as they are, with a warning. Where the codes are means over views, ``aggregate="auto"`` averages
        codes in prediction too.

        Parameters
        ----------
        codes : Codes or path
            What `read_codes` gives, or the folder that it reads.
        sample_weight : array-like of float, shape (n_rows,), optional
            Of the image that each row is of: the rows of an image have the same weight, and together count as
            one image of that weight.

        Raises
        ------
        SpaceMismatch
            If they are not; the text names the field.
        UsageError
            If a parameter, a label or a weight is wrong.
        StoreError
            If it is no codes dataset, or is damaged.
        """
        if isinstance(codes, CodeBlocks):
            raise UsageError(f"{type(self).__name__} needs all codes in memory: read them by read_codes.")
        if isinstance(codes, str | Path):
            check_path(codes, "the path of the codes")
            codes = read_codes(codes)
        return self._fit_in_memory(codes, sample_weight)

    def _fit_in_memory(self, codes: Codes, sample_weight: Any = None) -> Self:
        _, embedder = make_embedders(self)
        plan, embedder, aggregate = check_codes(codes, embedder, self.aggregate)
        weight = weigh_images(codes, sample_weight)
        codes = codes.select(labelled=True)
        rows, labels, groups = rows_of(codes)
        keys = list_keys(codes)
        y = self._read_labels(labels, keys)
        weight = self._check_weight(weight, y)
        warn_of_contradictory(keys, rows.contents, y, self._NOUN)
        return self._fit_rows(plan, embedder, rows, y, weight, groups, aggregate)

    def _fit_images(
        self,
        embedders: tuple[Embedder, Embedder],
        records: Sequence[ImageRecord],
        y: Array,
        weight: Array | None = None,
        groups: Any = None,
        on_progress: Progress | None = None,
    ) -> Self:
        """Fit on images with their `y`; without `groups` they have their own."""
        named = list_groups(records)
        if check_groups(groups, len(y)) is not None:
            given = [None if is_absent(group) else group for group in groups]
            named = name_groups([record.key for record in records], given)
        groups = None if named is None else np.array(named, dtype=object)
        train, test = settle_embedders(embedders, records, self.n_jobs)
        if self._tune(train.plan, test, records, y, weight, groups):
            return self
        shared = {"n_jobs": self.n_jobs, "memory": self.memory, "on_progress": on_progress}
        rows = embed_records(train, records, on_error=self.on_error, **shared)
        check_failures(rows, y, noun=self._NOUN)
        warn_of_contradictory([record.key for record in records], rows.contents, y, self._NOUN)
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
        warn_of_tuned(embedder.backbone.card, rows.contents)
        warn_of_constant(rows.X, rows.counts)
        fitted = fit_rows(self._make_head(), rows, y, weight, groups)
        numbered = number_groups(groups, rows.contents)
        training = Training(rows, y, weight, numbered, aggregate, self.random_state)
        used = training.usable
        predictor = self._make_predictor(
            fitted,
            training,
            embedder=embedder,
            trained=summarize_contents([rows.contents[image] for image in used]),
            trained_groups=summarize_groups(None if groups is None else groups[used]),
            same_views=train_plan == embedder.plan,
        )
        self._take(predictor, train_plan, len(used))
        self.head_ = fitted
        return self

    def _take(self, predictor: ImagePredictor, train_plan: ViewPlan, n_images: int) -> None:
        """Become fitted with a predictor, whose head was trained on those views of so many images."""
        self.predictor_, self.head_ = predictor, predictor.head
        self.space_ = predictor.embedder.space
        self.train_plan_, self.n_images_ = train_plan, n_images
        self._settings: Settings = {}

    def _list_settings(self) -> Settings:
        """Return what the head was fitted with, of a loaded one what its card says."""
        return self._settings | list_settings(self.head_)

    def _embed(self, X: Any) -> ImageRows:
        """Return the codes of images to predict, or those of stored codes."""
        check_is_fitted(self, "predictor_")
        return self._embed_records(list_images(X, self.predictor_))

    def _embed_records(self, records: Sequence[ImageRecord]) -> ImageRows:
        embedder = self.predictor_.embedder
        return embed_records(embedder, records, n_jobs=self.n_jobs, memory=self.memory, on_error="raise")

    def _list_scored(self, X: Any, y: Any) -> tuple[Sequence[ImageRecord], Any]:
        """Return what `list_scored` does, of one image at least."""
        check_is_fitted(self, "predictor_")
        records, labels = list_scored(X, y, self.predictor_)
        check_scored(records)
        return records, labels

    def novelty(self, X: Any) -> npt.NDArray[np.float64]:
        """Return how unlike the training images each image is, shape (n_images,), from 0 to below 1.

        `X` as in `predict`.

        The share of training images, each held out, that are nearer to the rest in code space: at least 0.99
        has one in a hundred of images like those trained on, whatever is predicted for it. Predictions and
        `predict_or_abstain` of a classifier do not regard it.

        Raises
        ------
        UsageError
            If `fit` kept nothing to measure it by.
        UnreadableImages
            If any image cannot be read.
        """
        check_is_fitted(self, "predictor_")
        scale: NoveltyScale = self.predictor_.check_scale()
        rows = self._embed(X)
        return scale.rate(average_rows(rows.X, rows.counts))

    def save(self, path: str | Path, *, include_backbone: bool = True) -> None:
        """Write the fitted estimator to one file that `cnncodes.load` reads.

        Parameters
        ----------
        path : path
            Usually ending in ``.cnncodes``. Replaced at once and whole if it exists.
        include_backbone : bool
            Whether the file carries the backbone, so that it needs nothing else.
        """
        from cnncodes.estimators.saving import save_estimator

        check_is_fitted(self, "predictor_")
        check_path(path)
        save_estimator(self, Path(path), include_backbone=include_backbone)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.no_validation = True
        return tags
