"""Bars of errors, and axes of numbers of any size."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.report.chart import Chart, say_tick
from cnncodes.report.numbers.errors import count_errors

NUMBERS = st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), min_size=1, max_size=60)


@given(NUMBERS)
def test_bars_hold_every_error_and_none_reaches_over_zero(errors: list[float]) -> None:
    edges, counts = count_errors(np.array(errors))
    assert counts.sum() == len(errors) and 1 <= len(counts) <= 30
    assert ((edges[:-1] >= 0) | (edges[1:] <= 0)).all()


@given(NUMBERS)
def test_a_linear_axis_holds_everything_and_its_numbers_differ(values: list[float]) -> None:
    chart = Chart.fit_square(values)
    assert chart.low <= min(values) <= max(values) <= chart.high
    texts = [text for _, text in chart.list_ticks()]
    assert 2 <= len(texts) <= 9 and len(set(texts)) == len(texts)


def test_numbers_of_an_axis_have_the_digits_that_they_need() -> None:
    assert [say_tick(value, 0.05) for value in (0.0, 0.15, -0.5)] == ["0", "0.15", "−0.5"]
    assert say_tick(2e6, 5e5) == "2,000,000" and say_tick(3e-7, 1e-7) == "3e−07"
