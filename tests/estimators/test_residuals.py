"""Intervals hold what they promise, and say where they cannot."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncodes.errors import UsageError
from cnncodes.estimators.residuals import HeldOutResiduals


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.floats(0.01, 0.99))
def test_a_further_error_is_covered_often_enough(n, coverage):
    # Of n + 1 errors in any order each is the further one equally often: at least the share must be covered.
    errors = np.arange(1.0, n + 2)
    covered = 0
    for out in range(n + 1):
        kept = HeldOutResiduals(np.delete(errors, out)[:, None])
        try:
            covered += errors[out] <= kept.find_width(coverage)[0]
        except UsageError:
            assert coverage > n / (n + 1) - 1e-9
            return
    assert covered / (n + 1) >= coverage - 1e-9
    assert covered / (n + 1) < coverage + 1 / (n + 1) + 1e-9  # and no more than that takes


def test_simulated_coverage_of_cross_validated_errors():
    from cnncodes.heads.regression.ridge import RidgeRegressionHead

    rng = np.random.default_rng(0)
    held = []
    for _ in range(60):
        X = rng.normal(size=(240, 5))
        y = X @ [1, 2, 3, 4, 5] + rng.standard_t(3, 240)
        head = RidgeRegressionHead(C=1.0, scaling="standard").fit(X[:40], y[:40])
        found = head.held_out_
        width = HeldOutResiduals.choose(found.prediction, found.y, found.images).find_width(0.8)
        held.append((np.abs(head.predict(X[40:]) - y[40:]) <= width[0]).mean())
    assert 0.78 < np.mean(held) < 0.88  # standard error 0.01; a little wide, as heads of folds saw fewer


def test_images_of_a_group_count_as_one():
    prediction, y = np.zeros((6, 2)), np.arange(12.0).reshape(6, 2)
    found = HeldOutResiduals.choose(prediction, y, np.array([0, 0, 0, 1, 1, 2]))
    assert found.n_groups == 3
    assert found.find_width(0.25).tolist() == [4, 5]  # one of three: the whole first group
    assert found.find_width(0.375).tolist() == [6, 7]  # and half of the second
    assert found.find_width(0.75).tolist() == [10, 11]
    with pytest.raises(UsageError, match="takes at least 4 held-out .*; there are 3"):
        found.find_width(0.76)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=2, max_size=12), st.floats(0.05, 0.9), st.integers(0, 99))
def test_an_image_of_a_further_group_is_covered_often_enough(sizes, coverage, seed):
    rng = np.random.default_rng(seed)
    groups = np.arange(len(sizes)).repeat(sizes)
    errors = rng.random((len(groups), 1)) + rng.random(len(sizes))[groups, None]
    covered = 0.0
    for out in range(len(sizes)):  # each group is the further one equally often
        rest = groups != out
        try:
            width = HeldOutResiduals.choose(errors[rest], np.zeros((rest.sum(), 1)), groups[rest]).find_width(
                coverage
            )
        except UsageError:
            return
        covered += (errors[~rest] <= width).mean()
    assert covered / len(sizes) >= coverage - 1e-9


@given(st.permutations(range(9)))
def test_the_order_of_images_decides_nothing(order):
    errors, groups = np.arange(9.0)[:, None] ** 2, np.array([0, 0, 1, 1, 1, 2, 3, 3, 4])
    order = np.array(order)
    one = HeldOutResiduals.choose(errors, np.zeros((9, 1)), groups)
    other = HeldOutResiduals.choose(errors[order], np.zeros((9, 1)), groups[order])
    assert one.find_width(0.6) == other.find_width(0.6)


@pytest.mark.parametrize("coverage", [0, 1, -0.1, 1.5, "0.9", True, None])
def test_a_coverage_that_is_none(coverage):
    with pytest.raises(UsageError, match="coverage must be a number between 0 and 1"):
        HeldOutResiduals(np.ones((5, 1))).find_width(coverage)


def test_too_few_images_are_told():
    kept = HeldOutResiduals(np.ones((8, 1)))
    assert kept.find_width(8 / 9).tolist() == [1]
    with pytest.raises(UsageError, match=r"takes at least 9 held-out .*; there are 8. At most 0.888"):
        kept.find_width(0.9)


@given(st.integers(2, 3000))
def test_what_an_error_says_can_be_asked_for_can_be(n):
    kept = HeldOutResiduals(np.ones((n, 1)))
    with pytest.raises(UsageError) as caught:
        kept.find_width(1 - 1e-9)
    [most] = re.findall(r"At most (\S+) can", str(caught.value))
    assert kept.find_width(float(most)).tolist() == [1] and float(most) > n / (n + 1) - 1e-3
