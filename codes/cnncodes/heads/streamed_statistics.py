"""Ridge, discriminant analysis and nearest means in one pass over codes: sums by fold, and a sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.memory import release_free_memory
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.folds import average_by, deal_folds
from cnncodes.heads.gathering import FoldSums, gather, sums_by_fold
from cnncodes.heads.problem import Solution
from cnncodes.heads.statistic_paths import STATISTIC_PATHS, Moments
from cnncodes.heads.statistics import Statistics, add_up
from cnncodes.heads.streamed_rows import Sample, StreamedRows, fit_sample
from cnncodes.heads.streamed_sample import HeldSample, StreamedFit, count_jobs
from cnncodes.heads.sweep import HeldOut, Search, pick

Array = npt.NDArray[Any]

#: Threads that decompose at a time, and matrices that each holds.
_DECOMPOSING, _AT_WORK = 2, 8


def fit_statistics(head: LinearHead, stream: StreamedRows, memory: int) -> StreamedFit:
    rows, n_jobs = stream.rows, count_jobs(head)
    fold = deal_folds(rows, head.cv, head.random_state)
    head.n_folds_ = 0 if fold is None else int(fold.max()) + 1
    search = head._make_search()
    given = None if fold is not None else head._choose_nothing(rows)
    scalings = search.scalings if given is None else (given.scaling,)
    if fold is None:
        head.scarce_ = np.arange(rows.n_classes)
        numbered = np.zeros(len(rows.y), np.int64)
    else:
        head._note_scarce(rows, fold >= 0)
        numbered = np.where(fold < 0, head.n_folds_, fold)  # what is never held out: a part of all heads
    n_folds = int(numbered.max()) + 1
    n_rows = fit_sample(
        stream, memory, kept=n_folds * len(scalings), working=n_folds + _DECOMPOSING * _AT_WORK
    )
    sample = Sample.draw(rows, n_rows, head.random_state)
    found, X = gather(stream, sample.rows, sums_by_fold(rows, numbered, scalings), n_jobs)
    release_free_memory()
    if given is None:
        held = HeldSample.make(X, rows, sample, numbered)
        choice = head._soften(pick(search, _try_all(head, search, found, held, n_jobs)))
    else:
        choice = given
    total = add_up([one.found for one in found if one.scaling == choice.scaling])
    del found
    scaler = total.scaler(choice.scaling)
    moments = Moments.make(total, scaler, rows.preference)
    head._take_solution(
        next(STATISTIC_PATHS[head.kind](moments, [choice.setting.get("C", 1.0)])), scaler, choice
    )
    head.held_out_ = choice.held_out
    return StreamedFit(sample, X, 1)


def _try_all(
    head: LinearHead, search: Search, found: Iterable[FoldSums], held: HeldSample, n_jobs: int
) -> Iterator[tuple[str, tuple[float, ...], HeldOut]]:
    """Yield the held-out answers of every candidate, one after another: all at once may be large."""
    found = list(found)
    size = held.X.shape[1]
    # Not joblib's, which looks every 10 ms whether they are done: many settings take less.
    with ThreadPoolExecutor(min(n_jobs, _DECOMPOSING)) as pool:
        for scaling in search.scalings:
            settings = search.grid(scaling, size)
            parts = [one.found for one in found if one.scaling == scaling]
            make = partial(_FoldPath.make, head.kind, scaling, parts, settings=settings, held=held)
            folds = list(pool.map(make, range(head.n_folds_)))
            for setting in settings:
                answers = list(pool.map(_FoldPath.decide, folds))
                yield scaling, setting, HeldOut.join(answers)
            del parts, make, folds, answers  # or they would be there yet while those of the next are made
            release_free_memory()


@dataclass(eq=False)
class _FoldPath:
    """The solutions of all folds but one, and the rows of that one, scaled."""

    X: Array
    images: Array
    held_out: HeldOut
    path: Iterator[Solution]

    @classmethod
    def make(
        cls, kind: str, scaling: str, parts: list[Statistics], number: int, settings: Any, held: HeldSample
    ) -> _FoldPath:
        others = add_up([part for k, part in enumerate(parts) if k != number])
        scaler = others.scaler(scaling)
        moments = Moments.make(others, scaler, held.rows.preference)
        path = STATISTIC_PATHS[kind](moments, [setting[0] if setting else 1.0 for setting in settings])
        mine, held_out = held.of_fold(number)
        return cls(scaler.apply(held.X[mine], np.float32), held.part.images[mine], held_out, path)

    def decide(self) -> HeldOut:
        """Return the answers with the next setting."""
        return replace(self.held_out, decision=average_by(next(self.path).decision(self.X), self.images))
