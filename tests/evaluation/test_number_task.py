"""A ladder of numbers: its figures, its first rung, what is told of it in words."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncodes.errors import SourceError, UnreadableImages, UsageError
from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation import evaluate_numbers
from cnncodes.evaluation.baselines import NUMBERS, Ladder, Method, climb, measure_learning_curve
from cnncodes.evaluation.baselines.describing import RawPixels
from cnncodes.evaluation.baselines.tasks import resample, subtract
from cnncodes.evaluation.intervals import bootstrap
from cnncodes.images import ImageRecord
from cnncodes.plain import to_plain

MEDIAN, PIXELS = Method("median", None, None), Method("pixels", RawPixels(), "ridge")

numbers = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20)


def make_records(count: int, seed: int) -> list[ImageRecord]:
    """Noise, labelled by how light it is."""
    rng = np.random.default_rng(seed)
    records = []
    for i, level in enumerate(rng.uniform(20, 180, count)):
        pixels = (level + rng.uniform(0, 60, (16, 16 + i, 3))).astype(np.uint8)
        records.append(ImageRecord(f"{seed}/{i}", pixels, f"{level:.3f}"))
    return records


@functools.cache
def make_ladder() -> Ladder:
    return climb(make_records(40, 0), make_records(30, 1), [MEDIAN, PIXELS], task=NUMBERS, n_jobs=1)


def test_the_first_rung_is_what_evaluate_says_of_the_median() -> None:
    ladder, train, test = make_ladder(), make_records(40, 0), make_records(30, 1)
    truth = [float(str(record.label)) for record in test]
    median = np.median([float(str(record.label)) for record in train])
    first = ladder.rungs[0]
    assert first.title == "median of the training numbers" and first.cost == 0
    assert to_plain(first.evaluation) == to_plain(evaluate_numbers(truth, np.full(30, median)))
    assert first.estimate == first.evaluation.mae


def test_the_best_has_the_least_error_and_is_said_so() -> None:
    ladder = make_ladder()
    assert ladder.best().title == PIXELS.title == ladder.compared_with
    difference = ladder.rungs[0].difference
    assert difference is not None and 0 < difference.low < difference.value < difference.high
    # The median alone costs less, and is clearly worse.
    chosen, gap = ladder.cheapest_as_good()
    assert chosen is ladder.best() and gap.value == 0
    verdict = ladder.describe_choice(ladder.rungs[0], difference)
    assert "too few to tell the best of the methods tried here, raw pixels, 16 x 16: ridge" in verdict
    assert "above it in mean absolute error. Test on more images." in verdict


@settings(max_examples=4)
@given(numbers, st.integers(0, 99))
def test_differences_are_paired_on_the_same_resamples(values: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.array(values)
    a, b = (truth + rng.normal(0, 1 + np.abs(truth)) for _ in range(2))
    given_both = {"groups": None, "random_state": seed}
    drawn = (resample(NUMBERS, truth, one, **given_both) for one in (a, b))
    found = subtract(NUMBERS.figure, *drawn, len(truth), len(truth))
    gain = np.abs(a - truth) - np.abs(b - truth)
    expected = bootstrap(
        lambda weights: float(np.average(gain, weights=weights)), len(truth), random_state=seed
    )
    for name in ("value", "low", "high"):
        scale = float(np.abs(gain).max())
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-9 * scale)


@given(numbers, st.floats(-1e6, 1e6))
def test_no_constant_is_nearer_to_the_training_numbers_than_the_guess(
    values: list[float], other: float
) -> None:
    y = np.array(values)
    guess = NUMBERS.guess(y, 1)[0]
    assert np.abs(y - guess).sum() <= np.abs(y - other).sum() * (1 + 1e-9)


def test_what_leaves_nothing_to_learn_is_said() -> None:
    same = [ImageRecord(f"{i}", np.full((9, 9, 3), i, np.uint8), "3") for i in range(4)]
    with pytest.raises(SourceError, match="all 4 targets are 3: there is nothing to learn"):
        climb(same, make_records(3, 1), [PIXELS], task=NUMBERS)
    broken = ImageRecord("broken", b"no image", "5")
    with pytest.raises(UnreadableImages, match="only images of the number 3 are left to train on: 1 of 8"):
        climb([*same, broken], make_records(3, 1), [PIXELS], task=NUMBERS)
    with pytest.raises(UsageError, match=r"1 of 1 labels is no finite number: 'cat'"):
        NUMBERS.read(["cat"])


def make_rows(count: int, seed: int) -> tuple[ImageRows, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, 30)).astype(np.float32)
    y = X[:, :5].sum(axis=1) + rng.normal(size=count)
    return ImageRows(X, np.ones(count, np.int64), [f"{seed}/{i}" for i in range(count)], {}), y.astype(float)


@pytest.mark.slow
def test_the_error_falls_as_images_are_more_and_the_curve_says_how_far() -> None:
    (rows, y), (test, truth) = make_rows(320, 0), make_rows(200, 1)
    training = Training(rows, y, None, np.arange(320), "auto", 0)
    curve = measure_learning_curve(
        training,
        test,
        truth,
        lambda: NUMBERS.make_head("ridge", random_state=0, n_jobs=1),
        task=NUMBERS,
    )
    assert [point.images for point in curve.points] == [20, 40, 80, 160, 320]
    values = [point.estimate.value for point in curve.points]
    assert values[0] > values[2] > values[-1] > curve.further[0].estimate.value > 0
    assert curve.further[0].gain.value < 0
    assert "would bring about -0." in curve.describe() and "] in mean absolute error, if" in curve.describe()


def test_a_part_of_equal_numbers_is_answered_by_that_number() -> None:
    rows, _ = make_rows(6, 0)
    training = Training(rows, np.full(6, 2.5), None, np.arange(6), "auto", 0)
    head = NUMBERS.make_head("ridge", random_state=0, n_jobs=1)
    assert NUMBERS.learn(head, training)(rows).tolist() == [2.5] * 6


def test_a_head_that_takes_fewer_rows_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnncodes.evaluation.baselines import number_task

    monkeypatch.setattr(number_task, "MOST_ROWS", 39)
    kernels = Method("heads", RawPixels(), "kernel-ridge")
    ladder = climb(make_records(40, 0), make_records(9, 1), [MEDIAN, kernels], task=NUMBERS, n_jobs=1)
    assert [one.reason for one in ladder.left_out] == ["it takes 39 rows at most, and there are 40"]
