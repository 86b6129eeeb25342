"""RidgeRegressionHead against scikit-learn's Ridge and contract."""

from __future__ import annotations

import numpy as np
import pytest
from made_numbers import slopes
from made_rows import find_failures
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler, normalize

from cnncodes.errors import UsageError
from cnncodes.heads.regression.ridge import RidgeRegressionHead, RidgeSearch


def test_scikit_learns_own_checks():
    assert find_failures(RidgeRegressionHead(cv=3)) == []


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("scaling", ["standard", "l2"])
@pytest.mark.parametrize("shape", [(120, 30), (40, 60)])
def test_same_predictions_as_scikit_learn(shape, scaling, targets):
    X, y = slopes(*shape, targets)
    Z = StandardScaler().fit_transform(X) if scaling == "standard" else normalize(X)
    weight = np.random.default_rng(1).uniform(0.5, 2, len(X)) if scaling == "l2" else None
    expected = Ridge(alpha=1 / (2 * 0.1)).fit(Z, y, weight).predict(Z)
    head = RidgeRegressionHead(C=0.1, scaling=scaling).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(head.predict(X), expected, atol=1e-8)
    assert head.predict(X).shape == y.shape
    assert head.coef_.shape == ((shape[1],) if targets == 1 else (targets, shape[1]))


def test_the_choice_is_that_of_scikit_learn_fitted_fold_by_fold():
    X, y = slopes(90, 40, noise=8)
    folds = [
        (np.flatnonzero(np.arange(90) % 3 != k), np.flatnonzero(np.arange(90) % 3 == k)) for k in range(3)
    ]
    head = RidgeRegressionHead(scaling="standard", cv=folds).fit(X, y)
    table = head.cv_results_
    for C, found in zip(table["C"], table["squared_error"], strict=True):
        errors = []
        for train, test in folds:
            scaler = StandardScaler().fit(X[train])
            model = Ridge(alpha=1 / (2 * C)).fit(scaler.transform(X[train]), y[train])
            errors.append((model.predict(scaler.transform(X[test])) - y[test]) ** 2)
        np.testing.assert_allclose(found, np.concatenate(errors).mean(), rtol=1e-6)
    best = table["squared_error"].argmin()
    np.testing.assert_equal(head.C_, table["C"][best])
    assert 0 < best < len(table["C"]) - 1  # the grid encloses what this noise wants


def test_the_grid_moves_with_the_length_of_rows():
    search = RidgeSearch(None)
    assert search.grid("l2", 1000)[0][0] == pytest.approx(1000 * search.grid("standard", 1000)[0][0])
    assert search.grid("l2", 10) == sorted(search.grid("l2", 10))
    assert RidgeSearch(2).grid("l2", 5) == [(2.0,)]


@pytest.mark.parametrize("C", [0, -1, float("inf"), "1", True])
def test_a_wrong_penalty(C):
    with pytest.raises(UsageError, match="C must be a number above 0"):
        RidgeRegressionHead(C=C).fit(*slopes())
