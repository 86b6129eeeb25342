"""Fitting SVMs with radial basis functions, and the search for their settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.svm import SVC

from cnncodes.heads.calibration import TEMPERATURES
from cnncodes.heads.folds import Rows
from cnncodes.heads.kernels import square_distances
from cnncodes.heads.sweep import Fold, Setting

Array = npt.NDArray[Any]

_CS = (1.0, 3.0, 10.0)
_GAMMAS = (0.5, 1.0, 2.0, 4.0)
#: Up to so many rows the kernel is a matrix of float64 in memory, by one product: far quicker than row by
#: row.
_MATRIX_ROWS = 6000
#: The last fit: near enough that weights and copies of rows give the same answers.
_TOLERANCE = 1e-9
_CACHE_MIB = 500


@dataclass(frozen=True)
class Machine:
    """Numbers of the rows that support, what they count for each class ``[S, K or 1]``, and offsets."""

    support: Array
    dual: Array
    intercept: Array


@dataclass(frozen=True)
class KernelSearch:
    """What is tried: scalings, and C and gamma or (None) several. A `cnncodes.heads.sweep.Search`."""

    scalings: tuple[str, ...]
    C: float | None
    gamma: float | None
    names: tuple[str, ...] = ("C", "gamma")
    temperatures: tuple[float, float] = TEMPERATURES
    stops: bool = False

    def grid(self, scaling: str, n_features: int) -> list[Setting]:
        """Return C and gamma, wide kernels and small C first."""
        Cs = _CS if self.C is None else (float(self.C),)
        return [(C, g) for g in (_GAMMAS if self.gamma is None else (float(self.gamma),)) for C in Cs]

    def prepare(self, rows: Rows, scaling: str) -> None:
        """Prepare nothing: folds share nothing."""

    def decide(self, fold: Fold, settings: Sequence[Setting]) -> Iterator[Array]:
        """Yield the decision values of the held-out rows, all from the same distances."""
        unit = mean_square_distance(fold.X, fold.weight)
        within = square_distances(fold.X, fold.X) / fold.X.dtype.type(unit)
        across = square_distances(fold.held_out, fold.X) / fold.X.dtype.type(unit)
        last = None
        for C, gamma in settings:
            if gamma != last:
                kernel = np.exp(-fold.X.dtype.type(gamma) * within).astype(np.float64)
                new, last = np.exp(-fold.X.dtype.type(gamma) * across), gamma
            machine = fit_kernel(kernel, fold.y, fold.loss_weight, C)
            yield new[:, machine.support] @ machine.dual + machine.intercept


def mean_square_distance(X: Array, weight: Array) -> float:
    """Return the mean squared distance of two rows drawn by weight: twice the summed variance of the columns.

    Rows that are all the same have 1, as any width is as good.
    """
    share = weight / weight.sum()
    mean = share @ X
    total = 0.0
    for start in range(0, len(X), 4096):
        part = X[start : start + 4096] - mean
        total += float(share[start : start + 4096] @ np.einsum("ij,ij->i", part, part))
    floor = np.finfo(np.float32).eps * float(mean @ mean)
    return 2 * total if total > floor else 1.0


def fit_machine(X: Array, y: Array, weight: Array, C: float, gamma: float) -> Machine:
    """Fit scaled float64 rows tightly."""
    if len(X) <= _MATRIX_ROWS:
        kernel = square_distances(X, X)
        kernel *= -gamma
        return fit_kernel(np.exp(kernel, out=kernel), y, weight, C, tol=_TOLERANCE)
    model = SVC(C=C, gamma=gamma, tol=_TOLERANCE, cache_size=_CACHE_MIB)
    return _read_machine(model.fit(X, y, sample_weight=weight))


def fit_kernel(kernel: Array, y: Array, weight: Array, C: float, tol: float = 1e-3) -> Machine:
    """Fit rows that are known by their kernel ``[n, n]``, float64, alone."""
    model = SVC(C=C, kernel="precomputed", tol=tol, cache_size=_CACHE_MIB)
    return _read_machine(model.fit(kernel, y, sample_weight=weight))


def _read_machine(model: SVC) -> Machine:
    """Return the scores of classes that fit the decision values of all pairs best, by least squares.

    Of the pair i < j libsvm's value is positive where the row is of i; the support vectors stand class after
    class, and row j - 1 of their coefficients has those of class i against j, row i those of j against i.
    """
    n_classes = len(model.classes_)
    if n_classes == 2:
        return Machine(model.support_, model.dual_coef_.T, model.intercept_)
    ends = np.cumsum(model.n_support_)
    own = [slice(end - count, end) for end, count in zip(ends, model.n_support_, strict=True)]
    dual, intercept = np.zeros((len(model.support_), n_classes)), np.zeros(n_classes)
    pairs = [(i, j) for i in range(n_classes) for j in range(i + 1, n_classes)]
    for number, (i, j) in enumerate(pairs):
        for mine, row in ((own[i], j - 1), (own[j], i)):
            values = model.dual_coef_[row, mine] / n_classes
            dual[mine, i] += values
            dual[mine, j] -= values
        intercept[i] += model.intercept_[number] / n_classes
        intercept[j] -= model.intercept_[number] / n_classes
    return Machine(model.support_, dual, intercept)
