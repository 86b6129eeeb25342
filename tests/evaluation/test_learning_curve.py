"""Accuracy against the number of training images."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation.baselines.budget import OutOfTimeError
from cnncodes.evaluation.baselines.learning_curve import (
    LearningCurve,
    _draw_luck,
    measure_learning_curve,
)
from cnncodes.evaluation.baselines.methods import CLASSES
from cnncodes.heads.estimator import LinearHead


def make_rows(count: int, seed: int, spread: float = 3.0, size: int = 40) -> tuple[ImageRows, np.ndarray]:
    """Two classes a little apart in one of many columns."""
    rng = np.random.default_rng(seed)
    y = np.array(["a", "b"])[np.arange(count) % 2]
    X = rng.normal(size=(count, size)).astype(np.float32) * spread
    X[:, :5] += 2 * (y == "b")[:, None]
    return ImageRows(X, np.ones(count, np.int64), [f"{seed}/{i}" for i in range(count)], {}), y


def make_training(count: int, seed: int = 0, groups: np.ndarray | None = None) -> Training:
    rows, y = make_rows(count, seed)
    return Training(rows, y, None, np.arange(count) if groups is None else groups, "auto", 0)


def make_head() -> LinearHead:
    return LinearHead("ridge", C=0.01, scaling="standard", cv=2)


def measure(count: int = 640, **options: object) -> LearningCurve:
    test, truth = make_rows(400, 1)
    return measure_learning_curve(make_training(count), test, truth, make_head, **options)  # type: ignore[arg-type]


def test_more_images_are_better_and_the_curve_goes_on() -> None:
    curve = measure()
    assert [point.images for point in curve.points] == [40, 80, 160, 320, 640] and curve.complete
    assert "no time" not in curve.describe()
    assert [point.draws for point in curve.points] == [5, 5, 5, 5, 1]
    values = [point.estimate.value for point in curve.points]
    assert values[0] < values[2] < values[-1]
    for point in curve.points:
        assert point.estimate.low <= point.estimate.value <= point.estimate.high and point.estimate.n == 400
    twice, fourfold = curve.further
    assert (twice.images, fourfold.images) == (1280, 2560)
    assert values[-1] <= twice.estimate.value <= fourfold.estimate.value <= 1
    assert twice.gain.value == pytest.approx(twice.estimate.value - values[-1])
    assert "1,280 labelled images instead of 640 would bring about +" in curve.describe()


def test_what_twice_as_many_bring_is_about_what_was_said() -> None:
    said = measure(320).further[0].estimate
    test, truth = make_rows(400, 1)
    found = measure_learning_curve(make_training(640), test, truth, make_head).points[-1].estimate.value
    assert said.low - 0.03 <= found <= said.high + 0.03


def test_one_group_is_all_there_is_of_every_part() -> None:
    test, truth = make_rows(40, 1)
    training = make_training(40, groups=np.zeros(40))
    answers = CLASSES.learn(make_head(), make_training(40))(test)
    curve = measure_learning_curve(training, test, truth, make_head, answers=answers)
    assert [(point.images, point.draws) for point in curve.points] == [(40, 1)]


def test_the_same_state_gives_the_same_curve() -> None:
    assert measure(160) == measure(160)


def test_few_images_have_fewer_sizes_and_no_prospect() -> None:
    curve = measure(8)
    assert [point.images for point in curve.points] == [4, 8] and curve.further == []
    assert "2 sizes of the training part cannot say" in curve.describe()
    ended = dataclasses.replace(curve, points=curve.points[:1], complete=False).describe()
    assert ended.endswith("no time to train on more than these 4: give more)")


def test_without_time_the_curve_ends_and_says_so() -> None:
    asked: list[float] = []

    def has_time(share: float) -> bool:
        asked.append(share)
        return len(asked) < 4

    curve = measure(640, has_time=has_time)
    assert asked == [5 / 16, 5 / 8, 5 / 4, 5 / 2] and not curve.complete
    assert "no time to train on more than these" in curve.describe()
    assert [point.images for point in curve.points] == [40, 80, 160] and curve.further[0].images == 320
    with pytest.raises(OutOfTimeError):
        measure(640, has_time=lambda share: False)


def test_groups_are_drawn_whole() -> None:
    groups = np.arange(640) // 8  # of both classes
    seen: list[np.ndarray] = []

    class Watching(LinearHead):
        def fit(self, X, y, sample_weight=None, groups=None, images=None):  # type: ignore[no-untyped-def]
            seen.append(np.bincount(np.unique(groups, return_inverse=True)[1]))
            return super().fit(X, y, sample_weight, groups, images)

    test, truth = make_rows(100, 1)
    measure_learning_curve(
        make_training(640, groups=groups),
        test,
        truth,
        lambda: Watching("ridge", C=0.01, scaling="standard", cv=2),
    )
    assert all(set(np.unique(sizes)) <= {4, 8} for sizes in seen)  # four of each class


def test_the_luck_of_all_images_is_that_of_draws_and_falls_with_their_number() -> None:
    # As draws of so many images from endless ones would vary, less what those of few images share.
    rng, sizes, spread = np.random.default_rng(0), np.array([25.0, 50, 100]), 0.04
    measured = [rng.normal(0.8, spread * np.sqrt(100 / size * (1 - size / 200)), 400) for size in sizes]
    luck = _draw_luck(np.append(sizes, 200), [*measured, np.array([0.8])], 200, rng)
    assert luck.std() == pytest.approx(spread / np.sqrt(2), rel=0.15)
    assert not _draw_luck(sizes[:1], [np.array([0.8])], 200, rng).any()


def test_of_one_test_image_a_size_has_no_interval() -> None:
    test, truth = make_rows(1, 1)
    last = measure_learning_curve(make_training(40), test, truth, make_head).points[-1].estimate
    assert np.isnan([last.low, last.high]).all() and last.n == 1


def test_answers_that_are_known_end_the_curve_for_nothing() -> None:
    test, _ = make_rows(400, 1)
    known = CLASSES.learn(make_head(), make_training(640))(test)
    asked: list[float] = []

    def has_time(share: float) -> bool:
        asked.append(share)
        return len(asked) < 3

    curve = measure(640, has_time=has_time, answers=known)
    assert asked == [5 / 16, 5 / 8, 5 / 4] and not curve.complete
    assert [point.images for point in curve.points] == [40, 80, 640] and curve.further[0].images == 1280
    assert curve.describe().endswith("(there was no time for all sizes: give more)")
    evaluated = CLASSES.evaluate(make_rows(400, 1)[1], known, groups=None, random_state=0)
    assert curve.points[-1].estimate == evaluated.accuracy
    assert curve.points[-1].estimate.value == measure(640).points[-1].estimate.value
    with pytest.raises(OutOfTimeError):
        measure(640, has_time=lambda share: False, answers=known)
