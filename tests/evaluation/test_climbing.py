"""Methods tried one after the other, while there is time."""

from __future__ import annotations

import builtins
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from cnncodes.errors import UnreadableImages, UsageError
from cnncodes.estimators.inputs import ImageRows
from cnncodes.evaluation.baselines import CLASSES, Ladder, Method, climb
from cnncodes.evaluation.baselines.budget import OutOfTimeError
from cnncodes.evaluation.baselines.describing import CnnCodes, RawPixels, ShapesAndColors
from cnncodes.images import ImageRecord

PIXELS = Method("pixels", RawPixels(), "logistic")
MAJORITY = Method("majority", None, None)


def make_records(count: int, seed: int, label: str | None = None) -> list[ImageRecord]:
    """Dark and light noise in turn, of different sizes."""
    rng = np.random.default_rng(seed)
    records = []
    for i in range(count):
        low, high, name = ((0, 120, "dark"), (130, 256, "light"))[i % 2]
        pixels = rng.integers(low, high, (40 + i, 50, 3), dtype=np.uint8)
        records.append(ImageRecord(f"{seed}/{i}", pixels, label or name))
    return records


@dataclass(frozen=True)
class Noise:
    """Numbers that say nothing, or `signal` times the class; counts how often they are made."""

    title: str
    signal: float = 0.0
    size: int = 8
    calls: list[int] = field(default_factory=list, compare=False)

    def describe(self, train: Sequence[Any], test: Sequence[Any], n_jobs: Any, on_progress: Any) -> ImageRows:
        self.calls.append(1)
        records = [*train, *test]
        rng = np.random.default_rng(0)
        X = rng.normal(size=(len(records), self.size)).astype(np.float32)
        X[:, 0] += [self.signal * (record.label == "light") for record in records]
        for done in range(1, len(records) + 1):
            on_progress(done, len(records), 0)
        contents = [record.key for record in records]
        return ImageRows(X, np.ones(len(records), np.int64), contents, {})


def titles(ladder: Ladder) -> list[str]:
    return [rung.title for rung in ladder.rungs]


def test_each_method_has_its_figures_on_the_same_images() -> None:
    ladder = climb(make_records(30, 0), make_records(10, 1), [MAJORITY, PIXELS], n_jobs=1)
    majority, pixels = ladder.rungs
    assert titles(ladder) == ["majority class", "raw pixels, 16 x 16: logistic"]
    assert (majority.evaluation.accuracy.value, pixels.evaluation.accuracy.value) == (0.5, 1.0)
    assert majority.evaluation.n == pixels.evaluation.n == 10
    assert majority.difference is not None and majority.difference.value == -0.5
    assert pixels.difference is None and ladder.compared_with == pixels.title
    assert pixels.describe_seconds > 0 and pixels.fit_seconds > 0 and majority.cost == 0
    assert pixels.evaluation.log_loss is not None and not ladder.left_out


def test_what_is_made_of_images_is_made_once() -> None:
    noise = Noise("noise")
    methods = [Method("codes", noise, "logistic"), Method("heads", noise, "ridge")]
    ladder = climb(make_records(30, 0), make_records(10, 1), methods, n_jobs=1)
    assert noise.calls == [1] and [rung.shared for rung in ladder.rungs] == [False, True]
    assert ladder.rungs[0].describe_seconds == ladder.rungs[1].describe_seconds


def test_what_cannot_be_read_is_in_no_figure() -> None:
    broken = [ImageRecord("broken", b"no image", "dark"), ImageRecord("other", b"no image", "light")]
    train, test = [broken[0], *make_records(20, 0)], [*make_records(9, 1), broken[1]]
    ladder = climb(train, test, [MAJORITY, PIXELS, Method("codes", Noise("n"), "ridge")], n_jobs=1)
    assert [rung.evaluation.n for rung in ladder.rungs] == [9, 9, 9]
    assert ladder.train.tolist() == list(range(1, 21)) and ladder.test.tolist() == list(range(9))
    assert [key for key, _ in ladder.failures] == ["broken", "other"]


