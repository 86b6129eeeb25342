"""Accuracy against the number of training images."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation.baselines.budget import OutOfTimeError
from cnncodes.evaluation.baselines.learning_curve import (
    CurvePoint,
    LearningCurve,
    _draw_luck,
    _extrapolate,
    _predict,
    measure_learning_curve,
)
from cnncodes.evaluation.baselines.methods import CLASSES
from cnncodes.evaluation.figures import FIGURES
from cnncodes.evaluation.intervals import Estimate
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


@pytest.mark.parametrize("exponent", [0.3, 0.7, 1.0])
def test_a_power_law_is_met(exponent: float) -> None:
    sizes = np.array([50.0, 100, 200, 400, 800])
    errors = 0.05 + 2 * sizes**-exponent
    found = _predict(sizes, errors[None], np.array([1600.0, 3200]))[0]
    np.testing.assert_allclose(found, 0.05 + 2 * np.array([1600.0, 3200]) ** -exponent, atol=2e-3)


def test_a_curve_that_rises_promises_nothing_and_no_error_is_below_zero() -> None:
    sizes, wanted = np.array([50.0, 100, 200]), np.array([400.0, 800])
    np.testing.assert_allclose(_predict(sizes, np.array([[0.1, 0.2, 0.3]]), wanted), 0.3)
    steep = _predict(sizes, np.array([[0.9, 0.3, 0.01]]), wanted)
    assert (steep >= 0).all()


@pytest.mark.parametrize(("key", "errors"), [("mae", [0.9, 2.0, 3.0]), ("accuracy", [0.1, 0.2, 0.3])])
@pytest.mark.parametrize("noise", [0.01, 2.0])
def test_where_errors_do_not_fall_nothing_is_extrapolated(
    key: str, errors: list[float], noise: float
) -> None:
    figure, sizes = FIGURES[key], np.array([50.0, 100, 200])
    measured = figure.to_error(np.array(errors))
    spread = measured + noise * np.linspace(-1, 1, 100)[:, None] * [1, 0, 0]
    luck = np.zeros(100)
    assert _extrapolate(sizes, measured, spread, luck, 40, figure) == []
    points = [CurvePoint(50 * 2**i, 5, Estimate(one, one, one, 40)) for i, one in enumerate(measured)]
    said = LearningCurve(points, [], True, figure).describe()
    assert said == "errors did not fall with more training images: nothing says that more labels would help"
    assert _extrapolate(sizes, measured[::-1], spread[:, ::-1], luck, 40, figure)


def test_the_luck_of_the_images_is_in_what_more_would_bring() -> None:
    sizes, errors = np.array([50.0, 100, 200]), np.array([0.3, 0.2, 0.15])
    drawn = np.repeat(1 - errors[None], 500, axis=0)
    luck = np.random.default_rng(0).normal(0, 0.02, 500)
    sure, [unsure, *_] = (
        _extrapolate(sizes, 1 - errors, drawn, some, 40, FIGURES["accuracy"]) for some in (0 * luck, luck)
    )
    assert np.isnan(sure[0].gain.low) and sure[0].gain.value == unsure.gain.value
    assert unsure.gain.high - unsure.gain.low == pytest.approx(2 * 1.96 * 0.02, rel=0.1)


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
