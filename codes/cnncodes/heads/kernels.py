"""Scoring with a radial basis function around each support vector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cnncodes.errors import UsageError
from cnncodes.heads.arrays import Array, check_numbers
from cnncodes.heads.scoring import FARTHEST, Scorer, read_classes, scale_codes

#: Support vectors that are compared at once: what bounds the memory.
_ROWS = 4096
#: Rows whose pairs of classes are looked at together, as far as their values are no more than so many: 64
#: MiB.
_PAIR_ROWS, _PAIR_VALUES = 256, 2**23
#: How sharply a pair decides: a row on the margin, where the value is 1, is of its class with probability
#: 0.95.
_SLOPE = 3.0


def square_distances(A: Array, B: Array) -> Array:
    """Return the squared Euclidean distances of rows ``[n, D]`` and ``[m, D]``: ``[n, m]``, in their type."""
    found = A @ B.T
    found *= -2
    found += np.einsum("ij,ij->i", A, A)[:, None]
    found += np.einsum("ij,ij->i", B, B)
    return np.asarray(np.maximum(found, 0, out=found))


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


def compute_kernel(rows: Array, around: Array, gamma: float) -> Iterator[tuple[slice, Array]]:
    """Yield ``exp(-gamma * |x - r|^2)`` of some rows r at a time: which, and ``[n, so many]`` in float64.

    Parameters
    ----------
    rows : float64 ``[n, D]``
    around : float32 ``[S, D]``
    gamma : float
    """
    for start in range(0, len(around), _ROWS):
        part = slice(start, start + _ROWS)
        distances = square_distances(rows, around[part].astype(np.float64))
        distances *= -gamma
        yield part, np.exp(distances, out=distances)


def decide_by_pairs(kernel: Array, dual: Array, counts: Array, intercept: Array) -> Array:
    """Return decision values ``[n, K]``, or ``[n, 1]`` for two classes.

    As in libsvm, the value of the pair i < j is positive for class i; column j - 1 of the coefficients of
    class i is its part against j, and column i of those of class j is its part against i.

    Parameters
    ----------
    kernel : float ``[n, S]``
        Of rows and support vectors, these class after class.
    dual : float64 ``[S, K - 1]``
    counts : int ``[K]``
        Support vectors of each class.
    intercept : float64 ``[K * (K - 1) / 2]``
        Of the pairs (0, 1), (0, 2) … (1, 2) …
    """
    n, n_classes = len(kernel), len(counts)
    decision = np.zeros((n_classes, n))
    size = int(np.clip(_PAIR_VALUES // n_classes**2, 1, _PAIR_ROWS))
    for part in (slice(start, start + size) for start in range(0, n, size)):
        _decide_some(kernel[part].astype(np.float64).T, dual, counts, intercept, decision[:, part])
    return np.ascontiguousarray(decision[: 1 if n_classes == 2 else n_classes].T)


def _decide_some(kernel: Array, dual: Array, counts: Array, intercept: Array, decision: Array) -> None:
    """Add to `decision` ``[K, n]`` what pairs say of rows, `kernel` being ``[S, n]``."""
    n_classes = len(counts)
    sums = np.empty((n_classes, n_classes - 1, kernel.shape[1]))  # what each class adds to each of its pairs
    for own, end, count in zip(sums, np.cumsum(counts), counts, strict=True):
        np.matmul(dual[end - count : end].T, kernel[end - count : end], out=own)
    at = 0
    for first in range(n_classes - 1):
        values = sums[first, first:] + sums[first + 1 :, first]
        values += intercept[at : at + len(values), None]
        at += len(values)
        if n_classes == 2:
            decision[0] = -values[0]
            return
        values *= _SLOPE
        # log(1 / (1 + exp(-v))), and of -v it is less by v
        logs = np.minimum(values, 0) - np.log1p(np.exp(-np.abs(values)))
        decision[first] += logs.sum(axis=0)
        logs -= values
        decision[first + 1 :] += logs


@dataclass(frozen=True, eq=False)
class KernelScorer(Scorer):
    """Sums of ``exp(-gamma * |x - s|^2)`` over support vectors s, one for each pair of classes.

    Parameters
    ----------
    support : float32 ``[S, D]``
        Scaled training codes.
        Class after class.
    dual : float64 ``[S, K - 1]``
        What each counts in the pairs of its class; see `decide_by_pairs`.
    counts : int64 ``[K]``
        Support vectors of each class.
    intercept : float64 ``[K * (K - 1) / 2]``
        Of each pair.
    classes : ``[K]``, any dtype
    gamma : float
        Of scaled codes.
    mean, scale : float64 ``[D]``, or ``[0]``
        Standardisation of the codes; empty where they are scaled to length 1.
    temperature : float
    kind : str

    Raises
    ------
    UsageError
        If the shapes contradict each other or a number cannot be right.
    """

    TYPE: ClassVar[str] = "kernel"
    ARRAYS: ClassVar[tuple[str, ...]] = (
        "support",
        "dual",
        "counts",
        "intercept",
        "classes",
        "gamma",
        "mean",
        "scale",
        "temperature",
        "kind",
    )

    support: Array
    dual: Array
    counts: Array
    intercept: Array
    classes: Array
    gamma: float
    mean: Array
    scale: Array
    temperature: float = 1.0
    kind: str = "rbf-svm"

    def __post_init__(self) -> None:
        classes = read_classes(self.classes)
        support = check_numbers("support", self.support, (None, None), np.float32, largest=FARTHEST)
        n_classes = len(classes)
        counts = check_numbers("counts", self.counts, (n_classes,), np.int64)
        if (counts < 0).any() or counts.sum() != len(support) or np.any(counts != self.counts):
            raise UsageError(f"counts must be whole numbers that sum to the {len(support)} support vectors")
        width = (support.shape[1] if np.size(self.mean) else 0,)
        values = {
            "support": support,
            "dual": check_numbers("dual", self.dual, (len(support), n_classes - 1), np.float64),
            "counts": counts,
            "intercept": check_numbers(
                "intercept", self.intercept, (n_classes * (n_classes - 1) // 2,), np.float64
            ),
            "classes": classes,
            "gamma": float(check_numbers("gamma", self.gamma, (), np.float64, above=0)),
            "mean": check_numbers("mean", self.mean, width, np.float64),
            "scale": check_numbers("scale", self.scale, width, np.float64, above=0),
            "temperature": float(check_numbers("temperature", self.temperature, (), np.float64, above=0)),
            "kind": str(self.kind),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def code_size(self) -> int:
        """Columns of the codes that it scores."""
        return int(self.support.shape[1])

    def _decide(self, block: Array) -> Array:
        rows = scale_codes(block, self.mean, self.scale)
        kernel = np.hstack([part for _, part in compute_kernel(rows, self.support, self.gamma)])
        return decide_by_pairs(kernel, self.dual, self.counts, self.intercept)