def test_parts_that_cannot_be_read_at_all_are_said() -> None:
    broken = [ImageRecord("broken", b"no image", "dark")]
    with pytest.raises(UnreadableImages, match="no image to test on is left: 1 of 11 .* broken"):
        climb(make_records(10, 0), broken, [PIXELS], n_jobs=1)
    half = [ImageRecord(f"{i}", b"no image", "light") for i in range(3)]
    with pytest.raises(
        UnreadableImages, match="only images of the class 'dark' are left to train on: 3 of 11"
    ):
        climb([*make_records(4, 0, "dark"), *half], make_records(4, 1), [PIXELS], n_jobs=1)


def test_without_time_methods_are_left_out_and_said() -> None:
    slow = Method("codes", Noise("noise"), "logistic")
    ladder = climb(make_records(30, 0), make_records(10, 1), [MAJORITY, PIXELS, slow], budget=1e-9, n_jobs=1)
    assert titles(ladder) == ["majority class"]
    assert [(one.title, one.reason) for one in ladder.left_out] == [
        ("raw pixels, 16 x 16: logistic", "no time was left"),
        ("noise: logistic", "no time was left"),
    ]


def test_the_budget_counts_from_when_it_began() -> None:
    began = time.perf_counter() - 1000.0
    methods = [MAJORITY, PIXELS, Method("codes", Noise("noise"), "logistic")]
    ladder = climb(make_records(9, 0), make_records(9, 1), methods, budget=900.0, n_jobs=1, began=began)
    assert [(one.reason, one.group) for one in ladder.left_out] == [
        ("no time was left", "pixels"), ("no time was left", "codes")
    ]  # fmt: skip
    assert ladder.seconds > 1000


@dataclass(frozen=True)
class SlowCodes(CnnCodes):
    """Codes that are given up, as ones that take 150 s a view."""

    calls: list[str] = field(default_factory=list, compare=False)

    def describe(self, train: Sequence[Any], test: Sequence[Any], n_jobs: Any, on_progress: Any) -> ImageRows:
        self.calls.append(self.views)
        raise OutOfTimeError(150.0 * self.count_views())


def test_what_was_given_up_is_not_begun_again_nor_with_more_views() -> None:
    center, flip, crops = (SlowCodes("net", views) for views in ("center", "flip", "tencrop"))
    other = SlowCodes("other", "center")
    methods = [Method("views", one, "logistic") for one in (center, flip, crops, other)]
    methods.insert(1, Method("heads", center, "ridge"))
    ladder = climb(make_records(30, 0), make_records(10, 1), [MAJORITY, *methods], budget=100.0, n_jobs=1)
    assert (center.calls, flip.calls, crops.calls, other.calls) == (["center"], [], [], ["center"])
    assert [one.reason.split()[5] for one in ladder.left_out] == ["150", "150", "300", "1,500", "150"]


