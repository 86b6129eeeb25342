"""Fitted regression heads as plain arrays, which predict with numpy alone."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.heads.arrays import Array, ArrayScorer, check_numbers
from cnncodes.heads.kernels import compute_kernel
from cnncodes.heads.neighbors import count_needed, find_nearest, weigh_nearest
from cnncodes.heads.scoring import FARTHEST, l2_normalized, scale_codes


class NumberScorer(ArrayScorer):
    """A fitted regression head as plain arrays; it predicts one number, or several, of each code."""

    @property
    @abstractmethod
    def n_targets(self) -> int:
        """Numbers that are predicted of each code."""

    def predict(self, X: npt.ArrayLike) -> Array:
        """Return the predictions of codes ``[n, D]``: float64 ``[n, n_targets]``.

        A row's prediction is the same bits whatever other rows are in `X`.
        """
        return self.score_blocks(X, self.n_targets)

    def _set(self, **values: Any) -> None:
        assert set(values) <= {field.name for field in fields(self)}  # type: ignore[arg-type]
        for name, value in values.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, eq=False)
class LinearNumberScorer(NumberScorer):
    """A linear function of codes; its sums are taken in float64.

    Parameters
    ----------
    coef : float64 ``[T, D]``
        Weights; the standardisation of the codes is already folded in.
    intercept : float64 ``[T]``
    l2_normalize : bool
        Scale each code to length 1 first.
    kind : str

    Raises
    ------
    UsageError
        If the shapes contradict each other or a number is not finite.
    """

    TYPE: ClassVar[str] = "linear-numbers"
    ARRAYS: ClassVar[tuple[str, ...]] = ("coef", "intercept", "l2_normalize", "kind")

    coef: Array
    intercept: Array
    l2_normalize: bool = False
    kind: str = "ridge"

    def __post_init__(self) -> None:
        coef = check_numbers("coef", self.coef, (None, None), np.float64, largest=np.inf)
        if not len(coef) or not np.isfinite(coef).all():
            raise UsageError("coef must be finite and have one row a target")
        self._set(
            coef=coef,
            intercept=check_numbers("intercept", self.intercept, (len(coef),), np.float64, largest=1e300),
            l2_normalize=bool(self.l2_normalize),
            kind=str(self.kind),
        )

    @property
    def code_size(self) -> int:
        """Columns of the codes that it scores."""
        return int(self.coef.shape[1])

    @property
    def n_targets(self) -> int:
        """Numbers that are predicted of each code."""
        return len(self.coef)

    @cached_property
    def _weights(self) -> Array:
        return np.ascontiguousarray(self.coef.T)

    def _decide(self, block: Array) -> Array:
        rows = l2_normalized(block) if self.l2_normalize else block
        return np.asarray(rows @ self._weights + self.intercept)


class _RowScorer(NumberScorer):
    """What compares a code with all training rows."""

    rows: Array
    targets: Array
    mean: Array
    scale: Array

    @property
    def code_size(self) -> int:
        """Columns of the codes that it scores."""
        return int(self.rows.shape[1])

    @property
    def n_targets(self) -> int:
        """Numbers that are predicted of each code."""
        return int(self.targets.shape[1])

    def _check_shared(self) -> dict[str, Any]:
        """Return the checked values of the fields that such scorers share."""
        rows = check_numbers("rows", self.rows, (None, None), np.float32, largest=FARTHEST)
        targets = check_numbers("targets", self.targets, (len(rows), None), np.float64, largest=1e300)
        if not targets.size:
            raise UsageError("targets must hold one number at least")
        width = (rows.shape[1] if np.size(self.mean) else 0,)
        return {
            "rows": rows,
            "targets": targets,
            "mean": check_numbers("mean", self.mean, width, np.float64),
            "scale": check_numbers("scale", self.scale, width, np.float64, above=0),
            "kind": str(self.kind),
        }


@dataclass(frozen=True, eq=False)
class NeighborNumberScorer(_RowScorer):
    """The mean of the nearest training rows' targets.

    Parameters
    ----------
    rows : float32 ``[n, D]``
        Scaled training codes.
    targets : float64 ``[n, T]``
    weight : float64 ``[n]``
        What each row counts.
    k : float
        What the neighbours that are averaged weigh together.
    mean, scale : float64 ``[D]``, or ``[0]``
        Standardisation of the codes; empty where they are scaled to length 1.
    kind : str

    Raises
    ------
    UsageError
        If the shapes contradict each other or a number cannot be right.
    """

    TYPE: ClassVar[str] = "neighbor-numbers"
    ARRAYS: ClassVar[tuple[str, ...]] = ("rows", "targets", "weight", "k", "mean", "scale", "kind")

    rows: Array
    targets: Array
    weight: Array
    k: float
    mean: Array
    scale: Array
    kind: str = "knn"

    def __post_init__(self) -> None:
        shared = self._check_shared()
        weight = check_numbers("weight", self.weight, (len(shared["rows"]),), np.float64, above=0)
        self._set(weight=weight, k=float(check_numbers("k", self.k, (), np.float64, above=0)), **shared)

    @cached_property
    def _needed(self) -> int:
        return count_needed(self.weight, self.k)

    def _decide(self, block: Array) -> Array:
        nearest = find_nearest(scale_codes(block, self.mean, self.scale), self.rows, self._needed)
        return average_nearest(nearest, self.targets, self.weight, self.k)


def average_nearest(nearest: Array, targets: Array, weight: Array, k: float) -> Array:
    """Return the mean target of the nearest rows that weigh `k` together: float64 ``[q, T]``.

    The last row counts with the part of its weight that is still needed.

    Examples
    --------
    >>> average_nearest(np.array([[1, 0]]), np.array([[0.0], [6.0]]), np.array([0.5, 1.0]), 1.5)
    array([[4.]])
    """
    taken = weigh_nearest(nearest, weight, k)
    # By rows: one sum for each query, whose order does not hang on how many there are.
    sums = np.einsum("qk,qkt->qt", taken, targets[nearest])
    return np.asarray(sums / taken.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class KernelNumberScorer(_RowScorer):
    """Sums of ``exp(-gamma * |x - r|^2)`` over training rows r, and a constant.

    Parameters
    ----------
    rows : float32 ``[n, D]``
        Scaled training codes.
    targets : float64 ``[n, T]``
        What each row adds, by how near it is.
    intercept : float64 ``[T]``
        What is predicted far from all rows.
    gamma : float
        Of scaled codes.
    mean, scale : float64 ``[D]``, or ``[0]``
        Standardisation of the codes; empty where they are scaled to length 1.
    kind : str

    Raises
    ------
    UsageError
        If the shapes contradict each other or a number cannot be right.
    """

    TYPE: ClassVar[str] = "kernel-numbers"
    ARRAYS: ClassVar[tuple[str, ...]] = ("rows", "targets", "intercept", "gamma", "mean", "scale", "kind")

    rows: Array
    targets: Array
    intercept: Array
    gamma: float
    mean: Array
    scale: Array
    kind: str = "kernel-ridge"

    def __post_init__(self) -> None:
        shared = self._check_shared()
        width = (shared["targets"].shape[1],)
        intercept = check_numbers("intercept", self.intercept, width, np.float64, largest=1e300)
        gamma = float(check_numbers("gamma", self.gamma, (), np.float64, above=0))
        self._set(intercept=intercept, gamma=gamma, **shared)

    def _decide(self, block: Array) -> Array:
        rows = scale_codes(block, self.mean, self.scale)
        out = np.repeat(self.intercept[None], len(rows), axis=0)
        for part, kernel in compute_kernel(rows, self.rows, self.gamma):
            out += kernel @ self.targets[part]
        return out
