"""Figures of numbers against scikit-learn and SciPy."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from cnncodes.errors import UsageError
from cnncodes.evaluation import evaluate_numbers, measure_ranges
from cnncodes.evaluation.intervals import NO_INTERVAL, draw_weights
from cnncodes.evaluation.numbers import make_statistics

FIGURES = {
    "r2": metrics.r2_score,
    "mae": metrics.mean_absolute_error,
    "rmse": metrics.root_mean_squared_error,
    "median_ae": metrics.median_absolute_error,
    "spearman": lambda y, predicted: stats.spearmanr(y, predicted).statistic,
    "constant_mae": lambda y, _: stats.tmean(np.abs(y - np.median(y))),
    "relative_mae": lambda y, predicted: np.abs(y - predicted).sum() / np.abs(y - np.median(y)).sum(),
}


#: What targets that are all equal leave nothing to measure by.
UNVARIED = ("r2", "spearman", "relative_mae")


def made(n=80, seed=0, rounded=False):
    rng = np.random.default_rng(seed)
    y = rng.normal(3, 2, n)
    predicted = y + rng.normal(0, 1, n)
    return (y.round(), predicted.round()) if rounded else (y, predicted)


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("n", [30, 31])
def test_figures_are_those_of_others_and_so_are_those_of_resamples(n, rounded):
    y, predicted = made(n, rounded=rounded)
    statistics = make_statistics(y, predicted)
    assert set(statistics) == set(FIGURES)
    for weights in [np.ones(n), *draw_weights(n, resamples=20)]:
        drawn = [np.repeat(values, weights.astype(int)) for values in (y, predicted)]
        for name, statistic in statistics.items():
            assert statistic(weights) == pytest.approx(FIGURES[name](*drawn)), name


def test_intervals_are_of_the_bootstrap():
    y, predicted = made()
    found = evaluate_numbers(y, predicted)
    for name in FIGURES:
        figure = getattr(found, name)
        assert figure.low < figure.value < figure.high and figure.n == 80, name
    errors = np.abs(y - predicted)
    half = 1.96 * errors.std() / np.sqrt(80)
    assert (found.mae.high - found.mae.low) / 2 == pytest.approx(half, rel=0.1)


def test_groups_are_drawn_together():
    y, predicted = made(60)
    groups = np.arange(60) // 10
    alone = evaluate_numbers(y, predicted)
    together = evaluate_numbers(y, y + np.repeat(np.arange(6.0), 10), groups=groups)
    assert (alone.n_groups, together.n_groups) == (None, 6)
    assert together.mae.high - together.mae.low > 1


def test_coverage_of_intervals():
    found = evaluate_numbers([0, 0, 0, 0], [1, 2, 3, 4], width=3, coverage=0.9)
    assert (found.covered.value, found.covered.n, found.coverage, found.width) == (0.75, 4, 0.9, 3)
    assert evaluate_numbers([0, 1], [1, 2]).covered is None


@pytest.mark.parametrize(("y", "predicted"), [([0.1] * 5, [1, 2, 3, 4, 5]), ([1, 2, 3], [7, 7, 7])])
def test_what_does_not_vary_has_no_rank_correlation(y, predicted):
    found = evaluate_numbers(y, predicted)
    assert math.isnan(found.spearman.value) and found.mae.value > 0
    assert math.isnan(found.r2.value) == (len(set(y)) == 1)


def test_perfect_predictions():
    found = evaluate_numbers([1, 2, 3], [1, 2, 3])
    assert (found.r2.value, found.rmse.value, found.spearman.value) == (1, 0, 1)
    assert evaluate_numbers([5], [4]).mae.value == 1


@pytest.mark.parametrize(
    ("y", "predicted", "missing"),
    [
        ([1, 2, 3], [1, 2, 2], {}),
        (
            [0.1, 0.1, 0.1],
            [1, 2, 3],
            dict.fromkeys(UNVARIED, "all targets are equal") | {"constant_mae": NO_INTERVAL},
        ),
        ([0, 0], [1, 2], dict.fromkeys(UNVARIED, "all targets are equal") | {"constant_mae": NO_INTERVAL}),
        ([1, 2, 3], [2, 2, 2], {"spearman": "all predictions are equal"}),
        (
            [1],
            [2],
            dict.fromkeys(UNVARIED, "there is only one image")
            | dict.fromkeys(("mae", "rmse", "median_ae", "constant_mae"), NO_INTERVAL),
        ),
        ([1, 2, 4], [2, 3, 5], dict.fromkeys(("mae", "rmse", "median_ae", "spearman"), NO_INTERVAL)),
    ],
)
def test_it_is_said_why_a_figure_is_missing(y, predicted, missing):
    assert evaluate_numbers(y, predicted).missing == missing


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=12))
def test_bounds_hold_for_all_input(pairs):
    y, predicted = np.array(pairs).T
    found = {name: one(np.ones(len(y))) for name, one in make_statistics(y, predicted).items()}
    assert 0 <= found["mae"] <= found["rmse"] * (1 + 1e-9) + 1e-12
    assert not found["spearman"] > 1 and not found["spearman"] < -1 and not found["r2"] > 1


@pytest.mark.parametrize(
    ("y", "predicted", "text"),
    [
        ([], [], "at least one"),
        ([1, 2], [1], "Got shapes"),
        ([[1, 2]], [[1, 2]], "Got shapes"),
        ([1, np.nan], [1, 2], "must be finite"),
        ([1, 2], [1, np.inf], "must be finite"),
        ([1, 2], [1, -1e308], r"numbers up to 1e\+100"),
        (["1", "2"], [1, 2], "y must hold numbers. Got text, '1': numbers that are written as text must be"),
        ([1, 2], [1, "2"], "predicted must hold numbers. Got text, '2'"),
        ([1, 2], np.array([1, "2"], object), "predicted must hold numbers. Got text, '2'"),
        ([b"1", b"2"], [1, 2], "y must hold numbers. Got text, b'1'"),
        ([{1}, {2}], [1, 2], "y must hold numbers. Got set instead"),
    ],
)
def test_what_cannot_be_compared(y, predicted, text):
    with pytest.raises(UsageError, match=text):
        evaluate_numbers(y, predicted)
    with pytest.raises(UsageError, match="groups must have one value"):
        evaluate_numbers([1, 2], [1, 2], groups=[1])


@pytest.mark.parametrize("offset", [1e11, -1e15])
def test_targets_far_from_zero_that_differ_are_not_called_equal(offset):
    y, predicted = offset + np.arange(5.0), offset + np.array([0, 1, 2, 3, 5.0])
    found = evaluate_numbers(y, predicted)
    assert "r2" not in found.missing and found.r2.value == pytest.approx(0.9) and found.r2.low < 0.9
    with_one_far = make_statistics(np.array([1e14, *np.arange(5.0)]), np.array([1e14, 0, 1, 2, 3, 5.0]))
    assert with_one_far["r2"](np.array([0, 1, 1, 1, 1, 1])) == pytest.approx(0.9)


def test_of_no_images_there_are_no_ranges():
    assert measure_ranges(np.empty(0), np.empty(0)) == []


def test_how_many_may_be_farther_off_than_any_here_is_known_whatever_the_errors():
    y = np.arange(32.0)
    found = evaluate_numbers(y, y + np.where(y == 5, -2.5, 0.1))
    assert found.largest_error == 2.5 and (1 - found.beyond) ** 32 == pytest.approx(0.05)
    grouped = evaluate_numbers(y, y + 0.1, groups=y // 4)
    assert (1 - grouped.beyond) ** 8 == pytest.approx(0.05)


NO_NUMBERS = [
    (np.array([1, 2], "datetime64[D]"), "Got datetime64"),
    (np.array([1, 2], "timedelta64[D]"), "Got timedelta64"),
    ([1 + 0j, 2], "Got complex"),
    ([True, False], "Got bool"),
    ([True, 2.5], "Got bool"),
    (np.array([True, False]), "Got bool"),
    (np.array([1, True], object), "Got bool"),
    (np.ma.array([1.0, 2.0], mask=[True, False]), "masked"),
    ([10**400, 1], r"numbers up to 1e\+100"),
]


@pytest.mark.parametrize(("wrong", "text"), NO_NUMBERS)
@pytest.mark.parametrize("measure", [evaluate_numbers, measure_ranges])
def test_what_is_no_number_is_refused(measure, wrong, text):
    with pytest.raises(UsageError, match=f"^y .*{text}"):
        measure(wrong, [1, 2])
    with pytest.raises(UsageError, match=f"predicted .*{text}"):
        measure([1, 2], wrong)


def test_numbers_of_other_kinds_are_read():
    with_nothing_masked = np.ma.array([1.0, 2.0, 4.0], mask=[False] * 3)
    found = evaluate_numbers([Decimal(1), Fraction(2), np.float32(4)], with_nothing_masked)
    assert found.mae.value == 0
    with pytest.raises(UsageError, match="must be finite"):
        evaluate_numbers([1, None, 3], [1, 2, 3])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"coverage": 0.9}, "coverage and width come together. Got coverage=0.9 alone"),
        ({"width": 1}, "coverage and width come together. Got width alone"),
        ({"coverage": 90, "width": 1}, "coverage must be a number between 0 and 1. Got 90"),
        ({"coverage": 0, "width": 1}, "coverage must be a number between 0 and 1. Got 0"),
        ({"coverage": 1, "width": 1}, "coverage must be a number between 0 and 1. Got 1"),
        ({"coverage": 0.9, "width": -1}, "width must be at least 0 and finite.* Got -1"),
        ({"coverage": 0.9, "width": [1, np.nan]}, "width must be at least 0 and finite.* Got nan"),
        ({"coverage": 0.9, "width": np.inf}, "width must be at least 0 and finite.* Got inf"),
        ({"coverage": 0.9, "width": "1"}, "width must hold numbers. Got text, '1'"),
        ({"coverage": 0.9, "width": [1, 2, 3]}, r"one for each image. Got shape \(3,\)"),
    ],
)
def test_intervals_that_are_none_are_refused(given, text):
    with pytest.raises(UsageError, match=text):
        evaluate_numbers([1, 2], [1, 3], **given)


def test_ranges_refuse_a_width_that_is_none():
    with pytest.raises(UsageError, match="width must be at least 0 and finite"):
        measure_ranges([1, 2], [1, 3], width=-1)


@pytest.mark.parametrize(
    ("y", "predicted", "what"),
    [([0, 1, 2], [1e-170, 1, 2], "errors of predictions"), ([0, 1e-170, 2e-170], [3, 4, 5], "spread of y")],
)
def test_what_is_too_small_to_be_squared_is_refused(
    y: list[float], predicted: list[float], what: str
) -> None:
    with pytest.raises(UsageError, match=f"the {what} must be 0 or have squares that can be summed.*: scale"):
        evaluate_numbers(y, predicted)
    assert evaluate_numbers([0, 1e-90, 2e-90], [1e-90, 1e-90, 2e-90]).rmse.value > 0
