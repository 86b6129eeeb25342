"""How a difference of what has a unit is shown: no digits beyond what its interval says."""

from __future__ import annotations

import math

import pytest

from cnncodes.evaluation.figures import FIGURES
from cnncodes.evaluation.intervals import Estimate


@pytest.mark.parametrize(
    ("gap", "shown"),
    [
        ((7.824e-05, -0.007108, 0.007272), ("+0.0001", "-0.0071", "+0.0073")),
        ((-0.03414, -0.04064, -0.02247), ("-0.0341", "-0.0406", "-0.0225")),
        ((0.0, -0.00004, -0.00001), ("+0.000000", "-0.000040", "-0.000010")),
        ((1234.5, 1034.5, 1434.5), ("+1234", "+1034", "+1434")),
        ((2e9, 1e9, 3e9), ("+2e+09", "+1e+09", "+3e+09")),
        ((2e-9, 1e-9, 3e-9), ("+2e-09", "+1e-09", "+3e-09")),
        ((0.5, 0.5, 0.5), ("+0.5", "+0.5", "+0.5")),
        ((0.123456, math.nan, math.nan), ("+0.1235", "", "")),
    ],
)
def test_a_difference_has_no_digits_beyond_its_interval(
    gap: tuple[float, float, float], shown: tuple[str, str, str]
) -> None:
    assert FIGURES["mae"].show_gap(Estimate(*gap, 9), signed=(True, True)) == shown