def test_a_fit_of_many_rows_is_timed_on_some_first(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnncodes.evaluation.baselines import forecasting

    monkeypatch.setattr(forecasting, "_MANY_ROWS", 100)
    monkeypatch.setattr(forecasting, "_SOME_ROWS", 50)
    monkeypatch.setattr(forecasting, "CAUTION", 1e9)
    method = Method("codes", Noise("noise"), "ridge")
    ladder = climb(make_records(200, 0), make_records(10, 1), [MAJORITY, method], budget=1000.0, n_jobs=1)
    assert titles(ladder) == ["majority class"]
    assert "it would have taken about" in ladder.left_out[0].reason
    monkeypatch.setattr(forecasting, "CAUTION", 1e-9)
    ladder = climb(make_records(200, 0), make_records(10, 1), [MAJORITY, method], budget=1000.0, n_jobs=1)
    assert titles(ladder) == ["majority class", "noise: ridge"]


def test_a_missing_extra_leaves_its_methods_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("skimage"):
            raise ImportError(name)
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    methods = [PIXELS, Method("shapes", ShapesAndColors(), "logistic")]
    ladder = climb(make_records(30, 0), make_records(10, 1), methods, n_jobs=1)
    assert titles(ladder) == [PIXELS.title]
    assert "scikit-image is not installed" in ladder.left_out[0].reason


def test_classes_that_no_method_can_learn_are_named() -> None:
    y, truth = (CLASSES.read(labels) for labels in (["a", "b", "c"], ["a", "zebra", "zebra"]))
    [said] = CLASSES.list_doubts(y, truth)
    assert said == (
        "1 of 4 classes has test images alone, so that no method can learn it, and its 2 images count as"
        " wrong: 'zebra'"
    )
    assert CLASSES.list_doubts(y, truth[:1]) == []


def test_an_interrupt_is_passed_on_after_what_was_tried_is_handed_over() -> None:
    def begin(title: str) -> None:
        if title == "late":
            raise KeyboardInterrupt

    handed: list[Ladder] = []
    methods = [
        MAJORITY,
        PIXELS,
        Method("codes", Noise("late"), "ridge"),
        Method("heads", Noise("later"), "ridge"),
    ]
    parts = make_records(30, 0), make_records(10, 1)
    with pytest.raises(KeyboardInterrupt):
        climb(*parts, methods, n_jobs=1, on_method=begin, on_interrupt=handed.append)
    [ladder] = handed
    assert titles(ladder) == [MAJORITY.title, PIXELS.title] and ladder.best().title == PIXELS.title
    assert [(one.title, one.reason, one.interrupted) for one in ladder.left_out] == [
        ("late: ridge", "it was interrupted", True),
        ("later: ridge", "the comparison was interrupted before", True),
    ]
    assert ladder.describe_choice(*ladder.cheapest_as_good()).endswith(
        " It was interrupted before the end of 2 of 4 methods, which may be better."
    )


def test_interrupted_before_anything_learned_the_guess_is_handed_over() -> None:
    def begin(title: str) -> None:
        raise KeyboardInterrupt

    handed: list[Ladder] = []
    parts = make_records(30, 0), make_records(10, 1)
    for methods in ([PIXELS], [MAJORITY, PIXELS]):
        with pytest.raises(KeyboardInterrupt):
            climb(*parts, methods, n_jobs=1, on_method=begin, on_interrupt=handed.append)
    [ladder] = handed  # without a guess there is nothing
    assert titles(ladder) == [MAJORITY.title]
    assert ladder.describe_choice(*ladder.cheapest_as_good()) == (
        "It was interrupted before the end of 1 of 2 methods, which may be better."
    )


@pytest.mark.parametrize(("title", "reason"), [
    ("first", "the comparison was interrupted before"), ("second", None),
])  # fmt: skip
def test_interrupted_it_keeps_the_learning_curve_or_says_why_there_is_none(
    title: str, reason: str | None
) -> None:
    def begin(begun: str) -> None:
        if begun == title:
            raise KeyboardInterrupt

    handed: list[Ladder] = []
    methods = [
        MAJORITY,
        Method("codes", Noise("first", 9.0), "ridge"),
        Method("views", Noise("second"), "ridge"),
    ]
    with pytest.raises(KeyboardInterrupt):
        climb(
            make_records(30, 0),
            make_records(10, 1),
            methods,
            n_jobs=1,
            on_method=begin,
            on_interrupt=handed.append,
            curve=True,
        )
    [ladder] = handed
    assert (ladder.curve is None) == (reason is not None)
    assert [one.reason for one in ladder.left_out if one.title == "learning curve"] == [reason] * bool(reason)


def test_a_learning_curve_is_that_of_a_method_that_learns() -> None:
    methods = [MAJORITY, Method("int8", Noise("first", 9.0), "ridge")]
    ladder = climb(make_records(30, 0), make_records(10, 1), methods, n_jobs=1, curve=True)
    assert ladder.compared_with == "first: ridge" and not ladder.left_out
    assert ladder.curve is not None and ladder.curve.points[-1].images == 30


@pytest.mark.parametrize("budget", ["5m", -1, 0, float("nan")])
def test_a_budget_that_is_no_time_is_refused(budget: object) -> None:
    with pytest.raises(UsageError, match="budget must be seconds, above 0, or None"):
        climb(make_records(4, 0), make_records(4, 1), [MAJORITY], budget=budget)  # type: ignore[arg-type]
