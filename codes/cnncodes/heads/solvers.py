"""Linear classifiers for a rising row of C, each starting from the one before.

All minimise ``C * sum_i weight_i * loss_i + ||w||^2 / 2`` over rows that are scaled already. A path is a
generator, so whoever reads it may stop early and pays only for what was read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Problem:
    """Scaled rows `X` ``[n, D]``, class numbers `y` ``[n]`` with all of 0 … K-1 present, `weight` ``[n]``."""

    X: Array
    y: Array
    weight: Array
    n_classes: int
    tol: float = 1e-6
    max_iter: int = 1000

    def gradient_tol(self) -> float:
        """Return `tol` in units of the rows' root mean square: rows of length 1 have small gradients."""
        size = float(np.sqrt(np.mean(np.square(self.X, dtype=np.float64))))
        return self.tol * (size if size > 0 else 1.0)

    def signs(self) -> Array:
        """Return +1 where a row is of the column's class, else -1: ``[n, K]``, or ``[n, 1]`` for K = 2."""
        columns = [1] if self.n_classes == 2 else range(self.n_classes)
        return np.where(self.y[:, None] == np.asarray(columns), 1, -1).astype(self.X.dtype)


@dataclass(frozen=True)
class Solution:
    """Weights ``[K or 1, D]`` and intercepts ``[K or 1]`` in the space of the scaled rows."""

    coef: Array
    intercept: Array
    n_iter: int

    def decision(self, X: Array) -> Array:
        """Return decision values ``[n, K or 1]`` of scaled rows."""
        return np.asarray(X @ self.coef.T.astype(X.dtype) + self.intercept.astype(X.dtype), dtype=np.float64)


def logistic_path(problem: Problem, Cs: Sequence[float]) -> Iterator[Solution]:
    """Multinomial logistic regression (two classes: binary) by scikit-learn's L-BFGS."""
    model = LogisticRegression(warm_start=True, tol=problem.gradient_tol(), max_iter=problem.max_iter)
    for C in Cs:
        model.set_params(C=C).fit(problem.X, problem.y, sample_weight=problem.weight)
        yield Solution(model.coef_.copy(), model.intercept_.copy(), max(1, int(np.max(model.n_iter_))))


def svm_path(problem: Problem, Cs: Sequence[float]) -> Iterator[Solution]:
    """One-against-rest linear SVMs with the squared hinge loss, all classes in one L-BFGS run.

    The same minimum as scikit-learn's ``LinearSVC()``, its penalised intercept included. That goes
    through the rows one by one (liblinear); here an iteration is two matrix products, and a path can
    start from the solution before.
    """
    X, signs, weight = problem.X, problem.signs(), problem.weight[:, None].astype(problem.X.dtype)
    total, n_columns = float(problem.weight.sum()), signs.shape[1]

    def objective(flat: Array, C: float) -> tuple[float, Array]:
        w = flat.reshape(n_columns, -1)
        slack = 1 - signs * (X @ w[:, :-1].T.astype(X.dtype) + w[:, -1].astype(X.dtype))
        np.maximum(slack, 0, out=slack)
        pull = signs * slack * weight
        loss = float(np.einsum("ij,ij,i->", slack, slack, weight[:, 0], dtype=np.float64)) / total
        grad = np.empty_like(w)
        grad[:, :-1] = pull.T @ X
        grad[:, -1] = pull.sum(axis=0)
        grad *= -2 / total
        grad += w / (C * total)
        return loss + float((w * w).sum()) / (2 * C * total), grad.ravel()

    flat = np.zeros(n_columns * (X.shape[1] + 1))
    for C in Cs:
        options = {"maxiter": problem.max_iter, "gtol": problem.gradient_tol(), "ftol": 1e-14, "maxcor": 20}
        found = minimize(objective, flat, args=(C,), jac=True, method="L-BFGS-B", options=options)
        if found.nit >= problem.max_iter:
            warnings.warn(
                f"the linear SVM did not converge in {found.nit} iterations; raise max_iter",
                ConvergenceWarning,
                stacklevel=2,
            )
        flat = found.x
        w = flat.reshape(n_columns, -1)
        yield Solution(w[:, :-1].copy(), w[:, -1].copy(), max(1, int(found.nit)))


def ridge_path(problem: Problem, Cs: Sequence[float]) -> Iterator[Solution]:
    """Least squares on ±1, every C from one eigendecomposition.

    The same minimum as scikit-learn's ``RidgeClassifier(alpha=1 / (2 * C))``.
    """
    X, weight = problem.X.astype(np.float64), problem.weight.astype(np.float64)
    Y = problem.signs().astype(np.float64)
    x_mean, y_mean = np.average(X, axis=0, weights=weight), np.average(Y, axis=0, weights=weight)
    root = np.sqrt(weight)[:, None]
    A, B = root * (X - x_mean), root * (Y - y_mean)
    wide = A.shape[0] <= A.shape[1]
    values, vectors = np.linalg.eigh(A @ A.T if wide else A.T @ A)
    right = vectors.T @ (B if wide else A.T @ B)
    for C in Cs:
        inner = vectors @ (right / (np.maximum(values, 0)[:, None] + 1 / (2 * C)))
        coef = (A.T @ inner if wide else inner).T
        yield Solution(coef, y_mean - coef @ x_mean, 1)


PATHS: dict[str, Callable[[Problem, Sequence[float]], Iterator[Solution]]] = {
    "logistic": logistic_path,
    "linear-svm": svm_path,
    "ridge": ridge_path,
}
