"""Errors by range of the true number."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.errors import UsageError
from cnncodes.evaluation import measure_ranges
from cnncodes.evaluation.number_ranges import RANGES, divide


@given(st.lists(st.integers(0, 30), min_size=1, max_size=300))
def test_ranges_hold_every_image_once_and_do_not_overlap(numbers: list[int]) -> None:
    y = np.array(numbers, dtype=np.float64)
    found = divide(y)
    assert sorted(np.concatenate(found).tolist()) == list(range(len(y))) and len(found) <= RANGES
    ends = [(y[among].min(), y[among].max()) for among in found]
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))


def test_figures_of_a_range_are_those_of_its_images() -> None:
    y = np.arange(60.0)
    errors = np.where(y < 20, 3.0, -1.0) + np.tile([0.5, -0.5], 30)
    first, *others = measure_ranges(y, y + errors, width=2.0)
    assert (first.low, first.high, first.middle, first.mae.n) == (0, 19, 9.5, 20)
    assert first.bias.value == first.mae.value == pytest.approx(3.0)
    assert first.predicted == pytest.approx(12.5)
    assert [one.bias.value for one in others] == pytest.approx([-1.0, -1.0])
    assert [one.covered and one.covered.value for one in (first, *others)] == [0, 1, 1]
    assert first.bias.low < 3.0 < first.bias.high


def test_lists_are_taken_as_by_the_figures_beside() -> None:
    [one] = measure_ranges([1, 2, 3], [1.5, 2.0, 2.5])
    assert one.mae.value == pytest.approx(1 / 3)
    with pytest.raises(UsageError, match="one number for each of the same images"):
        measure_ranges([1, 2], [1])
