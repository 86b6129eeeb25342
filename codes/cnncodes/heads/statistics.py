"""What ridge, discriminant analysis and nearest means need to know of rows: sums that can be added up.

Rows are seen once and need not be kept. Statistics of parts add up to those of the whole, whatever the parts,
so that all folds but one are the sum of theirs. Sums are in float64, of rows from which a point near their
mean is subtracted first: from sums of squares of rows far from 0 their variance would be left over as a small
difference of large numbers (T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample
variance", The American Statistician 37, 1983).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.scaling import Scaler, scale_of

Array = npt.NDArray[Any]


@dataclass(eq=False)
class ColumnSums:
    """Weight, sums and sums of squares of columns: what standardising needs to know.

    Attributes
    ----------
    shift : float64 ``[D]``
        What was subtracted from each row.
    n_rows : int
    weight : float
    sums, squares : float64 ``[D]``
    low, high : float64 ``[D]``
        Least and largest number of each column, nothing subtracted: equal where it is constant, which sums
        of rounded differences do not tell.
    """

    shift: Array
    n_rows: int
    weight: float
    sums: Array
    squares: Array
    low: Array
    high: Array

    @classmethod
    def empty(cls, shift: Array) -> ColumnSums:
        """Return the statistics of no rows."""
        zeros, far = np.zeros(len(shift)), np.full(len(shift), np.inf)
        return cls(shift, 0, 0.0, zeros, zeros.copy(), far, -far)

    def add(self, X: Array, weight: Array) -> None:
        """Take in rows ``[n, D]`` of weights ``[n]``."""
        if len(X) == 0:
            return
        moved = X - self.shift
        self.low = np.minimum(self.low, X.min(axis=0))
        self.high = np.maximum(self.high, X.max(axis=0))
        self.n_rows += len(moved)
        self.weight += float(weight.sum())
        self.sums += weight @ moved
        self.squares += np.einsum("i,ij,ij->j", weight, moved, moved)

    def __add__(self, other: ColumnSums) -> ColumnSums:
        other = other.moved(self.shift)
        return ColumnSums(
            self.shift,
            self.n_rows + other.n_rows,
            self.weight + other.weight,
            self.sums + other.sums,
            self.squares + other.squares,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )

    def moved(self, shift: Array) -> ColumnSums:
        """Return the same of rows from which another point is subtracted."""
        if shift is self.shift:
            return self
        step = shift - self.shift
        squares = self.squares - 2 * step * self.sums + self.weight * step**2
        sums = self.sums - self.weight * step
        return ColumnSums(shift, self.n_rows, self.weight, sums, squares, self.low, self.high)

    def scaler(self) -> Scaler:
        """Return what standardises the rows; see `Scaler.learn`."""
        mean = self.sums / self.weight
        variance = np.maximum(self.squares / self.weight - mean**2, 0)
        variance[self.low == self.high] = 0
        return Scaler(self.shift + mean, scale_of(variance, self.shift + mean, self.n_rows))


@dataclass(eq=False)
class Statistics:
    """Sums over rows of several classes.

    Attributes
    ----------
    columns : ColumnSums
        Of all rows, in sample weights; `shift` is that of all sums.
    weight : float64 ``[K]``
        Weight of each class, in sample weight times class weight, as all that follows.
    sums : float64 ``[K, D]``
        Sum of each class's rows.
    gram : float64 ``[D, D]``
        Sum of the outer products of all rows.

    Examples
    --------
    >>> X, y, ones = np.array([[0.0], [2.0], [4.0]]), np.array([0, 1, 1]), np.ones(3)
    >>> whole = Statistics.empty(2, np.zeros(1))
    >>> whole.add(X, y, ones, ones)
    >>> parts = [Statistics.empty(2, np.array([shift])) for shift in (1.0, 3.0)]
    >>> for part, rows in zip(parts, (slice(1), slice(1, 3))):
    ...     part.add(X[rows], y[rows], ones[rows], ones[rows])
    >>> whole.gram, (parts[0] + parts[1]).moved(np.zeros(1)).gram
    (array([[20.]]), array([[20.]]))
    """

    columns: ColumnSums
    weight: Array
    sums: Array
    gram: Array

    @classmethod
    def empty(cls, n_classes: int, shift: Array) -> Statistics:
        """Return the statistics of no rows, for so many classes."""
        size = len(shift)
        sums, gram = np.zeros((n_classes, size)), np.zeros((size, size))
        return cls(ColumnSums.empty(shift), np.zeros(n_classes), sums, gram)

    @property
    def shift(self) -> Array:
        """What was subtracted from each row, ``[D]``."""
        return self.columns.shift

    def add(self, X: Array, y: Array, weight: Array, loss_weight: Array) -> None:
        """Take in rows.

        Parameters
        ----------
        X : float ``[n, D]``
        y : int ``[n]``
            Class numbers.
        weight : float64 ``[n]``
            Sample weights.
        loss_weight : float64 ``[n]``
            The same times the class weights.
        """
        if len(X) == 0:
            return
        self.columns.add(X, weight)
        rows = X - self.shift
        self.weight += np.bincount(y, loss_weight, minlength=len(self.weight))
        order = np.argsort(y, kind="stable")
        present, first = np.unique(y[order], return_index=True)
        rows *= np.sqrt(loss_weight)[:, None]
        for k, members in zip(present.tolist(), np.split(order, first[1:]), strict=True):
            self.sums[k] += np.sqrt(loss_weight[members]) @ rows[members]
        self.gram += rows.T @ rows

    def __add__(self, other: Statistics) -> Statistics:
        other = other.moved(self.shift)
        return Statistics(
            self.columns + other.columns,
            self.weight + other.weight,
            self.sums + other.sums,
            self.gram + other.gram,
        )

    def moved(self, shift: Array) -> Statistics:
        """Return the same of rows from which another point is subtracted."""
        if shift is self.shift:
            return self
        step, total = shift - self.shift, self.sums.sum(axis=0)
        mixed = np.outer(step, total)
        gram = self.gram - mixed - mixed.T + self.weight.sum() * np.outer(step, step)
        sums = self.sums - np.outer(self.weight, step)
        return Statistics(self.columns.moved(shift), self.weight.copy(), sums, gram)

    def scaler(self, scaling: str) -> Scaler:
        """Return the scaler of rows that stand here: already of length 1 where `scaling` is ``"l2"``."""
        return Scaler() if scaling == "l2" else self.columns.scaler()


def add_up(parts: list[Statistics]) -> Statistics:
    """Return the sum of statistics, with one new array of each kind whatever their number."""
    first, *rest = parts
    shift = first.shift
    total = Statistics.empty(len(first.weight), shift) + first
    for part in rest:
        part = part.moved(shift)
        total.columns = total.columns + part.columns
        total.weight += part.weight
        total.sums += part.sums
        total.gram += part.gram
    return total
