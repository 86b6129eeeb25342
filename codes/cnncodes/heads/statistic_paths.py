"""Linear classifiers for a rising row of C from sums over rows, the same as from the rows themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.discriminants import discriminate_nearest, discriminate_shrunk
from cnncodes.heads.problem import Solution
from cnncodes.heads.scaling import Scaler
from cnncodes.heads.solvers import solve_ridge
from cnncodes.heads.statistics import Statistics

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Moments:
    """What is known of scaled rows.

    Attributes
    ----------
    weight : float64 ``[K]``
        Of each class.
    means : float64 ``[K, D]``
        Of each class's rows.
    spread : float64 ``[D, D]``
        Weighted sum of the outer products of all rows, their common mean subtracted.
    n_rows : int
    preference : float64 ``[K]``, optional
        As of `cnncodes.heads.folds.Rows`.
    """

    weight: Array
    means: Array
    spread: Array
    n_rows: int
    preference: Array | None = None

    @classmethod
    def make(cls, found: Statistics, scaler: Scaler, preference: Array | None = None) -> Moments:
        """Return those of the rows of some statistics, scaled."""
        total = float(found.weight.sum())
        mean = found.sums.sum(axis=0) / total
        spread = found.gram - total * np.outer(mean, mean)
        means = found.shift + found.sums / found.weight[:, None]
        if scaler.mean is not None and scaler.scale is not None:
            means = (means - scaler.mean) / scaler.scale
            spread /= scaler.scale
            spread /= scaler.scale[:, None]
        return cls(found.weight, means, spread, found.columns.n_rows, preference)

    @property
    def share(self) -> Array:
        """Share of each class in the weight, ``[K]``."""
        return np.asarray(self.weight / self.weight.sum())

    def within(self) -> Array:
        """Return the covariance within the classes ``[D, D]``."""
        apart = self.means - self.share @ self.means
        return np.asarray(self.spread / self.weight.sum() - (self.share[:, None] * apart).T @ apart)


def ridge_of(moments: Moments, Cs: Sequence[float]) -> Iterator[Solution]:
    """Least squares on ±1: what `cnncodes.heads.solvers.ridge_path` gives."""
    columns = [1] if len(moments.weight) == 2 else list(range(len(moments.weight)))
    x_mean, y_mean = moments.share @ moments.means, 2 * moments.share[columns] - 1
    apart = 2 * moments.weight[columns, None] * (moments.means[columns] - x_mean)
    values, vectors = np.linalg.eigh(moments.spread)
    del moments  # while others are tried their decompositions wait here, and nothing as large beside them
    for inner in solve_ridge(values, vectors, vectors.T @ apart.T, Cs):
        yield Solution(inner.T, y_mean - inner.T @ x_mean, 1)


def lda_of(moments: Moments, Cs: Sequence[float]) -> Iterator[Solution]:
    """Discriminant analysis: what `cnncodes.heads.discriminants.lda_path` gives."""
    share, means = moments.share, moments.means
    noise = np.finfo(np.float64).eps * max(moments.n_rows, means.shape[1])
    values, vectors = np.linalg.eigh(moments.within())
    del moments
    kept = values > max(float(values[-1]), 0) * noise
    values, vectors = values[kept], vectors[:, kept]
    yield from discriminate_shrunk(values, vectors, share, means, Cs)


def centroid_of(moments: Moments, Cs: Sequence[float]) -> Iterator[Solution]:
    """The nearest mean: what `cnncodes.heads.discriminants.centroid_path` gives."""
    variance = max(float(np.trace(moments.within())), 0.0)
    solution = discriminate_nearest(variance, moments.means, moments.preference)
    for _ in Cs:
        yield solution
