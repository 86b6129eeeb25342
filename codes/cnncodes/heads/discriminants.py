"""Linear classifiers from class means: nearest centroid, and linear discriminant analysis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.problem import Problem, Solution

Array = npt.NDArray[Any]


def shrinkage_of(C: float) -> float:
    """Return the shrinkage that `C` stands for: ``1 / (1 + C)``.

    Examples
    --------
    >>> shrinkage_of(1.0)
    0.5
    """
    return 1 / (1 + C)


def centroid_path(problem: Problem, Cs: Sequence[float]) -> Iterator[Solution]:
    """The nearest class mean, written as a linear classifier.

    Nothing in it is regularised, so every C gives the same. The same answers as scikit-learn's
    ``NearestCentroid`` with the Euclidean distance. It is discriminant analysis with the variance within the
    classes the same in all directions and all classes as likely; a preference is their prior probabilities.
    """
    _, means = _class_means(problem)
    share, total = problem.weight / problem.weight.sum(), 0.0
    for start in range(0, len(share), 4096):  # differences of some rows at a time, not of all
        part = slice(start, start + 4096)
        total += float(share[part] @ ((problem.X[part] - means[problem.y[part]]) ** 2).sum(axis=1))
    solution = discriminate_nearest(total, means, problem.preference)
    for _ in Cs:
        yield solution


def lda_path(problem: Problem, Cs: Sequence[float]) -> Iterator[Solution]:
    """Linear discriminant analysis, every shrinkage from one eigendecomposition.

    The same classifier as scikit-learn's ``LinearDiscriminantAnalysis(solver="lsqr", shrinkage=s)``, whose
    decision values differ from these by what all classes have in common, and for
    rows with weights what that gives for copies of them: the covariance S within the classes is shrunk to
    ``(1 - s) * S + s * mu * I``, mu being the mean of its diagonal (O. Ledoit and M. Wolf, "A
    well-conditioned estimator for large-dimensional covariance matrices", 2004), and the classes' shares are
    their prior probabilities. C is what the covariance weighs against the identity, ``s = 1 / (1 + C)``: a
    larger C is less regularisation, as everywhere.
    """
    share, means = _class_means(problem)
    A = np.sqrt(problem.weight / problem.weight.sum())[:, None] * (problem.X - means[problem.y])
    wide = A.shape[0] < A.shape[1]
    values, vectors = np.linalg.eigh(A @ A.T if wide else A.T @ A)
    kept = values > max(values[-1], 0) * np.finfo(np.float64).eps * max(A.shape)
    values, vectors = values[kept], vectors[:, kept]
    if wide:
        vectors = (A.T @ vectors) / np.sqrt(values)
    yield from discriminate_shrunk(values, vectors, share, means, Cs)


def discriminate_shrunk(
    values: Array, vectors: Array, share: Array, means: Array, Cs: Sequence[float]
) -> Iterator[Solution]:
    """Yield the discriminant analysis of each C.

    Parameters
    ----------
    values, vectors : float64 ``[r]``, ``[D, r]``
        Eigenvalues above 0 of the covariance within the classes, and their vectors.
    share, means : float64 ``[K]``, ``[K, D]``
        Of the weight, and of the rows of each class.
    Cs : sequence of float
    """
    mean_value = _mean_variance(float(values.sum()), means)
    centre, means = _centre(means)
    inner = vectors.T @ means.T
    for C in Cs:
        shrinkage = shrinkage_of(C)
        rest = shrinkage * mean_value
        change = 1 / ((1 - shrinkage) * values + rest) - 1 / rest
        directions = vectors @ (change[:, None] * inner) + means.T / rest
        yield _discriminate(means, directions, np.log(share), centre)


def discriminate_nearest(variance: float, means: Array, preference: Array | None) -> Solution:
    """Return the nearest of the class means ``[K, D]``, given the summed variance within classes."""
    prior = np.zeros(len(means)) if preference is None else np.log(preference)
    spread = _mean_variance(variance, means)
    centre, means = _centre(means)
    return _discriminate(means, means.T / spread, prior, centre)


def _centre(means: Array) -> tuple[Array, Array]:
    """Return the middle of the class means ``[D]``, and them less that.

    Where classes hardly differ, what they have in common would leave of their difference but rounding.
    """
    middle = means.mean(axis=0)
    return middle, means - middle


def _mean_variance(total: float, means: Array) -> float:
    """Return the mean over the columns of a summed variance within classes, above 0.

    Classes without any spread: no direction is better than another, and the variance counts for nothing.
    """
    floor = np.finfo(np.float64).eps * float(np.mean(means**2))
    return max(total / means.shape[1], floor) or 1.0


def _class_means(problem: Problem) -> tuple[Array, Array]:
    """Return each class's share of the weight ``[K]`` and its mean ``[K, D]``, in float64."""
    order = np.argsort(problem.y, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(problem.y, minlength=problem.n_classes))[:-1])
    totals = np.array([problem.weight[part].sum() for part in parts])
    means = [problem.weight[part] @ problem.X[part] for part in parts]
    return totals / totals.sum(), np.asarray(means, np.float64) / totals[:, None]


def _discriminate(means: Array, directions: Array, prior: Array, centre: Array) -> Solution:
    """Return the classifier whose weights are `directions` ``[D, K]``, equal halfway between two means.

    These are less `centre` ``[D]``, and the rows are not.
    """
    coef = directions.T
    intercept = prior - np.einsum("kd,dk->k", means, directions) / 2 - coef @ centre
    if len(coef) == 2:
        coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
    return Solution(np.ascontiguousarray(coef), intercept, 1)
