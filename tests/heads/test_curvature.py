"""What is known of the curvature beforehand: a covariance, and its product with the loss's own."""

from __future__ import annotations

import numpy as np
import pytest

from cnncodes.heads.curvature import Covariance, Curvature, choose_rows


@pytest.mark.parametrize(
    ("n", "d", "expected"), [(100, 10, 100), (9000, 10, 4096), (9000, 1280, 5120), (9000, 5000, 2048)]
)
def test_a_covariance_is_learned_from_some_rows(n, d, expected):
    rows = choose_rows(n, d)
    assert len(rows) == expected == len(set(rows.tolist())) and rows.max() < n
    assert np.array_equal(rows, choose_rows(n, d))


def test_a_covariance_is_that_of_the_rows():
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(200, 12)) @ rng.normal(size=(12, 12)), rng.uniform(0.5, 2, 200)
    found = Covariance.learn(X, weight, of_all=True)
    expected = np.cov(X.T, aweights=weight, ddof=0)
    again = found.vectors * found.values @ found.vectors.T
    np.testing.assert_allclose(again, expected, rtol=1e-9, atol=1e-11)
    gradient = np.random.default_rng(0).normal(size=(2, 12))
    curvature = np.array([0.2, 0.1])
    solved = found.solve(gradient, curvature, 0.01)
    for row, part, h in zip(solved, gradient, curvature, strict=True):
        np.testing.assert_allclose((h * expected + 0.01 * np.eye(12)) @ row, part, atol=1e-9)


@pytest.mark.parametrize("of_all", [True, False])
def test_fewer_rows_than_columns(of_all):
    X = np.random.default_rng(0).normal(size=(10, 40))
    found = Covariance.learn(X, np.ones(10), of_all=of_all)
    assert len(found.values) == 9 and (found.rest < 1e-12) == of_all
    assert found.rest > 0  # what is divided there by a small penalty alone would be rounding
    gradient = np.random.default_rng(1).normal(size=(1, 40))
    whole = np.cov(X.T, ddof=0) + found.rest * (np.eye(40) - found.vectors @ found.vectors.T)
    expected = np.linalg.solve(0.3 * whole + 0.02 * np.eye(40), gradient[0])
    np.testing.assert_allclose(found.solve(gradient, np.array([0.3]), 0.02)[0], expected, atol=1e-9)


@pytest.mark.parametrize("penalizes_intercept", [True, False])
@pytest.mark.parametrize("between", [True, False])
def test_it_divides_by_the_product_of_curvature_and_covariance(between, penalizes_intercept):
    rng = np.random.default_rng(0)
    apart = (
        np.eye(3) - 1 / 3 if between else np.eye(3)
    )  # of a softmax: a shift of all classes changes nothing
    A = apart @ rng.normal(size=(3, 5))
    of_loss = A @ A.T if between else rng.uniform(0.1, 1, 3)
    whole = of_loss if between else np.diag(of_loss)
    covariance = Covariance.learn(rng.normal(size=(50, 6)), np.ones(50), of_all=True)
    curvature = Curvature.make(covariance, of_loss, 0.1, penalizes_intercept=penalizes_intercept)
    gradient = apart @ rng.normal(size=(3, 7))
    found = curvature.solve(gradient + 1e-3 * between)
    of_rows = covariance.vectors * covariance.values @ covariance.vectors.T
    back = np.kron(whole, of_rows) @ found[:, :-1].ravel() + 0.1 * found[:, :-1].ravel()
    np.testing.assert_allclose(back, gradient[:, :-1].ravel(), atol=1e-9)
    intercept = whole @ found[:, -1] + 0.1 * penalizes_intercept * found[:, -1]
    np.testing.assert_allclose(intercept, gradient[:, -1], atol=1e-9)
