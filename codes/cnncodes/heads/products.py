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

    def _split(self, at: Array) -> tuple[Array, Array]:
        """Return weights ``[D, k]`` and intercepts ``[k]`` of the rows as they are."""
        coef = at[:, :-1]
        shift = (at[:, -1] - coef @ self._mean).astype(self._X.dtype)
        return coef.T.astype(self._X.dtype), shift

    def decide(self, at: Array) -> Array:
        """Return decision values ``[n, k]`` of weights."""
        weights, shift = self._split(at)
        found = np.empty((len(self._X), len(at)), self._X.dtype)

        def work(part: slice) -> None:
            np.matmul(self._X[part], weights, out=found[part])
            found[part] += shift

        for _ in self._run(work, self._parts):
            pass
        return found

    def pull(self, slope: Array) -> Array:
        """Return the gradient by weights of what has a slope ``[n, k]`` by decision values."""
        return self._pull(lambda part: slope[part], slope.shape[1])

    def turn(self, at: Array, turn: Callable[[Array, slice], Array]) -> Array:
        """Return the gradient of the slopes that `turn` makes of decision values and of which rows they are.

        The same as of all decision values at once, but that rows are gone through once, and not twice.
        """
        weights, shift = self._split(at)

        def slope(part: slice) -> Array:
            return turn(self._X[part] @ weights + shift, part).astype(self._X.dtype, copy=False)

        return self._pull(slope, len(at))

    def _pull(self, slope: Callable[[slice], Array], n_columns: int) -> Array:
        def work(part: slice) -> tuple[Array, Array]:
            slopes = slope(part)
            return slopes.T @ self._X[part], slopes.sum(axis=0, dtype=np.float64)

        found, sums = np.zeros((n_columns, self._X.shape[1])), np.zeros(n_columns)
        for product, total in self._run(work, self._parts):
            found += product
            sums += total
        return np.column_stack([found - np.outer(sums, self._mean), sums])
