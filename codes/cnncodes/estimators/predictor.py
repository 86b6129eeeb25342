"""Prediction with a fitted head; for a head by name with numpy alone, without scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.embedding import Embedder
from cnncodes.estimators.aggregation import Scores, score_images
from cnncodes.estimators.contents import Contents, find_trained
from cnncodes.estimators.inputs import Progress, embed_records
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
        Whether the classifier was trained on that very image, under whatever name.
    """

    keys: list[str]
    classes: npt.NDArray[Any]
    labels: list[Any]
    proba: npt.NDArray[np.float64] | None
    failures: dict[int, Failure]
    trained_on: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Predictor:
    """A backbone, the views to take of an image, and a fitted head.

    Parameters
    ----------
    embedder : Embedder
    head : Scorer or fitted scikit-learn classifier
    trained : ndarray of uint64
        Contents of the images that the head was trained on, as `summarize_contents` gives them.
    aggregate : {"auto", "decision", "probability", "code"}
        What is averaged over an image's views; see `score_images`.
    """

    embedder: Embedder
    head: Any
    trained: Contents = field(default_factory=lambda: np.empty(0, np.uint64), repr=False, compare=False)
    aggregate: str = "auto"

    @property
    def classes(self) -> npt.NDArray[Any]:
        """The classes, in the order of the columns of probabilities."""
        return np.asarray(self.head.classes if hasattr(self.head, "classes") else self.head.classes_)

    def with_max_pixels(self, max_pixels: int | None) -> Predictor:
        """Return one that takes images of up to so many pixels; None leaves the limit as it is."""
        if max_pixels is None:
            return self
        decoding = replace(self.embedder.decoding, max_pixels=max_pixels)
        return replace(self, embedder=replace(self.embedder, decoding=decoding))

    def predict_records(
        self,
        records: Sequence[ImageRecord],
        *,
        n_jobs: int | None = None,
        memory: str | Path | None = None,
        on_progress: Progress | None = None,
    ) -> Predictions:
        """Predict every record; one that cannot be read becomes an empty prediction with its reason."""
        rows = embed_records(self.embedder, records, n_jobs=n_jobs, memory=memory, on_progress=on_progress)
        read = np.flatnonzero(rows.counts)
        labels: list[Any] = [None] * len(records)
        proba = None
        if len(read):
            scores = self.score(rows.X, rows.counts[read])
            for position, label in zip(read, scores.labels, strict=True):
                labels[position] = label
            if scores.proba is not None:
                proba = np.full((len(records), len(self.classes)), np.nan)
                proba[read] = scores.proba
        trained_on = find_trained(self.trained, rows.contents)
        keys = [record.key for record in records]
        return Predictions(keys, self.classes, labels, proba, rows.failures, trained_on)

    def score(self, X: npt.NDArray[np.float32], counts: npt.NDArray[np.int64]) -> Scores:
        """Score images by their codes; `counts[i]` consecutive rows are those of image i."""
        return score_images(self.head, X, counts, self.aggregate)
