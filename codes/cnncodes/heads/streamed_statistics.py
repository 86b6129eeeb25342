"""Ridge, discriminant analysis and nearest means in one pass over codes: sums by fold, and a sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.memory import release_free_memory
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.fold_sums import FoldSums, sums_by_fold
from cnncodes.heads.folds import deal_folds
from cnncodes.heads.gathering import gather
from cnncodes.heads.linear_kinds import STATISTIC_PATHS
from cnncodes.heads.paths import LinearSearch
from cnncodes.heads.statistic_paths import Moments
from cnncodes.heads.statistics import add_up
from cnncodes.heads.streamed_rows import Sample, StreamedRows, fit_sample
from cnncodes.heads.streamed_sample import HeldSample, StreamedFit, count_jobs
from cnncodes.heads.sum_search import DECOMPOSING, try_sums
from cnncodes.heads.sweep import HeldOut, Setting, pick

Array = npt.NDArray[Any]

#: Matrices that a thread holds which decomposes.
_AT_WORK = 8


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
        stream, memory, kept=n_folds * len(scalings), working=n_folds + DECOMPOSING * _AT_WORK
    )
    sample = Sample.draw(rows, n_rows, head.random_state)
    found, X = gather(stream, sample.rows, sums_by_fold(rows, numbered, scalings), n_jobs)
    release_free_memory()
    if given is None:
        held = HeldSample.make(X, rows, sample, numbered)
        choice = head._soften(pick(search, _try_all(search, found, held, head.n_folds_, n_jobs)))
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
    search: LinearSearch, found: Sequence[FoldSums], held: HeldSample, n_folds: int, n_jobs: int
) -> Iterator[tuple[str, Setting, HeldOut]]:
    for scaling in search.scalings:
        parts = [one.found for one in found if one.scaling == scaling]
        yield from try_sums(search, scaling, parts, held.of_fold, n_folds, held.rows.preference, n_jobs)
        del parts  # or they would be there yet while those of the next are made
        release_free_memory()
