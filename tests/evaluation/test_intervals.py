"""Wilson's interval and the bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.evaluation import evaluate_predictions
from cnncodes.evaluation.intervals import bootstrap, count_independent, wilson


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # Roots of (share - p)^2 = z^2 p (1 - p) / n, which defines the interval.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_published_intervals(right: int, n: int, low: float, high: float) -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    estimate = wilson(right, n)

    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 10_000), st.data())
def test_wilson_solves_its_equation(n: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, n))
    estimate = wilson(right, n)

    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low < estimate.high
    for end in (estimate.low, estimate.high):
        assert (estimate.value - end) ** 2 == pytest.approx(
            1.959963984540054**2 * end * (1 - end) / n, abs=1e-9
        )


def test_nothing_measured_is_no_figure() -> None:
    assert math.isnan(wilson(0, 0).value)
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
    assert unknown == {"macro_f1", "top_k_accuracy", "log_loss", "brier"}
    assert unknown <= set(found.missing) and "accuracy" not in found.missing
    assert found.missing["macro_f1"].startswith("no interval, since nearly all resamples agree")


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=60))
def test_images_of_groups_count_for_one_to_all_of_them(images: list[tuple[int, bool]]) -> None:
    groups, right = np.array([group for group, _ in images]), np.array([told for _, told in images])
    found = count_independent(right, groups)
    assert 1 <= found <= len(images)
    assert count_independent(right, np.arange(len(images))) == len(images)
    assert count_independent(right, np.zeros(len(images))) == 1
    if right.all():
        assert found == len(set(groups.tolist()))


def test_images_of_a_group_that_say_the_same_count_once() -> None:
    right = np.repeat([True, False], 50)
    assert count_independent(right, np.arange(100) // 10) == 9
    assert count_independent(right, np.arange(100) % 10) == 100  # each group has as many of both
