"""Lanes: order, bounded look-ahead, errors, counts."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncodes.embedding.lanes import CHUNK, LAST_CHUNK, count_lanes, divide, run_lanes
from cnncodes.errors import UsageError


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 300), st.integers(1, 5))
def test_results_come_in_order_whatever_the_number_of_lanes(n_items: int, n_jobs: int) -> None:
    items = list(range(n_items))
    assert list(run_lanes(lambda chunk: [2 * item for item in chunk], items, n_jobs)) == [
        2 * i for i in items
    ]


@given(st.integers(0, 2000), st.integers(1, 40), st.integers(1, CHUNK))
def test_parts_cover_all_and_lanes_end_together(count: int, lanes: int, most: int) -> None:
    parts = [*divide(count, lanes, most)]
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(count))
    assert all(0 < part.stop - part.start <= most for part in parts)
    ends = [0] * lanes  # each part goes to who is free first
    for part in parts:
        ends[ends.index(min(ends))] += part.stop - part.start
    assert max(ends) - min(ends) <= LAST_CHUNK


def test_a_slow_consumer_bounds_the_work_under_way() -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def work(chunk: Sequence[int]) -> list[int]:
        with lock:
            begun.extend(chunk)
        return list(chunk)

    results = run_lanes(work, range(10_000), 2)
    next(results)
    assert len(begun) < 500
    results.close()
    assert len(begun) < 500


def test_an_error_in_a_lane_reaches_the_consumer() -> None:
    def work(chunk: Sequence[int]) -> list[int]:
        if 77 in chunk:
            raise RuntimeError("lane broke")
        return list(chunk)

    with pytest.raises(RuntimeError, match="lane broke"):
        list(run_lanes(work, range(200), 2))


def test_count_of_lanes() -> None:
    assert type(count_lanes(np.int64(3))) is int  # type: ignore[arg-type]
    assert count_lanes(None) == count_lanes(-1) >= 1
    for wrong in (0, -2, 1.5, True, "2"):
        with pytest.raises(UsageError, match="n_jobs must be"):
            count_lanes(wrong)  # type: ignore[arg-type]
