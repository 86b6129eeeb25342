"""Scoring with a radial basis function around each support vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cnncodes.errors import UsageError
from cnncodes.heads.arrays import Array, check_numbers
from cnncodes.heads.scoring import FARTHEST, Scorer, read_classes, scale_codes

#: Support vectors that are compared at once: what bounds the memory.
_ROWS = 4096
#: Rows whose pairs of classes are looked at together.
_PAIR_ROWS = 256
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


def add_kernel(out: Array, rows: Array, around: Array, dual: Array, gamma: float) -> None:
    """Add to `out` ``[n, m]`` the sum of ``exp(-gamma * |x - r|^2) * dual`` over rows r, some at a time.

    Parameters
    ----------
    out : float64 ``[n, m]``
    rows : float64 ``[n, D]``
    around : float32 ``[S, D]``
    dual : float64 ``[S, m]``
    gamma : float
    """
    for start in range(0, len(around), _ROWS):
        part = slice(start, start + _ROWS)
        distances = square_distances(rows, around[part].astype(np.float64))
        out += np.exp(-gamma * distances) @ dual[part]


def sum_by_class(kernel: Array, dual: Array, counts: Array) -> Array:
    """Return what the support vectors of each class add to each of its pairs: ``[n, K, K - 1]``.

    Parameters
    ----------
    kernel : float ``[n, S]``
        Of rows and support vectors, these class after class.
    dual : float64 ``[S, K - 1]``
    counts : int ``[K]``
        Support vectors of each class.
    """
    ends = np.cumsum(counts)
    parts = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
    return np.stack([kernel[:, part].astype(np.float64) @ dual[part] for part in parts], axis=1)


def decide_by_pairs(sums: Array, intercept: Array) -> Array:
    """Return decision values ``[n, K]``, or ``[n, 1]`` for two classes.

    As in libsvm, the value of the pair i < j is positive for class i; column j - 1 of the coefficients of
    class i is its part against j, and column i of those of class j is its part against i.

    Parameters
    ----------
    sums : float64 ``[n, K, K - 1]``
        As `sum_by_class` gives them.
    intercept : float64 ``[K * (K - 1) / 2]``
        Of the pairs (0, 1), (0, 2) … (1, 2) …
    """
    n, n_classes, _ = sums.shape
    first, second = np.triu_indices(n_classes, 1)
    decision = np.zeros((n, n_classes))
    for start in range(0, n, _PAIR_ROWS):
        part = sums[start : start + _PAIR_ROWS]
        values = part[:, first, second - 1] + part[:, second, first] + intercept
        if n_classes == 2:
            decision[start : start + _PAIR_ROWS, :1] = -values
            continue
        for sign, side in ((1, first), (-1, second)):
            logs = -np.logaddexp(0, -sign * _SLOPE * values)
            for k in range(n_classes):
                decision[start : start + _PAIR_ROWS, k] += logs[:, side == k].sum(axis=1)
    return decision[:, : 1 if n_classes == 2 else n_classes]


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
        sums = np.zeros((len(rows), len(self.classes), len(self.classes) - 1))
        ends = np.cumsum(self.counts)
        for k, (count, end) in enumerate(zip(self.counts, ends, strict=True)):
            part = slice(end - count, end)
            add_kernel(sums[:, k], rows, self.support[part], self.dual[part], self.gamma)
        return decide_by_pairs(sums, self.intercept)
