"""Tests over all draws of one image of each group: the mean of the binomial tests of the draws."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cnncodes.estimators.group_tests import average_tail, bound_above

SHARES = st.floats(0.01, 0.99)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("rw-"), min_size=1, max_size=400), SHARES)
def test_of_one_image_a_group_it_is_the_binomial_test(images: list[str], share: float) -> None:
    losses = np.array([image == "w" for image in images], np.float64)
    wins = np.array([image == "r" for image in images], np.float64)
    answered = int((losses + wins).sum())
    assert average_tail(losses, wins, share) == pytest.approx(
        stats.binom.cdf(losses.sum(), answered, share), abs=1e-9
    )
    if answered:
        bound = stats.binomtest(int(losses.sum()), answered, alternative="less").proportion_ci(0.95).high
        assert bound_above(losses, wins, 0.05) == pytest.approx(bound, abs=1e-7)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from("rw-"), min_size=1, max_size=3), min_size=1, max_size=5), SHARES)
def test_of_groups_it_is_the_mean_over_all_draws(groups: list[list[str]], share: float) -> None:
    draws = list(itertools.product(*groups))
    tails = [stats.binom.cdf(draw.count("w"), draw.count("w") + draw.count("r"), share) for draw in draws]
    losses, wins = (np.array([group.count(what) / len(group) for group in groups]) for what in "wr")
    assert average_tail(losses, wins, share) == pytest.approx(np.mean(tails), abs=1e-9)


def test_many_groups_are_as_few_are() -> None:
    rng = np.random.default_rng(0)
    losses = (rng.random(30_000) < 0.05).astype(np.float64)
    for share in (0.04, 0.049, 0.051, 0.06):
        assert average_tail(losses, 1 - losses, share) == pytest.approx(
            stats.binom.cdf(losses.sum(), 30_000, share), abs=1e-9
        )


def test_nothing_that_counts_is_no_bound() -> None:
    assert (
        bound_above(np.zeros(3), np.zeros(3), 0.05) == 1 and average_tail(np.zeros(3), np.zeros(3), 0.5) == 1
    )
    assert bound_above(np.ones(3), np.zeros(3), 0.05) == 1


@pytest.mark.slow
@pytest.mark.parametrize("agreement", [0.3, 2, 50])  # the less, the more alike the images of a group are
@pytest.mark.parametrize(("n", "share"), [(60, 0.05), (60, 0.3), (200, 0.1)])
def test_a_true_share_is_rejected_no_more_often_than_allowed(n: int, share: float, agreement: float) -> None:
    rng, runs, level = np.random.default_rng(n), 600, 0.1
    rejected = 0
    for _ in range(runs):
        sizes = rng.integers(1, 7, n)
        wrong = rng.binomial(sizes, rng.beta(agreement * share, agreement * (1 - share), n)) / sizes
        rejected += average_tail(wrong, 1 - wrong, share) <= level
    assert rejected <= stats.binom.ppf(0.999, runs, level)
