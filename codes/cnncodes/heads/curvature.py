"""What a descent knows of the curvature beforehand: the rows' covariance, and the loss's mean curvature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: Rows that a covariance is learned from: so many a column, but so many in all at least; and at most where
#: columns are more than that.
_ROWS_PER_COLUMN, _ROWS, _MOST = 4, 4096, 2048
#: No class is taken to have less curvature, as a share of the most: one that is never met has none. And where
#: all rows are sure of theirs there is next to none.
_LEAST, _NONE = 1e-4, 1e-12


@dataclass(frozen=True)
class Covariance:
    """Eigenvalues ``[r]`` and eigenvectors ``[D, r]`` of the covariance of rows, the largest ones.

    It only has to be near that of the rows that are fitted: it says how fast, and not where a fit ends.
    `rest` is the variance outside of the eigenvectors.
    """

    values: Array
    vectors: Array
    rest: float

    @classmethod
    def learn(cls, X: Array, weight: Array, *, of_all: bool) -> Covariance:
        """Learn from scaled rows ``[n, D]`` and their weights; `of_all` where no others are fitted."""
        share = weight / weight.sum()
        A = X - (share @ X).astype(X.dtype)
        A *= np.sqrt(share)[:, None].astype(X.dtype)
        if len(A) < A.shape[1]:
            values, left = np.linalg.eigh(np.asarray(A @ A.T, np.float64))
            kept = values > values[-1] * np.finfo(A.dtype).eps * len(A)
            values = values[kept]
            vectors = (A.T @ left[:, kept].astype(A.dtype)) / np.sqrt(values).astype(A.dtype)
        else:
            values, vectors = np.linalg.eigh(np.asarray(A.T @ A, np.float64))
        values = np.maximum(values, 0)
        least = 0.0 if of_all or not len(values) else float(values.min())
        # Outside of the eigenvectors a gradient is rounding, and divided by a small penalty would be all.
        noise = float(values.max(initial=0)) * float(np.finfo(A.dtype).eps) * len(A)
        rest = max(least, noise)
        return cls(values, vectors.astype(X.dtype), rest)

    def solve(self, gradient: Array, curvature: Array, penalty: float) -> Array:
        """Return the gradient ``[k, D]`` divided by ``curvature * covariance + penalty``.

        `curvature` is ``[k]``.
        """
        inner = gradient.astype(self.vectors.dtype) @ self.vectors
        scale = curvature[:, None] * self.values + penalty
        if self.vectors.shape[0] == self.vectors.shape[1]:
            return np.asarray((inner / scale).astype(inner.dtype) @ self.vectors.T, np.float64)
        rest = curvature[:, None] * self.rest + penalty
        found = (inner * (1 / scale - 1 / rest)).astype(inner.dtype) @ self.vectors.T
        return np.asarray(found + gradient / rest, np.float64)


def choose_rows(n_rows: int, n_columns: int) -> Array:
    """Return the numbers of the rows that a covariance is learned from, the same in every call."""
    most = min(n_rows, max(_ROWS, _ROWS_PER_COLUMN * n_columns) if n_columns <= _MOST else _MOST)
    return np.sort(np.random.default_rng(0).permutation(n_rows)[:most])


@dataclass(frozen=True)
class Curvature:
    """The mean curvature of a loss (a row's Kronecker factor), the covariance of rows (the other), a penalty.

    Classes that are taken for each other curve together: where the loss has that, `turned` has the directions
    in the space of the classes that do not, one a column, and `values` ``[k]`` are the curvatures along them.
    It is a softmax's then, and a shift of all classes changes nothing.

    The product of the two for the mean of their products, row by row, is that of J. Martens and R. Grosse
    ("Optimizing neural networks with Kronecker-factored approximate curvature", ICML 2015).
    """

    covariance: Covariance
    values: Array
    turned: Array | None
    penalty: float
    penalizes_intercept: bool

    @classmethod
    def make(
        cls, covariance: Covariance, curvature: Array, penalty: float, *, penalizes_intercept: bool
    ) -> Curvature:
        """Take in a loss's mean curvature: ``[k]``, or with that between columns ``[k, k]``."""
        values, turned = (curvature, None) if curvature.ndim == 1 else np.linalg.eigh(curvature)
        values = np.maximum(values, _LEAST * max(float(values.max()), _NONE))
        return cls(covariance, values, turned, penalty, penalizes_intercept)

    def solve(self, gradient: Array) -> Array:
        """Return a gradient by weights and intercepts ``[k, D + 1]`` divided by the curvature."""
        if self.turned is not None:
            # What all classes have in common is rounding, and nothing curves there that would bound it.
            gradient = self.turned.T @ (gradient - gradient.mean(axis=0))
        found = np.empty_like(gradient)
        found[:, :-1] = self.covariance.solve(gradient[:, :-1], self.values, self.penalty)
        found[:, -1] = gradient[:, -1] / (self.values + self.penalty * self.penalizes_intercept)
        if self.turned is None:
            return found
        found = self.turned @ found
        return np.asarray(found - found.mean(axis=0))
