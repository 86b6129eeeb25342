"""Linear classifiers for a rising row of C, each starting from the one before.

Those here minimise ``C * sum_i weight_i * loss_i + ||w||^2 / 2`` over rows that are scaled already; those
from class means (`cnncodes.heads.discriminants`) say what C is there. A path is a generator, so whoever reads
it may stop early and pays only for what was read.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning

from cnncodes.errors import warn
from cnncodes.heads.active_rows import find_active_rows
from cnncodes.heads.curvature import Covariance, choose_rows
from cnncodes.heads.descent import Descent, Minimum
from cnncodes.heads.losses import CrossEntropy, LogisticLoss, Loss, SquaredHinge
from cnncodes.heads.newton import Newton
from cnncodes.heads.problem import Problem, Solution
from cnncodes.heads.separate import SeparateDescent

Array = npt.NDArray[Any]

#: How far above its least value a fit that is to be exact is taken in float32, as a share of it.
_ROUGH = 1e-4
#: Of no more rows than these an SVM is found exactly where so many steps do not lead there.
_FEW, _STEPS_OF_FEW = 1000, 100


def learn_covariance(X: Array, weight: Array) -> Covariance:
    """Return about the covariance of scaled rows, in the time that some of them take."""
    some = choose_rows(*X.shape)
    return Covariance.learn(X[some], weight[some], of_all=len(some) == len(X))


def logistic_path(problem: Problem, Cs: Sequence[float]) -> Iterator[Solution]:
    """Multinomial logistic regression (two classes: binary).

    The same minimum as scikit-learn's ``LogisticRegression(C=C)``.
    """
    loss = CrossEntropy(problem.y, problem.weight / problem.weight.sum())
    found = _descend(problem, loss, _count_columns(problem), Cs, penalizes_intercept=False)
    return found if problem.n_classes == 2 else map(_centre, found)


def fit_logistic(problem: Problem, C: float) -> Solution:
    """Return what `logistic_path` has for one C, the rows being float64: sooner where that is to be exact."""
    loss = CrossEntropy(problem.y, problem.weight / problem.weight.sum())
    found = _finish(problem, loss, _count_columns(problem), C)
    return found if problem.n_classes == 2 else _centre(found)


def _centre(found: Solution) -> Solution:
    """Return the same with intercepts around 0: of the softmax only differences matter."""
    return replace(found, intercept=found.intercept - found.intercept.mean())


def one_vs_rest_path(problem: Problem, Y: Array, Cs: Sequence[float]) -> Iterator[Solution]:
    """Logistic regression of each column of `Y` ``[n, L]``, 0 or 1, all side by side.

    The same minima as scikit-learn's ``OneVsRestClassifier(LogisticRegression(C=C))``. The class numbers of
    the problem play no part.
    """
    loss = LogisticLoss(2.0 * Y.astype(problem.X.dtype) - 1, problem.weight / problem.weight.sum())
    X, weight = problem.X, problem.weight
    covariance = learn_covariance(X, weight) if problem.covariance is None else problem.covariance
    descent = SeparateDescent(
        X, loss, covariance, excess=problem.excess, max_iter=problem.max_iter, run=problem.run
    )
    return map(_take, descent.run([1 / (C * float(weight.sum())) for C in Cs]))


def fit_one_vs_rest(problem: Problem, Y: Array, C: float) -> Solution:
    """Return what `one_vs_rest_path` has for one C, as `fit_logistic` does."""
    loss = LogisticLoss(2.0 * Y - 1, problem.weight / problem.weight.sum())
    return _finish(problem, loss, Y.shape[1], C)


def svm_path(problem: Problem, Cs: Sequence[float]) -> Iterator[Solution]:
    """One-against-rest linear SVMs with the squared hinge loss, all classes in one descent.

    The same minimum as scikit-learn's ``LinearSVC(C=C)``, its penalised intercept included. That goes through
    the rows one by one (liblinear); here an iteration is two matrix products.
    """
    loss = SquaredHinge(problem.signs(), problem.weight / problem.weight.sum())
    return _descend(problem, loss, _count_columns(problem), Cs, penalizes_intercept=True)


def fit_svm(problem: Problem, C: float) -> Solution:
    """Return what `svm_path` has for one C, the rows being float64; of few rows it is found exactly."""
    if len(problem.X) > _FEW:
        return next(svm_path(problem, [C]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told below, where there is none
        steps = min(problem.max_iter, _STEPS_OF_FEW)
        near = next(svm_path(replace(problem, max_iter=steps), [C]))
    if near.converged:
        return near
    total = float(problem.weight.sum())
    found = find_active_rows(problem.X, problem.signs(), problem.weight / total, 1 / (C * total))
    return next(svm_path(problem, [C])) if found is None else Solution(*found, near.n_iter)


def _count_columns(problem: Problem) -> int:
    return 1 if problem.n_classes == 2 else problem.n_classes


def _descend(
    problem: Problem, loss: Loss, n_columns: int, Cs: Sequence[float], *, penalizes_intercept: bool
) -> Iterator[Solution]:
    X, weight = problem.X, problem.weight
    descent = Descent(
        X,
        loss,
        n_columns,
        learn_covariance(X, weight) if problem.covariance is None else problem.covariance,
        penalizes_intercept=penalizes_intercept,
        excess=problem.excess,
        max_iter=problem.max_iter,
        run=problem.run,
    )
    for found in descent.run([1 / (C * float(weight.sum())) for C in Cs]):
        yield _take(found)


def _finish(problem: Problem, loss: Loss, n_columns: int, C: float) -> Solution:
    """Go down in float32, and the last steps with gradients in float64."""
    mean = np.asarray(loss.weight @ problem.X, np.float64)
    centred = np.empty(problem.X.shape, np.float32)
    np.subtract(problem.X, mean, out=centred, casting="same_kind")
    covariance = (
        learn_covariance(centred, problem.weight) if problem.covariance is None else problem.covariance
    )
    settings: dict[str, Any] = {"max_iter": problem.max_iter, "run": problem.run}
    penalties = [1 / (C * float(problem.weight.sum()))]
    [start] = _start(centred, loss, n_columns, covariance, settings).run(penalties)
    settings["max_iter"] = max(1, problem.max_iter - start.n_iter)
    last = Newton(problem.X, centred, loss, start, covariance, excess=problem.excess, **settings)
    [found] = last.run(penalties)
    return _take(replace(found, n_iter=start.n_iter + found.n_iter))


def _start(
    centred: Array, loss: Loss, n_columns: int, covariance: Covariance, settings: dict[str, Any]
) -> Descent | SeparateDescent:
    if isinstance(loss, LogisticLoss):
        return SeparateDescent(centred, loss, covariance, excess=_ROUGH, **settings)
    return Descent(centred, loss, n_columns, covariance, penalizes_intercept=False, excess=_ROUGH, **settings)


def _take(found: Minimum) -> Solution:
    """Return what a descent found, with a warning where that is no minimum."""
    if not found.converged:
        warn(
            f"the head did not converge in {found.n_iter} iterations; a smaller C does, or a larger max_iter",
            ConvergenceWarning,
        )
    return Solution(found.coef, found.intercept, max(1, found.n_iter), found.converged)


def ridge_path(problem: Problem, Cs: Sequence[float]) -> Iterator[Solution]:
    """Least squares on ±1, every C from one eigendecomposition.

    The same minimum as scikit-learn's ``RidgeClassifier(alpha=1 / (2 * C))``.
    """
    return least_squares_path(problem.X, problem.signs(), problem.weight, Cs)


def least_squares_path(X: Array, Y: Array, weight: Array, Cs: Sequence[float]) -> Iterator[Solution]:
    """Least squares of scaled rows ``[n, D]`` on targets ``[n, T]``, every C from one eigendecomposition.

    The same minimum as scikit-learn's ``Ridge(alpha=1 / (2 * C))``.
    """
    X, Y, weight = (array.astype(np.float64) for array in (X, Y, weight))
    x_mean, y_mean = np.average(X, axis=0, weights=weight), np.average(Y, axis=0, weights=weight)
    root = np.sqrt(weight)[:, None]
    A, B = root * (X - x_mean), root * (Y - y_mean)
    wide = A.shape[0] <= A.shape[1]
    values, vectors = np.linalg.eigh(A @ A.T if wide else A.T @ A)
    right = vectors.T @ (B if wide else A.T @ B)
    for inner in solve_ridge(values, vectors, right, Cs):
        coef = (A.T @ inner if wide else inner).T
        yield Solution(coef, y_mean - coef @ x_mean, 1)


def solve_ridge(values: Array, vectors: Array, right: Array, Cs: Sequence[float]) -> Iterator[Array]:
    """Yield ``(M + I / (2 * C))^-1 B`` for each C.

    Parameters
    ----------
    values, vectors : float64 ``[D]``, ``[D, D]``
        Eigenvalues and eigenvectors of M.
    right : float64 ``[D, k]``
        ``vectors.T @ B``.
    Cs : sequence of float
    """
    for C in Cs:
        yield vectors @ (right / (np.maximum(values, 0)[:, None] + 1 / (2 * C)))
