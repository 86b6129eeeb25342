"""The one-standard-error rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnncodes.heads.one_error import choose_cheapest, standard_error


@given(st.integers(2, 50), st.integers(0, 99))
def test_the_error_is_that_of_a_mean(n, seed):
    values = np.random.default_rng(seed).normal(size=n)
    expected = values.std(ddof=1) / np.sqrt(n)
    assert standard_error(values, np.ones(n), np.arange(n)) == pytest.approx(expected)
    # Copies within groups, and weights for them, tell no more than the groups do.
    copied = standard_error(values.repeat(3), np.full(3 * n, 1 / 3), np.arange(n).repeat(3))
    assert copied == pytest.approx(expected)


def test_one_group_tells_nothing():
    assert standard_error(np.array([1.0, 2.0]), np.ones(2), np.zeros(2, int)) == float("inf")


@pytest.mark.parametrize(("shift", "taken"), [(0.9, 0), (1.1, 2)])
def test_the_first_within_one_error(shift, taken):
    rng = np.random.default_rng(0)
    best = rng.gamma(1.0, size=400)
    noise = rng.normal(size=400)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    error = 0.1 / np.sqrt(400)
    cheap, dear = best + shift * error + 0.1 * noise, best + 10 * error + 0.1 * noise
    chosen, at, behind, errors = choose_cheapest([cheap, dear, best], np.ones(400), np.arange(400))
    assert (chosen, at) == (taken, 2)
    np.testing.assert_allclose(behind, [shift * error, 10 * error, 0], atol=1e-12)
    np.testing.assert_allclose(errors, [error, error, 0])


SIZES = st.tuples(st.integers(2, 6), st.integers(2, 12))


@given(arrays(np.float64, SIZES, elements=st.floats(0, 3, width=32)))
@example(np.array([[1.1, 1.1, 1.1], [3.0, 0.3, 0.3], [1.0, 1.0, 1.0]]))
def test_none_that_is_cheaper_and_better_than_the_chosen_one_is_passed_over(losses):
    n = losses.shape[1]
    chosen, best, behind, errors = choose_cheapest(list(losses), np.ones(n), np.arange(n))
    assert (behind[:chosen] > behind[chosen]).all()
    within = np.flatnonzero(behind <= errors)[0]
    assert chosen <= within <= best and behind[chosen] <= behind[within]
