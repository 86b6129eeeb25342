"""Fitting a linear head on codes that are read block by block.

Ridge, discriminant analysis and nearest means take one pass, which leaves the statistics of each fold and the
codes of a sample; solutions from statistics are those from the rows. Logistic regression takes one pass too,
for the columns' means and a sample, on which settings are chosen as in memory, and then one for each step.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from cnncodes.embedding.memory import release_free_memory
from cnncodes.errors import UsageError
from cnncodes.heads.base import _name_images
from cnncodes.heads.descent import Covariance, choose_rows
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.folds import Rows, average_by, deal_folds, first_of
from cnncodes.heads.gathering import AllColumns, FoldSums, gather, sums_by_fold
from cnncodes.heads.problem import Problem, Solution
from cnncodes.heads.scaling import Scaler
from cnncodes.heads.solvers import logistic_path
from cnncodes.heads.statistic_paths import STATISTIC_PATHS, Moments
from cnncodes.heads.statistics import ColumnSums, Statistics, add_up
from cnncodes.heads.streamed_descent import Part, StreamedDescent
from cnncodes.heads.streamed_rows import THREADS, Block, Sample, StreamedRows, fit_sample, map_blocks
from cnncodes.heads.sweep import Choice, HeldOut, Search, pick

Array = npt.NDArray[Any]

#: Kinds that can be fitted so.
STREAMED = ("centroid", "ridge", "lda", "logistic")
#: How far above its least value the objective of logistic regression ends, as a share of what it was lowered
#: by: products in float32 know no more.
_EXCESS, _START_EXCESS = 1e-6, 1e-4
#: Threads that decompose at a time, and matrices that each holds.
_DECOMPOSING, _AT_WORK = 2, 8


@dataclass(frozen=True, eq=False)
class StreamedFit:
    """What a streamed fit leaves beside the fitted head.

    Attributes
    ----------
    sample : Sample
        The images whose codes are kept.
    X : float32 ``[number of their rows, D]``
    n_passes : int
        How often the codes of all rows were read.
    """

    sample: Sample
    X: Array
    n_passes: int


def fit_streamed(head: LinearHead, stream: StreamedRows, memory: int) -> StreamedFit:
    """Fit a linear head, choosing what it leaves open, within so many bytes of memory.

    Parameters
    ----------
    head : LinearHead
        Of a kind in `STREAMED`; it comes out fitted. `held_out_` is of the sample's images, by the numbers in
        `stream`.
    stream : StreamedRows
    memory : int
        Bytes that the process may take.

    Raises
    ------
    UsageError
        If the kind cannot be fitted so, a parameter is wrong, or that is too little memory.
    """
    if not isinstance(head, LinearHead) or head.kind not in STREAMED:
        raise UsageError(f"only {', '.join(STREAMED)} can be fitted without all codes in memory.")
    head._check_params()
    if not isinstance(head.cv, int) or isinstance(head.cv, bool):
        raise UsageError(f"cv must be a number where codes are read in blocks. Got {head.cv!r} instead.")
    head.classes_, head.n_features_in_ = stream.classes, stream.n_features
    fit = _fit_logistic if head.kind == "logistic" else _fit_statistics
    # As in memory: threads of ours, so that sums come out the same whatever their number.
    with threadpool_limits(1, user_api="blas"):
        found = fit(head, stream, memory)
    release_free_memory()
    return found


def _fit_statistics(head: LinearHead, stream: StreamedRows, memory: int) -> StreamedFit:
    rows, n_jobs = stream.rows, _count_jobs(head)
    fold = deal_folds(rows, head.cv, head.random_state)
    head.n_folds_ = 0 if fold is None else int(fold.max()) + 1
    search = head._make_search()
    given = None if fold is not None else head._choose_nothing(rows)
    scalings = search.scalings if given is None else (given.scaling,)
    numbered = np.zeros(len(rows.y), np.int64) if fold is None else fold
    n_folds = head.n_folds_ or 1
    n_rows = fit_sample(
        stream, memory, kept=n_folds * len(scalings), working=n_folds + _DECOMPOSING * _AT_WORK
    )
    sample = Sample.draw(rows, n_rows, head.random_state)
    found, X = gather(stream, sample.rows, sums_by_fold(rows, numbered, scalings), n_jobs)
    release_free_memory()
    if given is None:
        weight = _weigh(rows, sample)
        held = _Held(X, rows.take(sample.rows), numbered[sample.rows], weight, rows, sample)
        choice = head._soften(pick(search, _try_all(head.kind, search, found, held, n_jobs)))
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


@dataclass(frozen=True, eq=False)
class _Held:
    """The sample's rows, each held out in its fold; `rows` and `sample` are of all."""

    X: Array
    part: Rows
    fold: Array
    weight: Array
    rows: Rows
    sample: Sample

    def of_fold(self, number: int) -> tuple[Array, HeldOut]:
        """Return the numbers of a fold's rows, and its images without decision values."""
        mine = np.flatnonzero(self.fold == number)
        at = np.flatnonzero(self.sample.rows)[mine]
        images, inverse = np.unique(self.rows.images[at], return_inverse=True)
        weight = np.bincount(inverse, self.weight[mine], minlength=len(images))
        y, groups = (
            (first_of(values, inverse) if len(mine) else values[:0])
            for values in (self.rows.y[at], self.rows.groups[at])
        )
        return mine, HeldOut(np.empty((len(images), 0)), y, weight, images, groups)


