"""Trying ways to predict one after the other, while there is time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import BackendMissing, UnreadableImages, UsageError
from cnncodes.estimators.inputs import ImageRows, Progress
from cnncodes.estimators.training import number_groups
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation.baselines.budget import Clock, OutOfTimeError
from cnncodes.evaluation.baselines.describing import CnnCodes, Description, split_rows
from cnncodes.evaluation.baselines.learning_curve import LearningCurve, measure_learning_curve
from cnncodes.evaluation.baselines.methods import CLASSES, TRIVIAL, Method
from cnncodes.evaluation.baselines.rungs import Ladder, LeftOut, Rung
from cnncodes.evaluation.baselines.tasks import Answer, Task, resample, subtract
from cnncodes.images import ImageRecord, list_groups

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

#: Rows from which on a fit of some is timed first, and of how many.
_MANY_ROWS, _SOME_ROWS = 1_000, 300

#: How the time of a fit grows with its rows, where that is faster than they do.
_POWERS = {"rbf-svm": 2.0, "kernel-ridge": 2.0, "auto": 2.0}

#: What all others are compared with: a method of the first of these groups that was tried.
_BASE = ("codes", "views", "heads", "pixels", "shapes", *TRIVIAL)

_CURVE = "learning curve"

#: More views take less than so many times as long as fewer: an image is read once, and equal views run once.
_OPTIMISM = 0.5

#: What an estimate of a fit is multiplied by, since going over the budget is worse than leaving one out.
_CAUTION = 1.3


@dataclass(frozen=True)
class _Described:
    """The numbers of all images that can be read, and what they cost: processors, and by the clock."""

    train: ImageRows
    test: ImageRows
    cpu: float
    clock: float


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
    curve: bool = False,
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
    curve : bool
        Also measure, with the method that all are compared with, what fewer training images give.

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
        If nothing could be tried, or a label does not fit the task.
    """
    return _Climb(train, test, task, budget, random_state, n_jobs, on_method).run(methods, curve=curve)


class _TooManyRowsError(Exception):
    """That a head cannot be fitted to so many rows."""


@dataclass(frozen=True)
class _Tried:
    """What a method answered, and what that took."""

    method: Method
    answers: Any  # as the task has them
    made: _Described | None
    shared: bool
    cpu: float
    clock: float


