"""The nearest neighbours of codes, among one another or among others: exact, in blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnncodes.heads.scoring import l2_normalized

#: Rows in a block: two such blocks, and the square of their products, lie in memory at a time.
_BLOCK = 2048


@dataclass(frozen=True)
class Neighbours:
    """The nearest of each of n codes, nearest first.

    Attributes
    ----------
    index : ndarray of int64, shape (n, k)
    cosine : ndarray of float32, shape (n, k)
        Cosine of the angle between the two codes.
    """

    index: npt.NDArray[np.int64]
    cosine: npt.NDArray[np.float32]


def find_neighbours(codes: npt.NDArray[np.float32], k: int) -> Neighbours:
    """Return the k nearest other codes of each one, by cosine.

    Exact: every pair is multiplied, and only once, as it counts for both. Memory grows with n * k, not
    with n * n.

    Parameters
    ----------
    codes : ndarray of float32, shape (n, code_size)
        A code of zeros has a cosine of 0 with all.
    k : int
        At most n - 1 are found. Of equally near ones, which are taken is not said.

    Examples
    --------
    >>> find_neighbours(np.array([[1, 0], [2, 0.1], [0, 1]], np.float32), 1).index.ravel()
    array([1, 0, 1])
    """
    unit = normalize(codes)
    n = len(unit)
    k = max(0, min(k, n - 1))
    best = _Best(n, k)
    if k:
        for start in range(0, n, _BLOCK):
            rows = slice(start, min(start + _BLOCK, n))
            for other in range(start, n, _BLOCK):
                columns = slice(other, min(other + _BLOCK, n))
                products = unit[rows] @ unit[columns].T
                if other == start:
                    np.fill_diagonal(products, -np.inf)  # nobody is a neighbour of himself
                    best.take(rows, columns, products)
                else:
                    best.take(rows, columns, products)
                    best.take(columns, rows, products.T)
    return Neighbours(best.index, best.cosine)


def find_nearest(codes: npt.NDArray[np.float32], others: npt.NDArray[np.float32], k: int) -> Neighbours:
    """Return the k of some other codes that are nearest to each code, by cosine.

    Exact. Memory grows with n * k and with what the two take.

    Parameters
    ----------
    codes : ndarray of float32, shape (n, code_size)
        A code of zeros has a cosine of 0 with all.
    others : ndarray of float32, shape (m, code_size)
    k : int
        At most m are found; places in `index` are rows of `others`. Of equally near ones, which are taken is
        not said.

    Examples
    --------
    >>> codes, others = np.array([[1, 0], [0, 1]], np.float32), np.array([[1, 1], [3, 0.1]], np.float32)
    >>> find_nearest(codes, others, 1).index.ravel()
    array([1, 0])
    """
    k = max(0, min(k, len(others)))
    best = _Best(len(codes), k)
    # Blocks are brought to length 1 one by one: of many images a second copy of all codes would not fit.
    for other in range(0, len(others) if k else 0, _BLOCK):
        columns = slice(other, min(other + _BLOCK, len(others)))
        block = normalize(others[columns]).T
        for start in range(0, len(codes), _BLOCK):
            rows = slice(start, min(start + _BLOCK, len(codes)))
            best.take(rows, columns, normalize(codes[rows]) @ block)
    return Neighbours(best.index, best.cosine)


def normalize(codes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return codes of length 1; one of zeros stays."""
    return l2_normalized(np.asarray(codes, dtype=np.float32))


class _Best:
    """The k best so far of each row, descending; what is worse than the k-th is never looked at again."""

    def __init__(self, n: int, k: int) -> None:
        self.k = k
        self.index = np.full((n, k), -1, dtype=np.int64)
        self.cosine = np.full((n, k), -np.inf, dtype=np.float32)

    def take(self, rows: slice, columns: slice, products: npt.NDArray[np.float32]) -> None:
        """Take the products of some rows with some columns, shape (rows, columns)."""
        cosine = self.cosine[rows]
        if np.isneginf(cosine[:, -1]).any() and products.shape[1] > self.k:
            # The first block of all would pass whole: its own k best are enough.
            column = np.argpartition(products, products.shape[1] - self.k, axis=1)[:, -self.k :].ravel()
            row = np.repeat(np.arange(len(products)), self.k)
        else:
            row, column = np.nonzero(products > cosine[:, -1:])
        if not len(row):
            return
        hit = np.unique(row)
        own = np.repeat(hit, self.k)
        all_rows = np.concatenate([own, row])
        all_values = np.concatenate([cosine[hit].ravel(), products[row, column]])
        all_index = np.concatenate([self.index[rows][hit].ravel(), column + columns.start])
        order = np.lexsort((-all_values, all_rows))
        first = np.searchsorted(all_rows[order], hit)
        picked = order[first[:, None] + np.arange(self.k)]
        self.cosine[rows.start + hit] = all_values[picked]
        self.index[rows.start + hit] = all_index[picked]
