"""Shares in words: nothing is nearly all or none that is not, and none lies outside of its interval."""

from __future__ import annotations

import math
import re

from hypothesis import example, given
from hypothesis import strategies as st

from cnncodes.report.percents import percent, percent_range, percent_within

SHARES = st.floats(0, 1) | st.integers(0, 60_000).map(lambda n: n / 60_000)


def read(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"[\d.]+", text)]


def test_shares_are_said_in_words_that_are_no_more_than_true() -> None:
    assert [percent(share) for share in (0.0, 0.5, 1.0)] == ["0 %", "50 %", "100 %"]
    assert percent(0.9996) == "99.96 %" and percent(0.0004) == "0.04 %"


@given(st.lists(SHARES, min_size=3, max_size=3))
@example([0.0, 1 / 60_000, 1 / 60_000])
def test_no_share_is_outside_of_its_interval(three: list[float]) -> None:
    low, value, high = sorted(three)
    ends, [shown] = read(percent_range(low, high)), read(percent_within(value, low, high))
    assert ends[0] <= shown <= ends[1]


def test_a_narrow_interval_shows_more_of_its_share() -> None:
    assert percent_within(0.9487, 0.9449, 0.9492) == "94.9 %"
    assert percent_within(0.5, 0.4, 0.6) == "50 %"
    assert percent_within(0.5, math.nan, math.nan) == percent(0.5)
