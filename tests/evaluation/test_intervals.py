"""The bootstrap's intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnncodes.evaluation import evaluate_predictions
from cnncodes.evaluation.intervals import (
    bootstrap,
    bootstrap_all,
    find_percentiles,
    summarize,
    summarize_positive,
)


def test_nothing_measured_is_no_figure() -> None:
    assert math.isnan(bootstrap(np.mean, 0).value)


def test_bootstrap_of_a_mean_is_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(3).normal(size=400)

    estimate = bootstrap(lambda weights: float(np.average(values, weights=weights)), 400)

    half = 1.96 * values.std() / 20
    assert estimate.value == pytest.approx(values.mean())
    assert (estimate.low, estimate.high) == pytest.approx(
        (values.mean() - half, values.mean() + half), abs=0.02
    )


def test_bootstrap_draws_groups_whole() -> None:
    values = np.repeat(np.random.default_rng(4).normal(size=40), 10)
    groups = [f"patient {i}" for i in range(40) for _ in range(10)]

    def mean(weights: np.ndarray) -> float:
        return float(np.average(values, weights=weights))

    alone, grouped = bootstrap(mean, 400), bootstrap(mean, 400, groups=groups)

    # Ten equal images are worth one: the interval is sqrt(10) times as wide.
    assert (grouped.high - grouped.low) / (alone.high - alone.low) == pytest.approx(math.sqrt(10), rel=0.15)


def test_intervals_of_few_hold_the_mean_about_as_often_as_they_say() -> None:
    rng, runs, held = np.random.default_rng(5), 1000, 0
    for values in rng.normal(size=(runs, 8)):
        drawn = values[rng.integers(8, size=(500, 8))].mean(axis=1)
        found = summarize(values.mean(), drawn, 8, 8)
        held += found.low <= 0 <= found.high
    assert held / runs > 0.92  # the 2.5th percentile and the 97.5th hold it in 0.88


@pytest.mark.parametrize(("units", "least"), [(5, 0.9), (20, 0.92)])
def test_intervals_of_few_losses_hold_the_mean_about_as_often_as_they_say(units: int, least: float) -> None:
    rng, runs, held = np.random.default_rng(8), 600, 0
    for values in rng.exponential(size=(runs, units)):
        drawn = values[rng.integers(units, size=(500, units))].mean(axis=1)
        found = summarize_positive(values.mean(), drawn, units, units)
        held += found.low <= 1 <= found.high
    assert held / runs > least  # percentiles hold it in 0.85 and 0.92, the usual ones in 0.77 and 0.90


@given(
    arrays(np.float64, st.integers(1, 50), elements=st.floats(0, 1e12)),
    st.floats(0, 1e12),
    st.integers(1, 1000),
    st.floats(1, 1e12),
)
def test_an_interval_by_the_logarithm_holds_the_figure_and_ends_where_it_must(
    drawn: np.ndarray, value: float, units: int, most: float
) -> None:
    value = min(value, most)
    found = summarize_positive(value, drawn, 9, units, most=most)
    plain = summarize(value, drawn, 9, units)
    assert found.value == value and found.n == 9
    if math.isnan(plain.low):
        assert math.isnan(found.low) and math.isnan(found.high)
    elif value > 0 and units > 1:
        assert 0 <= found.low <= value <= found.high <= most
    else:
        assert found == plain


@pytest.mark.parametrize("rest", [0.0, 1e-4])
def test_few_large_errors_have_an_interval_that_ends_about_where_that_of_their_number_does(
    rest: float,
) -> None:
    errors = np.where(np.arange(32) < 1, 1.0, rest)
    found = bootstrap(
        lambda weights: float(np.average(errors, weights=weights)), 32, summary=summarize_positive
    )
    # Of one such among 32, Clopper and Pearson's interval is 0.0008 to 0.162.
    assert found.low < 0.0008 and 0.162 < found.high < 0.3


def test_each_of_several_figures_has_an_interval_of_its_own_kind() -> None:
    values = np.random.default_rng(9).exponential(size=30)

    def measure(weights: np.ndarray) -> np.ndarray:
        return np.repeat(np.average(values, weights=weights), 2)

    [plain, positive] = bootstrap_all(measure, 30, summary=[summarize, summarize_positive])
    assert plain.value == positive.value and plain != positive
    assert positive.high / positive.value == pytest.approx(positive.value / positive.low)


def test_intervals_of_groups_are_those_of_as_many_images() -> None:
    values, groups = np.random.default_rng(7).normal(size=8), np.arange(24) % 8

    def mean(weights: np.ndarray) -> float:
        return float(np.average(np.resize(values, len(weights)), weights=weights))

    grouped, alone = bootstrap(mean, 24, groups=groups), bootstrap(mean, 8)
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high))
    assert grouped.n == 24


@given(st.integers(2, 100_000))
def test_the_more_is_drawn_the_nearer_percentiles_are_to_the_usual_ones(units: int) -> None:
    (low, high), (nearer, _) = find_percentiles(units), find_percentiles(units + 1)
    assert 0 <= low <= nearer < 2.5 and low + high == pytest.approx(100)
    assert low > 2.5 - 30 / units


def test_bootstrap_depends_on_random_state_alone() -> None:
    values = np.arange(50.0)

    def mean(weights: np.ndarray) -> float:
        return float(np.average(values, weights=weights))

    assert bootstrap(mean, 50, random_state=1) == bootstrap(mean, 50, random_state=1)
    assert bootstrap(mean, 50, random_state=1) != bootstrap(mean, 50, random_state=2)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 1.0, 1e9 / 7, -0.3])
def test_where_all_resamples_agree_there_is_no_interval(value: float) -> None:
    answers = np.full(9, value)
    estimate = bootstrap(lambda weights: float(np.average(answers, weights=weights)), 9)
    assert estimate.value == pytest.approx(value) and estimate.n == 9
    assert np.isnan(estimate.low) and np.isnan(estimate.high)


def test_each_figure_that_has_no_value_or_no_interval_says_why() -> None:
    right = ["cat", "dog"] * 4
    found = evaluate_predictions(right, np.eye(2)[[0, 1] * 4], ["cat", "dog"])
    names = ("accuracy", "balanced_accuracy", "macro_f1", "top_k_accuracy", "log_loss", "brier")
    unknown = {name for name in names if getattr(found, name) is None or math.isnan(getattr(found, name).low)}
    assert unknown == {"macro_f1", "top_k_accuracy"}
    assert unknown <= set(found.missing) and "accuracy" not in found.missing
    assert found.missing["macro_f1"].startswith("no interval, since nearly all resamples agree")
