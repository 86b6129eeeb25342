"""Scoring with a radial basis function around each support vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cnncodes.heads.scoring import (
    FARTHEST,
    Array,
    Scorer,
    check_classes,
    check_numbers,
    count_columns,
    scale_codes,
)

#: Support vectors that are compared at once: what bounds the memory.
_ROWS = 4096


def square_distances(A: Array, B: Array) -> Array:
    """Return the squared Euclidean distances of rows ``[n, D]`` and ``[m, D]``: ``[n, m]``, in their type."""
    found = A @ B.T
    found *= -2
    found += np.einsum("ij,ij->i", A, A)[:, None]
    found += np.einsum("ij,ij->i", B, B)
    return np.asarray(np.maximum(found, 0, out=found))


@dataclass(frozen=True, eq=False)
class KernelScorer(Scorer):
    """A sum of ``exp(-gamma * |x - s|^2)`` over support vectors s.

    Parameters
    ----------
    support : float32 ``[S, D]``
        Scaled training codes.
    dual : float64 ``[S, K]``, or ``[S, 1]`` for two classes
        What each counts for each class.
    intercept : float64 ``[K]`` or ``[1]``
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
    intercept: Array
    classes: Array
    gamma: float
    mean: Array
    scale: Array
    temperature: float = 1.0
    kind: str = "rbf-svm"

    def __post_init__(self) -> None:
        classes = check_classes(self.classes)
        support = check_numbers("support", self.support, (None, None), np.float32, largest=FARTHEST)
        columns = count_columns(classes)
        width = (support.shape[1] if np.size(self.mean) else 0,)
        values = {
            "support": support,
            "dual": check_numbers("dual", self.dual, (len(support), columns), np.float64),
            "intercept": check_numbers("intercept", self.intercept, (columns,), np.float64),
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
        decision = np.tile(self.intercept, (len(rows), 1))
        for start in range(0, len(self.support), _ROWS):
            distances = square_distances(rows, self.support[start : start + _ROWS].astype(np.float64))
            decision += np.exp(-self.gamma * distances) @ self.dual[start : start + _ROWS]
        return decision