class _Climb:
    def __init__(
        self,
        train: Sequence[ImageRecord],
        test: Sequence[ImageRecord],
        task: Task,
        budget: float | None,
        random_state: int,
        n_jobs: int | None,
        on_method: Callable[[str], Progress | None] | None,
    ) -> None:
        self.clock, self.task = Clock(budget), task
        self.train, self.test = list(train), list(test)
        self.y, self.truth = (task.read([record.label for record in part]) for part in (train, test))
        task.check(self.y)
        task.check_measurable(self.truth)
        self.places = np.arange(len(train)), np.arange(len(test))
        self.failures: list[tuple[str, str]] = []
        self.random_state, self.n_jobs, self.on_method = random_state, n_jobs, on_method
        self.described: dict[Description, _Described] = {}

    def run(self, methods: Sequence[Method], *, curve: bool) -> Ladder:
        tried: list[_Tried] = []
        left_out: list[LeftOut] = []
        found: LearningCurve | None = None
        for method in methods:
            if method.description is None:
                continue
            try:
                tried.append(self._try(method, method.description))
                if curve and found is None and method.group == _BASE[0]:
                    found = self._measure_curve(tried, left_out)  # asked for by name: before what is not
            except OutOfTimeError as late:
                left_out.append(LeftOut(method.title, _explain(late.seconds)))
            except (BackendMissing, _TooManyRowsError) as why:
                left_out.append(LeftOut(method.title, str(why)))
        # Last, since by now it is known which images can be read.
        tried = [self._guess(method) for method in methods if method.description is None] + tried
        if not tried:
            left = "; ".join(f"{one.title}: {one.reason}" for one in left_out) or "there was no method"
            raise UsageError(
                f"nothing could be tried: {left}. Give more time (--budget), or other kinds (--only)."
            )
        if curve and found is None and not any(one.title == _CURVE for one in left_out):
            found = self._measure_curve(tried, left_out)
        return self._conclude(tried, left_out, found)

    def _measure_curve(self, tried: list[_Tried], left_out: list[LeftOut]) -> LearningCurve | None:
        base = _choose_base(tried)
        if base.made is None:
            left_out.append(LeftOut(_CURVE, "no method was tried that learns"))
            return None
        try:
            return measure_learning_curve(
                self._make_training(base.made.train, np.arange(len(self.train))),
                base.made.test,
                self.truth,
                lambda: self._make_head(base.method),
                task=self.task,
                has_time=lambda share: _CAUTION * share * base.clock < self.clock.left,
                test_groups=list_groups(self.test),
                random_state=self.random_state,
            )
        except OutOfTimeError:
            left_out.append(LeftOut(_CURVE, _explain(math.nan)))
            return None

    def _guess(self, method: Method) -> _Tried:
        return _Tried(method, self.task.guess(self.y, len(self.test)), None, False, 0.0, 0.0)

    def _try(self, method: Method, description: Description) -> _Tried:
        if self.clock.left <= 0:
            raise OutOfTimeError(math.nan)
        shared = description in self.described
        if not shared:
            self._check_views(description)
            self.described[description] = self._describe(description)
        made = self.described[description]
        self._check_rows(method, len(made.train.X))
        self._check_time(method, made.train)
        cpu, clock = time.process_time(), time.perf_counter()
        answers = self._learn(method, made.train, np.arange(len(self.train)))(made.test)
        took = time.process_time() - cpu, time.perf_counter() - clock
        return _Tried(method, answers, made, shared, *took)

    def _check_views(self, description: Description) -> None:
        """Raise where fewer views of the same network took so long that these have no chance."""
        if not isinstance(description, CnnCodes):
            return
        for other, made in self.described.items():
            if isinstance(other, CnnCodes) and other.is_of_the_same_network(description):
                needed = made.clock * description.count_views() / other.count_views()
                if _OPTIMISM * needed > self.clock.left:
                    raise OutOfTimeError(needed)

    def _describe(self, description: Description) -> _Described:
        progress = None if self.on_method is None else self.on_method(description.title)
        cpu, clock = time.process_time(), time.perf_counter()
        rows = description.describe(self.train, self.test, self.n_jobs, self.clock.watch(progress))
        took = time.process_time() - cpu, time.perf_counter() - clock
        if rows.failures:
            rows = self._leave_out(rows)
        return _Described(*split_rows(rows, len(self.train)), *took)

    def _leave_out(self, rows: ImageRows) -> ImageRows:
        """Leave images that cannot be read out of everything; the first description finds them."""
        if self.described:
            raise UnreadableImages(
                f"images that could be read before cannot be now: {rows.describe_failures()}"
            )
        good = rows.counts > 0
        parts = good[: len(self.train)], good[len(self.train) :]
        for name, part in zip(("train", "test"), parts, strict=True):
            if not part.any():
                raise UnreadableImages(f"no image to {name} on is left: {rows.describe_failures()}")
        self.failures = [(failure.key, failure.reason) for failure in rows.failures.values()]
        self.places = np.flatnonzero(parts[0]), np.flatnonzero(parts[1])
        self.train = [self.train[i] for i in self.places[0]]
        self.test = [self.test[i] for i in self.places[1]]
        self.y, self.truth = self.y[parts[0]], self.truth[parts[1]]
        if (same := self.task.describe_same(self.y)) is not None:
            raise UnreadableImages(f"{same} are left to train on: {rows.describe_failures()}")
        self.task.check_measurable(self.truth)
        return rows.take(np.flatnonzero(good))

    def _make_head(self, method: Method) -> Any:
        return self.task.make_head(str(method.head), random_state=self.random_state, n_jobs=self.n_jobs)

    def _make_training(self, rows: ImageRows, images: Array) -> Training:
        """Return some training images, whose rows these are."""
        named = list_groups([self.train[i] for i in images])
        groups = number_groups(None if named is None else np.asarray(named), rows.contents)
        return Training(rows, self.y[images], None, groups, "auto", self.random_state)

    def _learn(self, method: Method, rows: ImageRows, images: Array) -> Answer:
        return self.task.learn(self._make_head(method), self._make_training(rows, images))

    def _check_rows(self, method: Method, count: int) -> None:
        """Raise where a head cannot be fitted to so many rows."""
        most = self.task.most_rows(str(method.head))
        if most is not None and count > most:
            raise _TooManyRowsError(f"it takes {most:,} rows at most, and there are {count:,}")

    def _check_time(self, method: Method, rows: ImageRows) -> None:
        """Raise where a fit would take longer than there is time, by the time that a part of it takes."""
        if math.isinf(self.clock.left) or len(rows.X) < _MANY_ROWS:
            return
        strata = self.task.stratify(self.y)
        some = _draw(strata, len(strata) * _SOME_ROWS // len(rows.X), self.random_state)
        begun = time.perf_counter()
        self._learn(method, rows.take(some), some)
        growth = (len(strata) / len(some)) ** _POWERS.get(str(method.head), 1.0)
        needed = _CAUTION * (time.perf_counter() - begun) * growth
        if needed > self.clock.left:
            raise OutOfTimeError(needed)

    def _conclude(self, tried: list[_Tried], left_out: list[LeftOut], curve: LearningCurve | None) -> Ladder:
        base = _choose_base(tried)
        against = self._resample(base.answers)
        return Ladder(
            [self._make_rung(one, None if one is base else against) for one in tried],
            left_out,
            base.method.title,
            *self.places,
            self.failures,
            self.clock.spent,
            *self._count_seen(base),
            curve,
            self.task,
            self.task.find_telling(self.truth, self.task.guess(self.y, len(self.test))),
        )

    def _make_rung(self, one: _Tried, against: Floats | None) -> Rung:
        """Return a method's figures; `against` are the resampled ones that it is compared with."""
        evaluation = self.task.evaluate(
            self.truth, one.answers, groups=list_groups(self.test), random_state=self.random_state
        )
        drawn = self._resample(one.answers)
        described = (0.0, 0.0) if one.made is None else (one.made.cpu, one.made.clock)
        return Rung(
            title=one.method.title,
            group=one.method.group,
            head=one.method.head,
            evaluation=evaluation,
            estimate=getattr(evaluation, self.task.figure.key),
            difference=None if against is None else subtract(drawn, against, len(self.test)),
            describe_seconds=described[0],
            fit_seconds=one.cpu,
            seconds=described[1] + one.clock,
            shared=one.shared,
            answers=one.answers,
            drawn=drawn,
        )

    def _resample(self, answers: Any) -> Floats:
        groups = list_groups(self.test)
        return resample(self.task, self.truth, answers, groups=groups, random_state=self.random_state)

    def _count_seen(self, base: _Tried) -> tuple[int, int]:
        """Return how many test images are training images, too, and how many have a group of these."""
        seen = [0, 0]
        if base.made is not None:
            trained = {*base.made.train.contents}
            seen[0] = sum(content in trained for content in base.made.test.contents)
        groups = [list_groups(records) for records in (self.train, self.test)]
        if groups[0] is not None and groups[1] is not None:
            known = {*groups[0]}
            seen[1] = sum(group in known for group in groups[1])
        return seen[0], seen[1]


def _choose_base(tried: Sequence[_Tried]) -> _Tried:
    """Return what all others are compared with: codes of one view, else pixels, else what there is."""
    return min(tried, key=lambda one: _BASE.index(one.method.group) if one.method.group in _BASE else 99)


def _draw(strata: Array, count: int, random_state: int) -> npt.NDArray[np.int64]:
    """Return about so many places, at least three of each stratum where there are as many."""
    rng = np.random.default_rng(random_state)
    chosen = []
    for stratum in np.unique(strata):
        places = np.flatnonzero(strata == stratum)
        share = max(3, round(count * len(places) / len(strata)))
        chosen.append(rng.permutation(places)[:share])
    return np.sort(np.concatenate(chosen))


def _explain(seconds: float) -> str:
    if math.isnan(seconds):
        return "no time was left"
    return f"it would have taken about {seconds:,.0f} s, and less was left"
