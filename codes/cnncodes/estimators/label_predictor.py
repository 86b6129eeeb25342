"""Prediction of several labels an image, with numpy alone, without scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.estimators.contents import Contents
from cnncodes.estimators.inputs import Progress
from cnncodes.estimators.number_predictor import predict_images
from cnncodes.estimators.predictor import ImagePredictor
from cnncodes.images import ImageRecord
from cnncodes.store import Failure

Array = npt.NDArray[Any]

#: What may be averaged over the views of an image.
LABEL_AGGREGATES = ("auto", "decision", "code")


@dataclass(frozen=True)
class LabelPredictions:
    """One answer an image, also for those that could not be read.

    Attributes
    ----------
    keys : list of str
    classes : ndarray, shape (n_labels,)
    proba : ndarray of float64, shape (n_images, n_labels)
        NaN where the image could not be read.
    named : ndarray of bool, shape (n_images, n_labels)
        Which labels are named; none where the image could not be read.
    failures : dict of int to Failure
        By position.
    trained_on : ndarray of bool, shape (n_images,)
        Whether that very image was trained on, under whatever name.
    contents : ndarray of uint64, shape (n_images,)
        What tells equal images; 0 where the image could not be read.
    novelty : ndarray of float64, shape (n_images,), or None
        Where it was asked for; NaN where the image could not be read.
    codes : ndarray of float32, shape (n_images, code_size), or None
        The mean of each image's codes over its views, where it was asked for; NaN where the image could not
        be read.
    """

    keys: list[str]
    classes: Array
    proba: npt.NDArray[np.float64]
    named: npt.NDArray[np.bool_]
    failures: dict[int, Failure]
    trained_on: npt.NDArray[np.bool_]
    contents: Contents
    novelty: npt.NDArray[np.float64] | None = None
    codes: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class LabelPredictor(ImagePredictor):
    """What predicts labels; its head is a `LabelScorer`.

    Parameters
    ----------
    delimiter : str or None
        What divided the labels of an image that were trained on, where these were texts.
    """

    delimiter: str | None = None

    @property
    def classes(self) -> Array:
        """The labels, in the order of the columns of probabilities."""
        return np.asarray(self.head.classes)

    def predict_records(
        self,
        records: Sequence[ImageRecord],
        *,
        n_jobs: int | None = None,
        memory: str | Path | None = None,
        on_progress: Progress | None = None,
        novelty: bool = False,
        codes: bool = False,
    ) -> LabelPredictions:
        """Predict every record; one that cannot be read becomes an empty prediction with its reason."""
        scale = self.check_scale() if novelty else None  # before any image is read
        found = self.answer_records(
            records, self.score, scale, codes=codes, n_jobs=n_jobs, memory=memory, on_progress=on_progress
        )
        proba = np.full((len(records), len(self.classes)), np.nan)
        if found.answers:
            proba[found.read] = np.concatenate(found.answers)
        keys = [record.key for record in records]
        told = (found.failures, found.trained_on, found.contents, found.novelty, found.codes)
        return LabelPredictions(keys, self.classes, proba, self.head.choose(proba), *told)

    def decide(self, X: npt.NDArray[np.float32], counts: npt.NDArray[np.int64]) -> Array:
        """Return decision values of images by their codes; `counts[i]` consecutive rows are those of image i.

        Returns
        -------
        ndarray of float64, shape (n_images, n_labels)
        """
        return predict_images(self.head, X, counts, self.aggregate).reshape(len(counts), len(self.classes))

    def score(self, X: npt.NDArray[np.float32], counts: npt.NDArray[np.int64]) -> Array:
        """Return the labels' probabilities; otherwise as `decide`."""
        proba: Array = self.head.proba_from_decision(self.decide(X, counts))
        return proba


def check_label_aggregate(aggregate: Any) -> None:
    """Raise `UsageError` unless it names what can be averaged."""
    if aggregate not in LABEL_AGGREGATES:
        shown = ", ".join(map(repr, LABEL_AGGREGATES))
        raise UsageError(f"aggregate of a multi-label classifier must be one of {shown}. Got {aggregate!r}.")
