"""Numbers that are far from all others are drawn in."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.evaluation.checks.clipping import clip_numbers, find_deviation


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_the_median_and_the_order_stay(values: list[float]) -> None:
    numbers = np.array(values)
    clipped = clip_numbers(numbers)
    assert np.median(clipped) == np.median(numbers)
    assert (np.diff(clipped[np.argsort(numbers)]) >= 0).all()
    assert (np.abs(clipped) <= np.abs(numbers).max()).all()


def test_a_slip_of_the_comma_is_drawn_in_and_usual_numbers_stay() -> None:
    numbers = np.append(np.random.default_rng(0).normal(10, 1, 100), 1000)
    clipped = clip_numbers(numbers)
    assert (clipped[:100] == numbers[:100]).all() and clipped[100] < 20


def test_where_more_than_half_are_equal_nothing_is_drawn_in() -> None:
    numbers = np.array([0.0] * 6 + [1.0, 50.0])
    assert find_deviation(numbers) == 0 and (clip_numbers(numbers) == numbers).all()