def _weigh(rows: Rows, sample: Sample) -> Array:
    """Return weights of the sample's rows by which small classes, drawn more of, have their share."""
    y, weight = rows.y[sample.rows], rows.loss_weight[sample.rows]
    whole = np.bincount(rows.y, rows.loss_weight)
    return np.asarray(weight * (whole / np.bincount(y, weight))[y])


def _try_all(
    kind: str, search: Search, found: Iterable[FoldSums], held: _Held, n_jobs: int
) -> Iterator[tuple[str, tuple[float, ...], HeldOut]]:
    """Yield the held-out answers of every candidate, one after another: all at once may be large."""
    found = list(found)
    size = held.X.shape[1]
    for scaling in search.scalings:
        settings = search.grid(scaling, size)
        parts = [one.found for one in found if one.scaling == scaling]
        folds = Parallel(min(n_jobs, _DECOMPOSING), require="sharedmem")(
            delayed(_FoldPath.make)(kind, scaling, parts, k, settings, held) for k in range(len(parts))
        )
        for setting in settings:
            answers = Parallel(min(n_jobs, _DECOMPOSING), require="sharedmem")(
                delayed(fold.decide)() for fold in folds
            )
            yield scaling, setting, HeldOut.join(answers)


@dataclass(eq=False)
class _FoldPath:
    """The solutions of all folds but one, and the rows of that one, scaled."""

    X: Array
    images: Array
    held_out: HeldOut
    path: Iterator[Solution]

    @classmethod
    def make(
        cls, kind: str, scaling: str, parts: list[Statistics], number: int, settings: Any, held: _Held
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


def _fit_logistic(head: LinearHead, stream: StreamedRows, memory: int) -> StreamedFit:
    rows, n_jobs = stream.rows, _count_jobs(head)
    n_rows = fit_sample(stream, memory, working=_AT_WORK, searches=True)
    sample = Sample.draw(rows, n_rows, head.random_state)

    def make(codes: Array) -> list[AllColumns]:
        return [AllColumns(rows, ColumnSums.empty(codes.mean(axis=0, dtype=np.float64)))]

    (columns,), X = gather(stream, sample.rows, make, n_jobs)
    release_free_memory()
    part = replace(rows.take(sample.rows), X=X)
    choice = _choose(head, part, n_jobs)
    release_free_memory()
    scaler = Scaler() if choice.scaling == "l2" else columns.found.scaler()
    descent = _start(head, scaler, part, choice.setting["C"], _passes(stream, scaler, n_jobs))
    found = descent.minimise(1 / (choice.setting["C"] * float(rows.loss_weight.sum())))
    if not found.converged:
        warnings.warn(
            f"the head did not converge in {found.n_iter} iterations; raise max_iter",
            ConvergenceWarning,
            stacklevel=3,
        )
    head._take_solution(Solution(found.coef, found.intercept, max(1, found.n_iter)), scaler, choice)
    held_out = choice.held_out
    head.held_out_ = None if held_out is None else _name_images(held_out, part, rows.images)
    return StreamedFit(sample, X, 1 + descent.n_passes)


def _passes(stream: StreamedRows, scaler: Scaler, n_jobs: int) -> Any:
    """Return what goes through all rows, scaled."""
    rows = stream.rows
    share = rows.loss_weight / rows.loss_weight.sum()

    def pass_over(look: Any) -> Iterator[Any]:
        def work(block: Block) -> Any:
            start, codes = block
            part = slice(start, start + len(codes))
            scaled: Part = (scaler.apply(codes, np.float32), rows.y[part], share[part])
            return look(scaled)

        return map_blocks(work, stream.read(), n_jobs)

    return pass_over


def _start(head: LinearHead, scaler: Scaler, part: Rows, C: float, pass_over: Any) -> StreamedDescent:
    """Return a descent that begins at the sample's solution, with its covariance."""
    X = scaler.apply(part.X, np.float32)
    some = choose_rows(*X.shape)
    covariance = Covariance.learn(X[some], part.loss_weight[some], of_all=False)
    problem = Problem(
        X,
        part.y,
        part.loss_weight,
        part.n_classes,
        excess=_START_EXCESS,
        max_iter=head.max_iter,
        covariance=covariance,
    )
    start = next(logistic_path(problem, [C]))
    share = part.loss_weight / part.loss_weight.sum()
    return StreamedDescent(pass_over, start, share @ X, covariance, excess=_EXCESS, max_iter=head.max_iter)


def _choose(head: LinearHead, part: Rows, n_jobs: int) -> Choice:
    """Choose on the sample as in memory, by no more threads than memory was set aside for."""
    given = head.n_jobs
    head.n_jobs = n_jobs
    try:
        return head._soften(head._choose(part))
    finally:
        head.n_jobs = given


def _count_jobs(head: LinearHead) -> int:
    return min(THREADS, int(joblib.effective_n_jobs(head.n_jobs)))
