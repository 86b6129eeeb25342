"""Products of rows and weights, some rows at a time: by threads, and the same whatever their number."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
#: The builtin `map`, or that of a pool of threads.
Map = Callable[..., Iterable[Any]]

#: Rows of a product.
_ROWS = 1024


class Products:
    """Decision values of rows ``[n, D]`` and gradients by weights ``[k, D]``, in the type of the rows.

    The last column of weights ``[k, D + 1]`` are intercepts of rows from which `mean` is subtracted.
    """

    def __init__(self, X: Array, mean: Array, run: Map = map) -> None:
        self._X, self._mean, self._run = X, mean, run
        # No short part at the end: products of a row or two are of another kind.
        bounds = np.linspace(0, len(X), max(1, len(X) // _ROWS) + 1).astype(np.int64).tolist()
        self._parts = [slice(*pair) for pair in itertools.pairwise(bounds)]

    def decide(self, at: Array) -> Array:
        """Return decision values ``[n, k]`` of weights."""
        coef = at[:, :-1]
        shift = (at[:, -1] - coef @ self._mean).astype(self._X.dtype)
        weights = coef.T.astype(self._X.dtype)
        found = np.empty((len(self._X), len(at)), self._X.dtype)

        def work(part: slice) -> None:
            np.matmul(self._X[part], weights, out=found[part])
            found[part] += shift

        for _ in self._run(work, self._parts):
            pass
        return found

    def pull(self, slope: Array) -> Array:
        """Return the gradient by weights of what has a slope ``[n, k]`` by decision values."""
        found = np.zeros((slope.shape[1], self._X.shape[1]))
        for part in self._run(lambda part: slope[part].T @ self._X[part], self._parts):
            found += part
        sums = slope.sum(axis=0, dtype=np.float64)
        return np.column_stack([found - np.outer(sums, self._mean), sums])
