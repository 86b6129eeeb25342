"""Prediction of numbers with a fitted head; for a head by name with numpy alone, without scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError, warn
from cnncodes.estimators.aggregation import average_rows
from cnncodes.estimators.contents import Contents
from cnncodes.estimators.inputs import Progress
from cnncodes.estimators.predictor import ImagePredictor
from cnncodes.estimators.residuals import HeldOutResiduals, check_coverage
from cnncodes.images import ImageRecord
from cnncodes.store import Failure

Array = npt.NDArray[Any]

#: What may be averaged over the views of an image.
NUMBER_AGGREGATES = ("auto", "prediction", "code")


@dataclass(frozen=True)
class NumberPredictions:
    """One answer an image, also for those that could not be read.

    Attributes
    ----------
    keys : list of str
    values : ndarray of float64, shape (n_images, n_targets)
        NaN where the image could not be read.
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
    values: npt.NDArray[np.float64]
    failures: dict[int, Failure]
    trained_on: npt.NDArray[np.bool_]
    contents: Contents
    novelty: npt.NDArray[np.float64] | None = None
    codes: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class NumberPredictor(ImagePredictor):
    """What predicts numbers.

    Parameters
    ----------
    targets : tuple of str or None
        The name of each target, None where it has none.
    residuals : HeldOutResiduals or None
        The errors on training images that intervals are made of.
    """

    targets: tuple[str | None, ...] = (None,)
    residuals: HeldOutResiduals | None = field(default=None, repr=False, compare=False)

    def list_kept(self) -> list[Any]:
        """Return what is kept besides the head, each with `pack`, for a saved file."""
        return [*([] if self.residuals is None else [self.residuals]), *super().list_kept()]

    def with_targets(self, targets: tuple[str | None, ...]) -> NumberPredictor:
        """Return one whose targets have these names, as many as before."""
        assert len(targets) == len(self.targets)
        return replace(self, targets=targets)

    def predict_records(
        self,
        records: Sequence[ImageRecord],
        *,
        n_jobs: int | None = None,
        memory: str | Path | None = None,
        on_progress: Progress | None = None,
        novelty: bool = False,
        codes: bool = False,
    ) -> NumberPredictions:
        """Predict every record; one that cannot be read becomes an empty prediction with its reason."""
        scale = self.check_scale() if novelty else None  # before any image is read
        found = self.answer_records(
            records, self.score, scale, codes=codes, n_jobs=n_jobs, memory=memory, on_progress=on_progress
        )
        values = np.full((len(records), len(self.targets)), np.nan)
        if found.answers:
            values[found.read] = np.concatenate(found.answers)
        keys = [record.key for record in records]
        told = (found.failures, found.trained_on, found.contents, found.novelty, found.codes)
        return NumberPredictions(keys, values, *told)

    def find_width(self, coverage: float) -> npt.NDArray[np.float64]:
        """Return half the width of intervals that hold a share of the truths, shape (n_targets,).

        Raises
        ------
        UsageError
            If there are no held-out errors to choose by, or too few.
        """
        check_coverage(coverage)
        if self.residuals is None:
            raise UsageError(
                "this regressor keeps no errors on held-out training images, so it has no intervals. Fit it"
                " again with out_of_fold=True (--out-of-fold), which keeps them of any head, on images of at"
                " least 2 groups."
            )
        if not self.same_views:
            warn(
                "intervals rest on the views that were trained on, and prediction takes others: they hold"
                " only if these are predicted as well.",
            )
        return self.residuals.find_width(coverage)

    def score(self, X: npt.NDArray[np.float32], counts: npt.NDArray[np.int64]) -> Array:
        """Predict images by their codes; `counts[i]` consecutive rows are those of image i.

        Returns
        -------
        ndarray of float64, shape (n_images, n_targets)
        """
        return predict_images(self.head, X, counts, self.aggregate).reshape(len(counts), len(self.targets))


def predict_images(head: Any, X: Array, counts: npt.NDArray[np.int64], aggregate: str = "auto") -> Array:
    """Predict images by the average over their views.

    Parameters
    ----------
    head : NumberScorer or fitted scikit-learn regressor
    X : ndarray, shape (n_rows, code_size)
    counts : ndarray of int64, shape (n_images,)
        Rows of each image, all at least 1.
    aggregate : {"auto", "prediction", "code"}
        What is averaged: predictions ("auto", too), or codes before they are predicted.

    Returns
    -------
    ndarray of float64, shape (n_images, n_targets)
    """
    if len(counts) == 0:
        return np.empty(0)
    if aggregate == "code":
        X, counts = average_rows(X, counts).astype(X.dtype), np.ones_like(counts)
    return average_rows(np.asarray(head.predict(X), dtype=np.float64).reshape(len(X), -1), counts)


def check_number_aggregate(aggregate: Any) -> None:
    """Raise `UsageError` unless it names what can be averaged."""
    if aggregate not in NUMBER_AGGREGATES:
        shown = ", ".join(map(repr, NUMBER_AGGREGATES))
        raise UsageError(f"aggregate of a regressor must be one of {shown}. Got {aggregate!r}.")
