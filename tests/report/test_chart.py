"""Axes that hold what is drawn, with round numbers."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cnncodes.report.chart import Chart, list_decades

SHARES = st.lists(st.floats(0, 1) | st.just(math.nan), min_size=1, max_size=6)
COSTS = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=6)


@given(across=COSTS, upwards=SHARES)
@example(across=[1.0], upwards=[1.0])
def test_everything_lies_within_and_numbers_are_few_and_round(
    across: list[float], upwards: list[float]
) -> None:
    chart = Chart.fit(across, upwards)
    assert chart.low < min(across) <= max(across) < chart.high and 0 <= chart.bottom < chart.top
    for value in filter(math.isfinite, upwards):
        assert chart.bottom - 1e-6 <= value <= chart.top + 1e-6
    drawn = chart.draw("c", "t", "d", ("x", "y"), [], [])
    numbers = [float(text) for text in re.findall(r'text-anchor="end">([^<]+)<', drawn)]
    assert 2 <= len(numbers) <= 9 and numbers == sorted(numbers)
    assert len(set(numbers)) == len(numbers)


@given(low=st.floats(1e-3, 1e5), factor=st.floats(1.3, 1e6))
def test_round_numbers_across_are_within_and_rise(low: float, factor: float) -> None:
    found = list_decades(low, low * factor)
    assert found == sorted(set(found)) and all(low <= value <= low * factor for value in found)


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.1), (12.0, 400.0)])
def test_there_is_a_number_where_there_can_be(low: float, high: float) -> None:
    assert list_decades(low, high)
