"""Trying ways to predict one after the other, while there is time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import BackendMissing, UnreadableImages, UsageError
from cnncodes.estimators.inputs import Progress
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation.baselines.budget import Clock, OutOfTimeError
from cnncodes.evaluation.baselines.describing import Description, split_rows
from cnncodes.evaluation.baselines.forecasting import CAUTION, check_fit, check_views
from cnncodes.evaluation.baselines.learning_curve import LearningCurve, measure_learning_curve
from cnncodes.evaluation.baselines.methods import CLASSES, CODES, Method
from cnncodes.evaluation.baselines.parts import Parts, count_seen
from cnncodes.evaluation.baselines.rungs import Ladder, LeftOut, Rung
from cnncodes.evaluation.baselines.tasks import Answer, Task, subtract
from cnncodes.evaluation.baselines.tried import BASE, Described, Tried, choose_base
from cnncodes.evaluation.intervals import count_drawn
from cnncodes.images import ImageRecord

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_CURVE = "learning curve"


def climb(
    train: Sequence[ImageRecord],
    test: Sequence[ImageRecord],
    methods: Sequence[Method],
    *,
    task: Task = CLASSES,
    budget: float | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
    on_method: Callable[[str], Progress | None] | None = None,
    on_interrupt: Callable[[Ladder], object] | None = None,
    curve: bool = False,
    began: float | None = None,
) -> Ladder:
    """Train and test each method on the same images.

    Images that a method cannot read are in none of the figures. A method whose images would take longer than
    there is time is given up as soon as that is seen, and so is a fit, of which a part is timed first.

    Parameters
    ----------
    train, test : sequence of ImageRecord
        Labelled.
    methods : sequence of Method
        Of the same task, tried in this order.
    task : Task
        What is predicted: `CLASSES` (one class an image), `NUMBERS`, or a `LabelTask`.
    budget : float, optional
        Seconds by the clock; what does not fit is left out.
    random_state : int
        Decides folds and intervals.
    n_jobs : int, optional
        Images, and folds, worked on at once.
    on_method : callable, optional
        Called with the title of each description as it begins; returns what is called with done, total and
        failed images.
    on_interrupt : callable, optional
        Called, where Ctrl-C or a signal ends it, with what was tried by then, if anything was;
        a guess takes no time.
    curve : bool
        Also measure, with the method that all are compared with, what fewer training images give.
    began : float, optional
        When the budget did, by `time.perf_counter`: opening the source is part of it, too. [now]

    Returns
    -------
    Ladder

    Raises
    ------
    UnreadableImages
        If none of a part can be read.
    SourceError
        If the labels leave nothing to learn, as where there is one class alone.
    UsageError
        If nothing could be tried, `budget` is no time, or a label does not fit the task.
    """
    if isinstance(budget, bool | str) or not (budget is None or budget > 0):
        raise UsageError(f"budget must be seconds, above 0, or None for any time. Got {budget!r}.")
    climb = _Climb(train, test, task, Clock(budget, began), random_state, n_jobs, on_method)
    try:
        return climb.run(methods, curve=curve)
    except KeyboardInterrupt:
        if on_interrupt is not None and (ladder := climb.stop(methods, curve=curve)) is not None:
            on_interrupt(ladder)
        raise


class _TooManyRowsError(Exception):
    """That a head cannot be fitted to so many rows."""


class _Climb:
    def __init__(
        self,
        train: Sequence[ImageRecord],
        test: Sequence[ImageRecord],
        task: Task,
        clock: Clock,
        random_state: int,
        n_jobs: int | None,
        on_method: Callable[[str], Progress | None] | None,
    ) -> None:
        self.clock, self.task = clock, task
        self.parts = Parts(train, test, task, random_state)
        self.n_jobs, self.on_method = n_jobs, on_method
        self.described: dict[Description, Described] = {}
        self.tried: list[Tried] = []
        self.left_out: list[LeftOut] = []
        self.given_up: dict[Description, float] = {}
        self.begun: str | None = None
        self.curve: LearningCurve | None = None

    def run(self, methods: Sequence[Method], *, curve: bool) -> Ladder:
        for method in methods:
            if method.description is None:
                continue
            self.begun = method.title
            try:
                self.tried.append(self._try(method, method.description))
                if curve and self.curve is None and method.group == BASE[0]:
                    self.curve = self._measure_curve(self.tried)  # asked for by name: before what is not
            except (OutOfTimeError, BackendMissing, _TooManyRowsError) as why:
                late = isinstance(why, OutOfTimeError)
                self.left_out.append(LeftOut(method.title, str(why), late, group=method.group))
        tried = self._with_guesses(methods)
        if not tried:
            left = "; ".join(f"{one.title}: {one.reason}" for one in self.left_out) or "there was no method"
            raise UsageError(
                f"nothing could be tried: {left}. Give more time (--budget), or other kinds (--only)."
            )
        if curve and self.curve is None and not any(one.title == _CURVE for one in self.left_out):
            self.curve = self._measure_curve(tried)
        return self._conclude(tried)

    def stop(self, methods: Sequence[Method], *, curve: bool) -> Ladder | None:
        """Return what was tried until an interrupt, None if nothing was; the rest is left out for that."""
        tried = self._with_guesses(methods)
        if not tried:
            return None
        done = {one.method.title for one in self.tried} | {one.title for one in self.left_out}
        rest = [method for method in methods if method.description and method.title not in done]
        self.left_out += [
            LeftOut(one.title, self._say_interrupted(one.title), interrupted=True, group=one.group)
            for one in rest
        ]
        if curve and self.curve is None and _CURVE not in done:
            self.left_out.append(LeftOut(_CURVE, self._say_interrupted(_CURVE)))
        return self._conclude(tried)

    def _say_interrupted(self, title: str) -> str:
        return "it was interrupted" if title == self.begun else "the comparison was interrupted before"

    def _with_guesses(self, methods: Sequence[Method]) -> list[Tried]:
        """Return all that was tried; guesses are made now, when it is known which images can be read."""
        return [self._guess(method) for method in methods if method.description is None] + self.tried

    def _measure_curve(self, tried: list[Tried]) -> LearningCurve | None:
        base = choose_base(tried)
        if base.made is None:
            self.left_out.append(LeftOut(_CURVE, "no method was tried that learns"))
            return None
        self.begun = _CURVE
        try:
            return measure_learning_curve(
                self.parts.make_training(base.made.train),
                base.made.test,
                self.parts.truth,
                lambda: self._make_head(base.method),
                task=self.task,
                has_time=lambda share: CAUTION * share * base.clock < self.clock.left,
                test_groups=self.parts.drawn.groups,
                answers=base.answers,
                random_state=self.parts.random_state,
            )
        except OutOfTimeError as late:
            self.left_out.append(LeftOut(_CURVE, str(late)))
            return None

    def _guess(self, method: Method) -> Tried:
        return Tried(method, self.parts.guess(), None, False, 0.0, 0.0)

    def _try(self, method: Method, description: Description) -> Tried:
        if self.clock.left <= 0:
            raise OutOfTimeError(math.nan)
        shared = description in self.described
        if not shared:
            clocks = {other: made.clock for other, made in self.described.items()}
            check_views(description, clocks, self.given_up, self.clock.left)
            try:
                self.described[description] = self._describe(description)
            except OutOfTimeError as late:
                self.given_up[description] = late.seconds
                raise
        made = self.described[description]
        self._check_rows(method, len(made.train.X))
        training = self.parts.make_training(made.train)
        check_fit(
            str(method.head),
            self.task.stratify(self.parts.y),
            len(made.train.X),
            lambda places: self._learn(method, training.take(places)),
            self.clock,
            self.parts.random_state,
        )
        cpu, clock = time.process_time(), time.perf_counter()
        answers = self._learn(method, training)(made.test)
        took = time.process_time() - cpu, time.perf_counter() - clock
        return Tried(method, answers, made, shared, *took)

    def _describe(self, description: Description) -> Described:
        progress = None if self.on_method is None else self.on_method(description.title)
        cpu, clock = time.process_time(), time.perf_counter()
        parts = self.parts
        rows = description.describe(parts.train, parts.test, self.n_jobs, self.clock.watch(progress))
        took = time.process_time() - cpu, time.perf_counter() - clock
        if rows.failures and self.described:
            raise UnreadableImages(
                f"images that could be read before cannot be now: {rows.describe_failures()}"
            )
        if rows.failures:
            rows = parts.leave_out(rows)
        if not self.described:
            parts.join_equal(rows)
        return Described(*split_rows(rows, len(parts.train)), *took)

    def _make_head(self, method: Method) -> Any:
        return self.task.make_head(str(method.head), random_state=self.parts.random_state, n_jobs=self.n_jobs)

    def _learn(self, method: Method, training: Training) -> Answer:
        return self.task.learn(self._make_head(method), training)

    def _check_rows(self, method: Method, count: int) -> None:
        """Raise where a head cannot be fitted to so many rows."""
        most = self.task.most_rows(str(method.head))
        if most is not None and count > most:
            raise _TooManyRowsError(f"it takes {most:,} rows at most, and there are {count:,}")

    def _conclude(self, tried: list[Tried]) -> Ladder:
        base = choose_base(tried)
        parts, against = self.parts, self.parts.resample(base.answers)
        seen = (0, parts.count_seen_groups())
        if base.made is not None:
            seen = (count_seen(base.made.train, base.made.test), seen[1])
        return Ladder(
            [self._make_rung(one, None if one is base else against) for one in tried],
            self.left_out,
            base.method.title,
            *parts.places,
            parts.failures,
            self.clock.spent,
            *seen,
            self.curve,
            self.task,
            self.task.find_telling(parts.truth, parts.guess()),
            parts.drawn,
            next((one.made for one in tried if one.method.group in CODES), None),
        )

    def _make_rung(self, one: Tried, against: Floats | None) -> Rung:
        """Return a method's figures; `against` are the resampled ones that it is compared with."""
        evaluation, drawn = self.parts.evaluate(one.answers), self.parts.resample(one.answers)
        figure, n = self.task.figure, len(self.parts.test)
        units = count_drawn(n, self.parts.drawn.groups)
        described = (0.0, 0.0) if one.made is None else (one.made.cpu, one.made.clock)
        return Rung(
            title=one.method.title,
            group=one.method.group,
            head=one.method.head,
            evaluation=evaluation,
            estimate=getattr(evaluation, figure.key),
            difference=None if against is None else subtract(figure, drawn, against, n, units),
            describe_seconds=described[0],
            fit_seconds=one.cpu,
            seconds=described[1] + one.clock,
            shared=one.shared,
            answers=one.answers,
            drawn=drawn,
        )
