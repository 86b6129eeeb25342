"""Scoring by the nearest training rows: exact search by blocked matrix products."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from cnncodes.errors import UsageError
from cnncodes.heads.arrays import Array, check_numbers
from cnncodes.heads.scoring import FARTHEST, Scorer, read_classes, scale_codes

#: Training rows that are compared at once: what bounds the memory of a search.
_ROWS = 4096
#: Held-out rows that are searched for at once.
_QUERIES = 256
_KS = (50, 20, 10, 5, 3, 1)


def count_needed(weight: Array, k: float) -> int:
    """Return how many rows weigh `k` together, whichever they are."""
    lightest = np.cumsum(np.sort(weight))
    return min(len(weight), int(np.searchsorted(lightest, k * (1 - 1e-9))) + 1)


def find_nearest(queries: Array, rows: Array, count: int) -> Array:
    """Return the numbers of the `count` nearest rows of each query, nearest first.

    Parameters
    ----------
    queries : float ``[q, D]``
        Products are taken in their type.
    rows : float32 ``[n, D]``
    count : int

    Returns
    -------
    int64 ``[q, count]``, by Euclidean distance: for rows of length 1 that is the order of their cosines.
    """
    best = np.empty((len(queries), 0), queries.dtype)
    found = np.empty((len(queries), 0), np.int64)
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS].astype(queries.dtype, copy=False)
        # |q - r|^2 without what is the same for all rows, halved and negative: large is near.
        near = queries @ part.T - np.einsum("ij,ij->i", part, part) / 2
        numbers = np.broadcast_to(np.arange(start, start + len(part)), near.shape)
        best, found = np.concatenate([best, near], axis=1), np.concatenate([found, numbers], axis=1)
        if best.shape[1] > count:
            kept = np.argpartition(-best, count - 1, axis=1)[:, :count]
            kept.sort(axis=1)  # of equally near rows the first
            best, found = np.take_along_axis(best, kept, 1), np.take_along_axis(found, kept, 1)
    order = np.argsort(-best, axis=1, kind="stable")
    return np.take_along_axis(found, order, 1)


def find_all_nearest(queries: Array, rows: Array, count: int) -> Array:
    """Return what `find_nearest` does, of some queries at a time: what bounds the memory."""
    starts = range(0, len(queries), _QUERIES)
    return np.concatenate([find_nearest(queries[i : i + _QUERIES], rows, count) for i in starts])


def weigh_nearest(nearest: Array, weight: Array, k: float) -> Array:
    """Return what each of the nearest rows counts, such that all weigh `k` together: float64 ``[q, count]``.

    The last row counts with the part of its weight that is still needed.
    """
    heavy = weight[nearest]
    before = np.cumsum(heavy, axis=1) - heavy
    return np.asarray(np.clip(k - before, 0, heavy))


def list_ks(k: int | None) -> list[tuple[float, ...]]:
    """Return the values of k that are tried, the largest first: it is the smoothest."""
    return [(k,) for k in (_KS if k is None else (k,))]


def check_k(k: int | None, weight: Array) -> None:
    """Raise `UsageError` where `k` is more than all training rows weigh."""
    total = float(weight.sum())
    if k is not None and k > total * (1 + 1e-9):
        raise UsageError(
            f"k={k} neighbours are more than the training rows, which weigh {total:g} together: give a"
            " smaller k, or None."
        )


def count_votes(nearest: Array, labels: Array, weight: Array, k: float, n_classes: int) -> Array:
    """Return what each class has among the nearest rows that weigh `k` together: float64 ``[q, K]``."""
    taken = weigh_nearest(nearest, weight, k)
    cells = np.arange(len(nearest))[:, None] * n_classes + labels[nearest]
    votes = np.bincount(cells.ravel(), taken.ravel(), len(nearest) * n_classes)
    return votes.reshape(len(nearest), n_classes)


def decide_by_votes(votes: Array, prior: Array, preference: Array) -> Array:
    """Return log-probabilities ``[q, K]``, or log-odds ``[q, 1]`` for two classes.

    One vote more is shared by the classes as `prior` says, so that none has the probability 0; all are
    multiplied with `preference`.
    """
    shares = (votes + prior) * preference
    logs = np.log(shares / shares.sum(axis=1, keepdims=True))
    return np.asarray(logs[:, 1:] - logs[:, :1] if logs.shape[1] == 2 else logs)


@dataclass(frozen=True, eq=False)
class NeighborScorer(Scorer):
    """The training rows and their classes; the decision values are log-probabilities.

    Parameters
    ----------
    rows : float32 ``[n, D]``
        Scaled training codes.
    labels : int64 ``[n]``
        Class number of each.
    weight : float64 ``[n]``
        What each counts.
    classes : ``[K]``, any dtype
    k : float
        What the neighbours that vote weigh together.
    prior : float64 ``[K]``
        How the classes share the vote that all queries have.
    preference : float64 ``[K]``
        What votes of each class are multiplied with.
    mean, scale : float64 ``[D]``, or ``[0]``
        Standardisation of the codes; empty where they are scaled to length 1.
    temperature : float
    kind : str

    Raises
    ------
    UsageError
        If the shapes contradict each other or a number cannot be right.
    """

    TYPE: ClassVar[str] = "neighbors"
    ARRAYS: ClassVar[tuple[str, ...]] = (
        "rows",
        "labels",
        "weight",
        "classes",
        "k",
        "prior",
        "preference",
        "mean",
        "scale",
        "temperature",
        "kind",
    )

    rows: Array
    labels: Array
    weight: Array
    classes: Array
    k: float
    prior: Array
    preference: Array
    mean: Array
    scale: Array
    temperature: float = 1.0
    kind: str = "knn"

    def __post_init__(self) -> None:
        classes = read_classes(self.classes)
        rows = check_numbers("rows", self.rows, (None, None), np.float32, largest=FARTHEST)
        n, size, n_classes = len(rows), rows.shape[1], len(classes)
        labels = check_numbers("labels", self.labels, (n,), np.int64)
        if not n or labels.min() < 0 or labels.max() >= n_classes or np.any(labels != self.labels):
            raise UsageError(
                f"labels must be whole numbers from 0 to {n_classes - 1}, one a row, of one at least"
            )
        width = (size if np.size(self.mean) else 0,)
        values = {
            "rows": rows,
            "labels": labels,
            "weight": check_numbers("weight", self.weight, (n,), np.float64, above=0),
            "classes": classes,
            "k": float(check_numbers("k", self.k, (), np.float64, above=0)),
            "prior": check_numbers("prior", self.prior, (n_classes,), np.float64, above=0),
            "preference": check_numbers("preference", self.preference, (n_classes,), np.float64, above=0),
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
        return int(self.rows.shape[1])

    @cached_property
    def _needed(self) -> int:
        return count_needed(self.weight, self.k)

    def _decide(self, block: Array) -> Array:
        nearest = find_nearest(scale_codes(block, self.mean, self.scale), self.rows, self._needed)
        votes = count_votes(nearest, self.labels, self.weight, self.k, len(self.classes))
        return decide_by_votes(votes, self.prior, self.preference)
