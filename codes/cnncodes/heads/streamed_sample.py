"""What a streamed fit asks of the images that it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt

from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.folds import Rows
from cnncodes.heads.streamed_rows import THREADS, Sample
from cnncodes.heads.sum_search import HeldPart
from cnncodes.heads.sweep import HeldOut

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class StreamedFit:
    """What a streamed fit leaves beside the fitted head.

    Attributes
    ----------
    sample : Sample
        The images whose codes are kept.
    X : float32 ``[number of their rows, D]``
    n_passes : int
        How often the codes of all rows were read.
    """

    sample: Sample
    X: Array
    n_passes: int


@dataclass(frozen=True, eq=False)
class HeldSample:
    """The sample's rows, each held out in its fold; `rows` and `sample` are of all."""

    X: Array
    part: Rows
    all_folds: Array
    weight: Array
    rows: Rows
    sample: Sample

    @classmethod
    def make(cls, X: Array, rows: Rows, sample: Sample, all_folds: Array) -> HeldSample:
        """Return the sample's rows; `all_folds` are the folds of all rows."""
        return cls(X, rows.take(sample.rows), all_folds, weigh_sample(rows, sample), rows, sample)

    def of_fold(self, number: int) -> HeldPart:
        """Return a fold's rows and images."""
        mine = np.flatnonzero(self.all_folds[self.sample.rows] == number)
        at = np.flatnonzero(self.sample.rows)[mine]
        return HeldPart(self.X[mine], self.part.images[mine], HeldOut.of(self.rows, at, self.weight[mine]))


def weigh_sample(rows: Rows, sample: Sample) -> Array:
    """Return weights of the sample's rows by which small classes, drawn more of, have their share."""
    y, weight = rows.y[sample.rows], rows.loss_weight[sample.rows]
    whole = np.bincount(rows.y, rows.loss_weight)
    return np.asarray(weight * (whole / np.bincount(y, weight))[y])


def count_jobs(head: LinearHead) -> int:
    """Return how many threads a streamed fit has."""
    return min(THREADS, int(joblib.effective_n_jobs(head.n_jobs)))
