"""A fit that is to be exact ends where scikit-learn's does, however its rows are given."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from minima import draw, fit_reference, objective

from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.problem import Problem
from cnncodes.heads.solvers import fit_logistic, logistic_path


@pytest.mark.parametrize("C", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize(("n", "d", "k"), [(200, 12, 2), (200, 12, 4), (30, 60, 3), (30, 60, 2)])
def test_the_minimum_is_scikit_learns(n, d, k, C):
    X, y, weight = draw(n, d, k, 0)
    found = fit_logistic(Problem(X, y, weight, k, excess=1e-14), C)
    model = fit_reference("logistic", X, y, weight, C)
    mine = objective("logistic", X, y, weight, C, found.coef, found.intercept)
    theirs = objective("logistic", X, y, weight, C, model.coef_, model.intercept_)
    assert mine <= theirs * (1 + 1e-12)
    np.testing.assert_allclose(found.coef, model.coef_, rtol=2e-3, atol=2e-3 * np.abs(model.coef_).max())


def test_rows_far_from_zero_cost_no_digits():
    X, y, weight = draw(200, 12, 3, 1)
    near = fit_logistic(Problem(X, y, weight, 3, excess=1e-14), 1.0)
    far = fit_logistic(Problem(X + 1e5, y, weight, 3, excess=1e-14), 1.0)
    np.testing.assert_allclose(far.coef, near.coef, atol=1e-6 * np.abs(near.coef).max())


@pytest.mark.parametrize("C", [1e-2, 1.0, 100.0])
@pytest.mark.parametrize("k", [2, 4])
def test_copies_of_rows_in_any_order_and_their_weights_give_the_same_to_seven_digits(k, C):
    X, y, _ = draw(120, 30, k, 2)
    rng = np.random.default_rng(0)
    weight = rng.integers(1, 4, len(X))
    order = rng.permutation(weight.sum())
    head = {"C": C, "scaling": "standard"}
    weighted = LinearHead(**head).fit(X, y, weight)
    copies = LinearHead(**head).fit(X.repeat(weight, 0)[order], y.repeat(weight)[order])
    size = np.abs(weighted.coef_).max()
    np.testing.assert_allclose(weighted.coef_, copies.coef_, atol=2e-7 * size)


def test_threads_change_no_bit_of_many_rows():
    X, y, _ = draw(5000, 12, 3, 3)
    one, two = (LinearHead(C=1.0, scaling="standard", n_jobs=n).fit(X, y) for n in (1, 2))
    np.testing.assert_array_equal(one.coef_, two.coef_)


@pytest.mark.slow
def test_a_weak_penalty_is_fitted_without_a_warning():
    """Where classes can be told apart without error, and a descent needs many steps."""
    X, y, weight = draw(120, 60, 4, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit_logistic(Problem(X, y, weight, 4, excess=1e-14), 1e3)
    alone = next(logistic_path(Problem(X, y, weight, 4, excess=1e-15, max_iter=10_000), [1e3]))
    values = [objective("logistic", X, y, weight, 1e3, one.coef, one.intercept) for one in (found, alone)]
    assert values[0] <= values[1] * (1 + 1e-12)


def test_too_few_steps_are_told():
    X, y, weight = draw(200, 12, 4, 0)
    with pytest.warns(UserWarning, match=r"did not converge in \d+ iterations; a smaller C does"):
        found = fit_logistic(Problem(X, y, weight, 4, max_iter=4), 100.0)
    assert found.n_iter <= 5
