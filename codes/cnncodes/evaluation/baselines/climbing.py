"""Trying ways to classify one after the other, while there is time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import BackendMissing, UnreadableImages, UsageError
from cnncodes.estimators.aggregation import score_images
from cnncodes.estimators.inputs import ImageRows, Progress
from cnncodes.estimators.labels import check_several
from cnncodes.estimators.training import fit_scorer, number_groups
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation.baselines.budget import Clock, OutOfTimeError
from cnncodes.evaluation.baselines.describing import CnnCodes, Description, split_rows
from cnncodes.evaluation.baselines.learning_curve import LearningCurve, measure_learning_curve
from cnncodes.evaluation.baselines.methods import Method
from cnncodes.evaluation.baselines.rungs import Ladder, LeftOut, Rung
from cnncodes.evaluation.metrics import evaluate_predictions
from cnncodes.evaluation.paired import compare_paired
from cnncodes.heads.selection import make_head
from cnncodes.images import ImageRecord, list_groups

Array = npt.NDArray[Any]

#: Rows from which on a fit of some is timed first, and of how many.
_MANY_ROWS, _SOME_ROWS = 1_000, 300

#: How the time of a fit grows with its rows, where that is faster than they do.
_POWERS = {"rbf-svm": 2.0, "auto": 2.0}

#: What all others are compared with: a method of the first of these groups that was tried.
_BASE = ("codes", "views", "heads", "pixels", "shapes", "majority")

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
        Tried in this order.
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
        If there is one class alone to train on.
    UsageError
        If nothing could be tried.
    """
    return _Climb(train, test, budget, random_state, n_jobs, on_method).run(methods, curve=curve)


@dataclass(frozen=True)
class _Tried:
    """What a method answered, and what that took."""

    method: Method
    answers: Any  # labels, or probabilities
    classes: Array
    made: _Described | None
    shared: bool
    cpu: float
    clock: float


class _Climb:
    def __init__(
        self,
        train: Sequence[ImageRecord],
        test: Sequence[ImageRecord],
        budget: float | None,
        random_state: int,
        n_jobs: int | None,
        on_method: Callable[[str], Progress | None] | None,
    ) -> None:
        self.clock = Clock(budget)
        self.train, self.test = list(train), list(test)
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
            except BackendMissing as missing:
                left_out.append(LeftOut(method.title, str(missing)))
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
        rows, groups = base.made.train, list_groups(self.train)
        numbered = number_groups(None if groups is None else np.asarray(groups), rows.contents)
        training = Training(rows, _labels(self.train), None, numbered, "auto", self.random_state)
        try:
            return measure_learning_curve(
                training,
                base.made.test,
                _labels(self.test),
                lambda: self._make_head(base.method),
                has_time=lambda share: _CAUTION * share * base.clock < self.clock.left,
                test_groups=list_groups(self.test),
                random_state=self.random_state,
            )
        except OutOfTimeError:
            left_out.append(LeftOut(_CURVE, _explain(math.nan)))
            return None

    def _guess(self, method: Method) -> _Tried:
        names, counts = np.unique(_labels(self.train), return_counts=True)
        answers = np.full(len(self.test), names[counts.argmax()])
        return _Tried(method, answers, names, None, False, 0.0, 0.0)

    def _try(self, method: Method, description: Description) -> _Tried:
        if self.clock.left <= 0:
            raise OutOfTimeError(math.nan)
        shared = description in self.described
        if not shared:
            self._check_views(description)
            self.described[description] = self._describe(description)
        made, y = self.described[description], _labels(self.train)
        check_several(y)
        self._check_time(method, made.train, y)
        cpu, clock = time.process_time(), time.perf_counter()
        scores = score_images(self._fit(method, made.train, self.train), made.test.X, made.test.counts)
        answers = scores.labels if scores.proba is None else scores.proba
        took = time.process_time() - cpu, time.perf_counter() - clock
        return _Tried(method, answers, scores.classes, made, shared, *took)

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
        if len(left := np.unique(_labels(self.train))) < 2:
            raise UnreadableImages(
                f"only images of the class {str(left[0])!r} are left to train on: {rows.describe_failures()}"
            )
        return rows.take(np.flatnonzero(good))

    def _make_head(self, method: Method) -> Any:
        return make_head(method.head, random_state=self.random_state, n_jobs=self.n_jobs)

    def _fit(self, method: Method, rows: ImageRows, records: Sequence[ImageRecord]) -> Any:
        named = list_groups(records)
        groups = None if named is None else np.asarray(named)
        return fit_scorer(self._make_head(method), rows, _labels(records), None, groups)

    def _check_time(self, method: Method, rows: ImageRows, y: Array) -> None:
        """Raise where a fit would take longer than there is time, by the time that a part of it takes."""
        if math.isinf(self.clock.left) or len(rows.X) < _MANY_ROWS:
            return
        some = _draw(y, len(y) * _SOME_ROWS // len(rows.X), self.random_state)
        begun = time.perf_counter()
        self._fit(method, rows.take(some), [self.train[i] for i in some])
        growth = (len(y) / len(some)) ** _POWERS.get(str(method.head), 1.0)
        needed = _CAUTION * (time.perf_counter() - begun) * growth
        if needed > self.clock.left:
            raise OutOfTimeError(needed)

    def _conclude(self, tried: list[_Tried], left_out: list[LeftOut], curve: LearningCurve | None) -> Ladder:
        truth, groups = _labels(self.test), list_groups(self.test)
        options: dict[str, Any] = {"groups": groups, "random_state": self.random_state}
        base = _choose_base(tried)
        rungs = []
        for one in tried:
            labels = _label(one)
            described = (0.0, 0.0) if one.made is None else (one.made.cpu, one.made.clock)
            rungs.append(
                Rung(
                    title=one.method.title,
                    group=one.method.group,
                    head=one.method.head,
                    evaluation=evaluate_predictions(truth, one.answers, one.classes, **options),
                    difference=None
                    if one is base
                    else compare_paired(truth, labels, _label(base), **options),
                    describe_seconds=described[0],
                    fit_seconds=one.cpu,
                    seconds=described[1] + one.clock,
                    shared=one.shared,
                    labels=labels,
                )
            )
        return Ladder(
            rungs,
            left_out,
            base.method.title,
            *self.places,
            self.failures,
            self.clock.spent,
            *self._count_seen(base),
            curve,
        )

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


def _labels(records: Sequence[ImageRecord]) -> Array:
    return np.array([str(record.label) for record in records])


def _label(one: _Tried) -> Array:
    answers = np.asarray(one.answers)
    return answers if answers.ndim == 1 else one.classes[answers.argmax(axis=1)]


def _choose_base(tried: Sequence[_Tried]) -> _Tried:
    """Return what all others are compared with: codes of one view, else pixels, else what there is."""
    return min(tried, key=lambda one: _BASE.index(one.method.group) if one.method.group in _BASE else 99)


def _draw(y: Array, count: int, random_state: int) -> npt.NDArray[np.int64]:
    """Return about so many places, at least three of each class where there are as many."""
    rng = np.random.default_rng(random_state)
    chosen = []
    for name in np.unique(y):
        places = np.flatnonzero(y == name)
        share = max(3, round(count * len(places) / len(y)))
        chosen.append(rng.permutation(places)[:share])
    return np.sort(np.concatenate(chosen))


def _explain(seconds: float) -> str:
    if math.isnan(seconds):
        return "no time was left"
    return f"it would have taken about {seconds:,.0f} s, and less was left"
