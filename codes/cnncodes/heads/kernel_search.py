"""Fitting SVMs with radial basis functions, and the search for their settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.svm import SVC

from cnncodes.heads.folds import Rows
from cnncodes.heads.kernels import decide_by_pairs, mean_square_distance, square_distances
from cnncodes.heads.sweep import Fold, Setting

Array = npt.NDArray[Any]

_CS = (1.0, 3.0, 10.0)
_GAMMAS = (0.5, 1.0, 2.0, 4.0)
#: Up to so many rows the kernel is a matrix of float64 in memory, by one product: far quicker than row by
#: row.
_MATRIX_ROWS = 6000
#: The last fit: near enough that weights and copies of rows give the same answers.
_TOLERANCE = 1e-9
#: The search: near enough that they give the same temperature.
_SEARCH_TOLERANCE = 1e-6
_CACHE_MIB = 500


@dataclass(frozen=True)
class Machine:
    """Numbers of the rows that support, class after class, and the rest of `KernelScorer`'s arrays."""

    support: Array
    dual: Array
    counts: Array
    intercept: Array


@dataclass(frozen=True)
class KernelSearch:
    """What is tried: scalings, and C and gamma or (None) several. A `cnncodes.heads.sweep.Search`."""

    scalings: tuple[str, ...]
    C: float | None
    gamma: float | None
    names: tuple[str, ...] = ("C", "gamma")
    temperatures: tuple[float, float] | None = None
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
            yield decide_by_pairs(new[:, machine.support], machine.dual, machine.counts, machine.intercept)


def fit_machine(X: Array, y: Array, weight: Array, C: float, gamma: float) -> Machine:
    """Fit scaled float64 rows tightly."""
    if len(X) <= _MATRIX_ROWS:
        kernel = square_distances(X, X)
        kernel *= -gamma
        return fit_kernel(np.exp(kernel, out=kernel), y, weight, C, tol=_TOLERANCE)
    model = SVC(C=C, gamma=gamma, tol=_TOLERANCE, cache_size=_CACHE_MIB)
    return _read_machine(model.fit(X, y, sample_weight=weight))


def fit_kernel(kernel: Array, y: Array, weight: Array, C: float, tol: float = _SEARCH_TOLERANCE) -> Machine:
    """Fit rows that are known by their kernel ``[n, n]``, float64, alone."""
    model = SVC(C=C, kernel="precomputed", tol=tol, cache_size=_CACHE_MIB)
    return _read_machine(model.fit(kernel, y, sample_weight=weight))


def _read_machine(model: SVC) -> Machine:
    """Return libsvm's arrays; for two classes scikit-learn turns their sign around."""
    sign = -1 if len(model.classes_) == 2 else 1
    return Machine(model.support_, sign * model.dual_coef_.T, model.n_support_, sign * model.intercept_)
