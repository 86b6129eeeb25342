"""Logistic regression on codes that are read anew at every step of its descent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning

from cnncodes.embedding.memory import release_free_memory
from cnncodes.errors import warn
from cnncodes.heads.calibration import log_loss
from cnncodes.heads.curvature import Covariance, choose_rows
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.folds import Rows, average_by, deal_folds
from cnncodes.heads.gathering import AllColumns, gather
from cnncodes.heads.problem import Problem, Solution
from cnncodes.heads.scaling import Scaler
from cnncodes.heads.solvers import logistic_path
from cnncodes.heads.statistics import ColumnSums
from cnncodes.heads.streamed_descent import Part, PassOver, StreamedDescent
from cnncodes.heads.streamed_rows import Block, Sample, StreamedRows, fit_sample, map_blocks
from cnncodes.heads.streamed_sample import HeldSample, StreamedFit, count_jobs
from cnncodes.heads.sweep import Choice, HeldOut, pick

Array = npt.NDArray[Any]

#: How far above its least value the objective ends, as a share of what it was lowered by: of the last fit, as
#: products in float32 know little more, and of those before it.
_EXCESS, _START_EXCESS = 1e-5, 1e-4
#: Values of C at most that are tried on all rows, half a power of ten apart.
_STEPS = 8
#: Matrices that are held while the sample's covariance is decomposed.
_AT_WORK = 8


def fit_streamed_logistic(head: LinearHead, stream: StreamedRows, memory: int) -> StreamedFit:
    rows, n_jobs = stream.rows, count_jobs(head)
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
    passes = Passes(stream, scaler, n_jobs)
    start = _start(head, scaler, part, choice.setting["C"])
    held_out = choice.held_out
    if held_out is not None:
        choice = replace(choice, held_out=held_out.named(part, rows.images))
    fold = None if sample.whole or head.C is not None else deal_folds(rows, head.cv, head.random_state)
    if fold is not None:
        choice, start = _settle(head, passes, HeldSample.make(X, rows, sample, fold), choice, start)
    penalty = 1 / (choice.setting["C"] * float(rows.loss_weight.sum()))
    found = start.descend(passes.over(), _EXCESS, head.max_iter).minimise(penalty)
    if not found.converged:
        warn(
            f"the head did not converge in {found.n_iter} iterations; a smaller C does, or a larger max_iter",
            ConvergenceWarning,
        )
    head._take_solution(Solution(found.coef, found.intercept, max(1, found.n_iter)), scaler, choice)
    head.held_out_ = choice.held_out
    return StreamedFit(sample, X, 1 + passes.number)


@dataclass(eq=False)
class Passes:
    """Goes through all rows, scaled, and counts how often."""

    stream: StreamedRows
    scaler: Scaler
    n_jobs: int
    number: int = 0

    def over(self, kept: Array | None = None) -> PassOver:
        """Return what goes once through the rows where `kept`, bool ``[n]``, is true; all without it."""
        rows = self.stream.rows
        weight = rows.loss_weight if kept is None else np.where(kept, rows.loss_weight, 0)
        share = weight / weight.sum()

        def work(block: Block, look: Any) -> Any:
            start, codes = block
            at = np.arange(start, start + len(codes))
            if kept is not None:
                at = at[kept[at]]
                codes = codes[at - start]
            scaled: Part = (self.scaler.apply(codes, np.float32), rows.y[at], share[at])
            return look(scaled)

        def pass_over(look: Any) -> Iterator[Any]:
            self.number += 1
            return map_blocks(lambda block: work(block, look), self.stream.read(), self.n_jobs)

        return pass_over


@dataclass(frozen=True, eq=False)
class _Start:
    """Where a descent begins, and what it knows of the rows beforehand."""

    solution: Solution
    mean: Array
    covariance: Covariance

    def descend(self, pass_over: PassOver, excess: float, max_iter: int) -> StreamedDescent:
        return StreamedDescent(
            pass_over, self.solution, self.mean, self.covariance, excess=excess, max_iter=max_iter
        )


def _start(head: LinearHead, scaler: Scaler, part: Rows, C: float) -> _Start:
    """Return the sample's solution and its covariance."""
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
    share = part.loss_weight / part.loss_weight.sum()
    return _Start(next(logistic_path(problem, [C])), share @ X, covariance)


def _settle(
    head: LinearHead, passes: Passes, held: HeldSample, choice: Choice, start: _Start
) -> tuple[Choice, _Start]:
    """Lower the sample's C as far as that helps heads that learn from all rows but one fold.

    The more rows, the less C should be where there are few rows for each weight: the sample's is too large.
    The first that is tried weighs a row's loss against the penalty as the sample's C did, from whose solution
    that of all rows is not far. From there it goes up while that helps, or else down. Judged are the sample's
    images of that fold. The answers that are kept are those of the best such head.
    """
    part = held.of_fold(0)
    X = passes.scaler.apply(part.X, np.float32)
    kept = held.all_folds != 0
    weight = float(held.rows.loss_weight[kept].sum())
    Cs = [float(choice.setting["C"] * 10 ** (-step / 2)) for step in range(_STEPS)]
    found: dict[int, tuple[Solution, HeldOut]] = {}
    losses: dict[int, float] = {}

    def go(begin: _Start, steps: Iterable[int]) -> None:
        """Try one after another, until the loss rises."""
        descent: StreamedDescent | None = None
        for step in steps:
            if descent is None:
                descent = begin.descend(passes.over(kept), _START_EXCESS, head.max_iter)
            minimum = descent.minimise(1 / (Cs[step] * weight))
            solution = Solution(minimum.coef, minimum.intercept, minimum.n_iter)
            answers = replace(part.held_out, decision=average_by(solution.decision(X), part.images))
            lowest = min(losses.values(), default=np.inf)
            found[step] = solution, answers
            losses[step] = log_loss(answers.decision, answers.y, answers.weight)
            if losses[step] > lowest:
                return

    more = weight / float(held.part.loss_weight.sum())
    first = int(np.clip(round(2 * np.log10(more)), 0, _STEPS - 1))
    go(start, range(first, -1, -1))
    if first == 0 or losses[first] <= losses[first - 1]:
        go(replace(start, solution=found[first][0]), range(first + 1, _STEPS))
    tried = [(choice.scaling, (Cs[step],), found[step][1]) for step in sorted(found, reverse=True)]
    best = pick(head._make_search(), tried)
    table = {name: np.concatenate([choice.table[name], column]) for name, column in best.table.items()}
    solution, _ = found[Cs.index(best.setting["C"])]
    return replace(best, table=table), replace(start, solution=solution)


def _choose(head: LinearHead, part: Rows, n_jobs: int) -> Choice:
    """Choose on the sample as in memory, by no more threads than memory was set aside for."""
    given = head.n_jobs
    head.n_jobs = n_jobs
    try:
        return head._soften(head._choose(part))
    finally:
        head.n_jobs = given
