"""The descent ends where scikit-learn's solvers end, wherever it starts."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minima import draw, fit_reference, objective
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from cnncodes.heads.curvature import Covariance
from cnncodes.heads.linear_kinds import LINEAR_KINDS
from cnncodes.heads.problem import Problem


@pytest.mark.parametrize("kind", ["logistic", "linear-svm"])
@pytest.mark.parametrize(("n", "d", "k"), [(200, 12, 2), (200, 12, 4), (30, 60, 3), (30, 60, 2)])
def test_each_minimum_is_scikit_learns(kind, n, d, k):
    X, y, weight = draw(n, d, k, 0)
    Cs = [1e-3, 1e-2, 1e-1, 1.0, 10.0]
    for C, found in zip(Cs, LINEAR_KINDS[kind].path(Problem(X, y, weight, k), Cs), strict=True):
        model = fit_reference(kind, X, y, weight, C)
        mine = objective(kind, X, y, weight, C, found.coef, found.intercept)
        theirs = objective(kind, X, y, weight, C, model.coef_, model.intercept_)
        assert mine <= theirs * (1 + 1e-9)
        np.testing.assert_allclose(found.coef, model.coef_, rtol=2e-3, atol=2e-3 * np.abs(model.coef_).max())
        np.testing.assert_allclose(
            found.intercept, model.intercept_, atol=2e-3 * np.abs(X @ model.coef_.T).max()
        )


@pytest.mark.parametrize("kind", ["logistic", "linear-svm"])
@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.booleans())
def test_where_it_starts_does_not_matter(kind, seed, k, wide):
    n, d = (12, 30) if wide else (60, 8)
    X, y, weight = draw(n, d, k, seed)
    Cs = [0.01, 0.1, 1.0, 10.0]
    path = list(LINEAR_KINDS[kind].path(Problem(X, y, weight, k), Cs))
    for C, found in zip(Cs, path, strict=True):
        alone = next(LINEAR_KINDS[kind].path(Problem(X, y, weight, k), [C]))
        values = [objective(kind, X, y, weight, C, one.coef, one.intercept) for one in (found, alone)]
        assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_the_covariance_says_how_fast_and_not_where():
    X, y, weight = draw(300, 20, 3, 1)
    others = draw(40, 20, 3, 2)[0]
    ends, steps = [], []
    for covariance in (None, Covariance.learn(others, np.ones(40), of_all=False)):
        found = next(LINEAR_KINDS["logistic"].path(Problem(X, y, weight, 3, covariance=covariance), [10.0]))
        ends.append(objective("logistic", X, y, weight, 10.0, found.coef, found.intercept))
        steps.append(found.n_iter)
    assert ends[0] == pytest.approx(ends[1], rel=1e-10)
    assert steps[0] < steps[1]


def test_the_path_takes_a_fraction_of_the_steps_of_an_ordinary_one():
    """The count of steps and not the time: a product with the rows, there and back, each."""
    X, y, weight = draw(400, 100, 5, 3, spread=3.0)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    Cs = [float(C) for C in 10.0 ** np.arange(-4, 1, 0.5)]
    mine = [one.n_iter for one in LINEAR_KINDS["logistic"].path(Problem(X, y, weight, 5, 1e-8), Cs)]
    model, ordinary = LogisticRegression(warm_start=True, tol=1e-5, max_iter=5000), 0
    for C in Cs:
        model.set_params(C=C).fit(X, y, sample_weight=weight)
        ordinary += int(model.n_iter_[0])
    assert sum(mine) < ordinary / 2


def test_equal_rows_and_empty_columns_are_taken():
    X, y = np.ones((20, 5)), np.repeat([0, 1], 10)
    for kind in ("logistic", "linear-svm"):
        found = next(LINEAR_KINDS[kind].path(Problem(X, y, np.ones(20), 2), [1.0]))
        assert np.isfinite(found.coef).all() and np.abs(found.coef).max() < 1e-6


@pytest.mark.parametrize("kind", ["logistic", "linear-svm"])
def test_rows_that_differ_by_rounding_alone_are_taken(kind):
    """As float32, of which they leave a digit or none."""
    rng = np.random.default_rng(0)
    X = (1 + 1e-7 * rng.normal(size=(60, 30))).astype(np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y = np.arange(60) % 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for found in LINEAR_KINDS[kind].path(Problem(X, y, np.ones(60), 3, 1e-4), [1e-2, 1.0, 1e2, 1e4]):
            assert np.isfinite(found.coef).all() and np.isfinite(found.intercept).all()


def test_too_few_steps_are_told():
    X, y, weight = draw(200, 12, 4, 0)
    with pytest.warns(UserWarning, match="did not converge in 2 iterations; a smaller C does"):
        next(LINEAR_KINDS["logistic"].path(Problem(X, y, weight, 4, max_iter=2), [100.0]))
