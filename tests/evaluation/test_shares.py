"""Wilson's interval, shares of groups, and how many independent images groups are worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.evaluation.shares import count_independent, measure_share, wilson


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


def test_a_share_of_nothing_is_no_figure() -> None:
    assert math.isnan(wilson(0, 0).value)


@pytest.mark.parametrize(("units", "least"), [(5, 0.86), (10, 0.91)])
def test_intervals_of_few_groups_hold_the_share_as_often_as_they_say(units: int, least: float) -> None:
    # Groups of 20 images that are easy or hard together; the usual percentiles hold it in 0.82 and 0.89.
    rng, runs = np.random.default_rng(6), 300
    groups, held = np.repeat(np.arange(units), 20), 0
    for run in range(runs):
        right = rng.random(20 * units) < np.repeat(rng.beta(4, 1, units), 20)
        found = measure_share(right, groups=groups, random_state=run)
        held += found.low <= 0.8 <= found.high
    assert held / runs > least


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
