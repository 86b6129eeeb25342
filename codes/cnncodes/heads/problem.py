"""What a linear classifier is fitted to, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.curvature import Covariance
from cnncodes.heads.products import Map

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Problem:
    """Scaled rows `X` ``[n, D]``, class numbers `y` ``[n]`` with all of 0 … K-1 present, `weight` ``[n]``.

    `excess` is the share of its least value by which an objective may end above it. `covariance` is about
    that of the rows; where it is None it is learned from them. `preference` is that of `Rows`, `run` that of
    `cnncodes.heads.products.Products`.
    """

    X: Array
    y: Array
    weight: Array
    n_classes: int
    excess: float = 1e-15
    max_iter: int = 1000
    covariance: Covariance | None = None
    preference: Array | None = None
    run: Map = map

    def signs(self) -> Array:
        """Return +1 where a row is of the column's class, else -1: ``[n, K]``, or ``[n, 1]`` for K = 2."""
        columns = [1] if self.n_classes == 2 else range(self.n_classes)
        return np.where(self.y[:, None] == np.asarray(columns), 1, -1).astype(self.X.dtype)


@dataclass(frozen=True)
class Solution:
    """Weights ``[K or 1, D]`` and intercepts ``[K or 1]`` in the space of the scaled rows.

    `converged` says whether that is the minimum.
    """

    coef: Array
    intercept: Array
    n_iter: int
    converged: bool = True

    def decision(self, X: Array) -> Array:
        """Return decision values ``[n, K or 1]`` of scaled rows."""
        return np.asarray(X @ self.coef.T.astype(X.dtype) + self.intercept.astype(X.dtype), dtype=np.float64)
