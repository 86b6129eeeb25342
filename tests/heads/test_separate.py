"""Columns that go down side by side end where each would by itself, and where scikit-learn's solver ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minima import draw
from sklearn.linear_model import LogisticRegression

from cnncodes.heads.curvature import Covariance
from cnncodes.heads.losses import LogisticLoss
from cnncodes.heads.separate import SeparateDescent

CS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


def draw_labels(n, d, k, seed):
    """Return rows, labels of which some are rare, and weights."""
    X, _, weight = draw(n, d, 2, seed)
    rng = np.random.default_rng(seed)
    score = (X - X.mean(axis=0)) @ rng.normal(size=(d, k))
    score += score.std() * rng.normal(size=(n, k))
    Y = (score > np.quantile(score, rng.uniform(0.5, 0.95), axis=0)).astype(float)
    Y[0], Y[1] = 0, 1
    return X, Y, weight


def descend(X, Y, weight, Cs, excess=1e-12, covariance=None, max_iter=1000):
    loss = LogisticLoss((2 * Y - 1).astype(X.dtype), weight / weight.sum())
    if covariance is None:
        covariance = Covariance.learn(X, weight, of_all=True)
    descent = SeparateDescent(X, loss, covariance, excess=excess, max_iter=max_iter)
    return list(descent.run([1 / (C * weight.sum()) for C in Cs]))


def measure(X, Y, weight, C, coef, intercept):
    """Return the objective of each column, of the mean over rows, in float64."""
    decision = X.astype(np.float64) @ coef.T + intercept
    loss = weight @ np.logaddexp(0, (1 - 2 * Y) * decision) / weight.sum()
    return loss + (coef**2).sum(axis=1) / (2 * C * weight.sum())


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d"), [(300, 12), (30, 60)])  # along all axes, and some of them
def test_each_minimum_is_scikit_learns(n, d):
    X, Y, weight = draw_labels(n, d, 9, 0)
    for C, found in zip(CS, descend(X, Y, weight, CS), strict=True):
        mine = measure(X, Y, weight, C, found.coef, found.intercept)
        for k, y in enumerate(Y.T):
            model = LogisticRegression(C=C, tol=1e-6, max_iter=20_000).fit(X, y, sample_weight=weight)
            theirs = measure(X, Y[:, [k]], weight, C, model.coef_, model.intercept_)
            assert found.converged and mine[k] <= theirs[0] * (1 + 1e-8)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_column_has_the_same_minimum_whatever_is_beside_it(seed, wide):
    X, Y, weight = draw_labels(*((14, 30) if wide else (60, 8)), 4, seed)
    together = descend(X, Y, weight, CS)[-1]
    values = measure(X, Y, weight, CS[-1], together.coef, together.intercept)
    for k in range(4):
        alone = descend(X, Y[:, [k]], weight, CS[-1:])[0]
        value = measure(X, Y[:, [k]], weight, CS[-1], alone.coef, alone.intercept)
        assert values[k] == pytest.approx(value[0], rel=1e-9)


@pytest.mark.parametrize("excess", [1e-3, 1e-4, 1e-5])
def test_each_column_ends_as_near_to_its_least_value_as_was_asked_for(excess):
    X, Y, weight = draw_labels(400, 40, 30, 1)
    X = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)
    rough, fine = descend(X, Y, weight, CS, excess), descend(X.astype(np.float64), Y, weight, CS)
    for C, one, other in zip(CS, rough, fine, strict=True):
        values = [measure(X, Y, weight, C, found.coef, found.intercept) for found in (one, other)]
        assert (values[0] <= values[1] * (1 + 3 * excess)).all()  # as far as the curvature tells


@pytest.mark.slow
def test_the_covariance_says_how_fast_and_not_where():
    X, Y, weight = draw_labels(200, 20, 5, 1)
    other = Covariance.learn(draw(15, 20, 3, 2)[0], np.ones(15), of_all=False)
    ends = [descend(X, Y, weight, [10.0], covariance=one)[0] for one in (None, other)]
    values = [measure(X, Y, weight, 10.0, one.coef, one.intercept) for one in ends]
    np.testing.assert_allclose(values[0], values[1], rtol=1e-7)
    assert ends[0].n_iter < ends[1].n_iter


def test_too_few_steps_are_told_and_equal_rows_taken():
    X, Y, weight = draw_labels(100, 10, 3, 0)
    assert not descend(X, Y, weight, [100.0], max_iter=1)[0].converged
    [found] = descend(np.ones((20, 5)), np.repeat([[0.0], [1.0]], 10, axis=0), np.ones(20), [1.0])
    assert found.converged and np.abs(found.coef).max() < 1e-6
