"""Random numbers: fixed by what they are for, and distributed as they should be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cnncodes.views.draws import Draws


@given(
    st.integers(0, 2**64 - 1), st.text(), st.integers(0, 10_000), st.text(), st.floats(-5, 5), st.floats(0, 5)
)
def test_a_number_is_a_function_of_what_it_is_for(random_state, content, view, name, low, width):
    first, again = Draws(random_state, content, view), Draws(random_state, content, view)
    again.unit("another number drawn before")
    assert first.unit(name) == again.unit(name)
    assert 0 < first.unit(name) < 1
    assert low <= first.uniform(name, low, low + width) <= low + width
    assert 3 <= first.whole(name, 3, 7) <= 7
    assert np.isfinite(first.normal(name, 1.0))


def test_numbers_that_users_stored_codes_rest_on():
    # Stored random views could not be extended by an incremental job if these ever changed.
    assert Draws(0, "00ff", 1).unit("rotation") == 0.5582800015823108
    assert Draws(7, "00ff", 1).whole("short_side", 256, 480) == 302
    assert Draws(0, "00ff", 2).normal("pca/0", 0.1) == pytest.approx(-0.008524403131752444, rel=1e-12)


@pytest.mark.parametrize("vary", ["random_state", "content", "view", "name"])
def test_numbers_are_uniform_and_independent_along_each_of_their_parts(vary):
    def unit(number: int) -> float:
        given = {"random_state": 0, "content": "ab", "view": 0, "name": "rotation", vary: number}
        return Draws(given["random_state"], str(given["content"]), given["view"]).unit(str(given["name"]))

    values = np.array([unit(number) for number in range(4000)])
    assert stats.kstest(values, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 0.06


def test_derived_numbers_have_their_distributions():
    draws = [Draws(0, str(number), 0) for number in range(4000)]
    assert stats.kstest([d.normal("a", 2.0) for d in draws], stats.norm(0, 2).cdf).pvalue > 1e-3
    assert stats.kstest([d.uniform("b", -3, 5) for d in draws], stats.uniform(-3, 8).cdf).pvalue > 1e-3
    counts = np.bincount([d.whole("c", 0, 4) for d in draws], minlength=5)
    assert stats.chisquare(counts).pvalue > 1e-3
    assert 0.22 < np.mean([d.chance("d", 0.25) for d in draws]) < 0.28


def test_the_end_points_of_chances_are_certain():
    draws = [Draws(0, str(number), 0) for number in range(200)]
    assert not any(d.chance("flip", 0.0) for d in draws)
    assert all(d.chance("flip", 1.0) for d in draws)
