"""The search of heads that sums over rows suffice for: of each fold they are made once, and added up.

Rows in memory are gone through once, and not once for each fold that trains on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import effective_n_jobs

from cnncodes.heads.fold_sums import FoldSums, sums_by_fold
from cnncodes.heads.folds import Rows, Split, average_by
from cnncodes.heads.linear_kinds import LINEAR_KINDS, STATISTIC_PATHS
from cnncodes.heads.paths import LinearSearch
from cnncodes.heads.problem import Solution
from cnncodes.heads.statistic_paths import Moments
from cnncodes.heads.statistics import Statistics, add_up
from cnncodes.heads.sweep import Choice, HeldOut, Setting, pick

Array = npt.NDArray[Any]

#: Kinds that are searched so where rows are in memory: a nearest mean, without C, needs no outer products.
BY_SUMS = tuple(kind for kind in STATISTIC_PATHS if LINEAR_KINDS[kind].is_regularised)
#: Rows a column from which on the sums of a fold are small beside the rows, and folds of that size at most.
_ROWS_PER_COLUMN, _FOLDS = 4, 11
#: Rows that are taken in at a time.
_BLOCK = 2048
#: Threads that decompose at a time: each holds several matrices.
DECOMPOSING = 2


@dataclass(frozen=True, eq=False)
class HeldPart:
    """Rows of a fold, float ``[m, D]``, the image of each, and these without decision values."""

    X: Array
    images: Array
    held_out: HeldOut


@dataclass(eq=False)
class _SumPath:
    """The solutions of all folds but one, and that one, its rows scaled."""

    held: HeldPart
    path: Iterator[Solution]

    def decide(self) -> HeldOut:
        """Return the answers with the next setting."""
        decision = next(self.path).decision(self.held.X)
        return replace(self.held.held_out, decision=average_by(decision, self.held.images))


def try_sums(
    search: LinearSearch,
    scaling: str,
    parts: Sequence[Statistics],
    find_held: Callable[[int], HeldPart],
    n_folds: int,
    preference: Array | None,
    n_jobs: int,
) -> Iterator[tuple[str, Setting, HeldOut]]:
    """Yield the held-out answers of every setting, one after another: all at once may be large.

    Parameters
    ----------
    search : LinearSearch
        Of a kind in `STATISTIC_PATHS`.
    scaling : str
    parts : sequence of Statistics
        Of each fold, and after those of rows that are never held out, if any.
    find_held : callable
        Returns what a fold, by its number, holds out; its rows not scaled.
    n_folds : int
    preference : float ``[K]``, optional
        As of `Rows`.
    n_jobs : int
        Threads.
    """
    settings = search.grid(scaling, len(parts[0].shift))

    def make(number: int) -> _SumPath:
        others = add_up([part for k, part in enumerate(parts) if k != number])
        scaler = others.scaler(scaling)
        moments = Moments.make(others, scaler, preference)
        path = STATISTIC_PATHS[search.kind](moments, [setting[0] if setting else 1.0 for setting in settings])
        held = find_held(number)
        return _SumPath(replace(held, X=scaler.apply(held.X, held.X.dtype)), path)

    # Not joblib's, which looks every 10 ms whether they are done: many settings take less.
    with ThreadPoolExecutor(min(n_jobs, DECOMPOSING)) as pool:
        folds = list(pool.map(make, range(n_folds)))
        for setting in settings:
            yield scaling, setting, HeldOut.join(list(pool.map(_SumPath.decide, folds)))


def number_folds(rows: Rows, splits: Sequence[Split]) -> Array | None:
    """Return the fold that holds out each row ``[n]``, or ``len(splits)`` where none does.

    None where sums would not help: a fold is to leave rows out that it does not hold out, or two hold out the
    same, or there are so many folds or so few rows that the sums would take more memory than the rows.
    """
    n_rows, n_columns = rows.X.shape
    if len(splits) > _FOLDS or n_rows < _ROWS_PER_COLUMN * n_columns:
        return None
    fold = np.full(n_rows, len(splits))
    for number, (train, test) in enumerate(splits):
        if len(train) + len(test) != n_rows or (fold[test] != len(splits)).any():
            return None
        fold[test] = number
    return fold


def choose_by_sums(rows: Rows, fold: Array, n_folds: int, search: LinearSearch, n_jobs: int | None) -> Choice:
    """Return what `cnncodes.heads.sweep.choose` does, for one of `BY_SUMS`; `fold` is of `number_folds`."""
    threads = effective_n_jobs(n_jobs)
    members = [np.flatnonzero(fold == number) for number in range(n_folds)]

    def find_held(number: int) -> HeldPart:
        mine = members[number]
        return HeldPart(rows.X[mine], rows.images[mine], HeldOut.of(rows, mine, rows.loss_weight[mine]))

    def candidates() -> Iterator[tuple[str, Setting, HeldOut]]:
        for scaling in search.scalings:
            parts = _sum_up(rows, fold, scaling, threads)
            yield from try_sums(search, scaling, parts, find_held, n_folds, rows.preference, threads)

    return pick(search, candidates())


def _sum_up(rows: Rows, fold: Array, scaling: str, n_jobs: int) -> list[Statistics]:
    """Return the statistics of each fold's rows."""
    sums = sums_by_fold(rows, fold, (scaling,))(rows.X[:_BLOCK])
    with ThreadPoolExecutor(n_jobs) as pool:
        list(pool.map(partial(_add_all, rows.X), sums))
    return [one.found for one in sums]


def _add_all(X: Array, one: FoldSums) -> None:
    for start in range(0, len(X), _BLOCK):
        part = slice(start, min(start + _BLOCK, len(X)))
        one.add(X[part], part)
