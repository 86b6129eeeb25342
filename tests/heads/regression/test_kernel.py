"""KernelRegressionHead against scikit-learn's KernelRidge and contract."""

from __future__ import annotations

import numpy as np
import pytest
from made_numbers import slopes
from made_rows import find_failures
from sklearn.kernel_ridge import KernelRidge
from sklearn.preprocessing import StandardScaler, normalize

from cnncodes.errors import UsageError
from cnncodes.heads.kernels import mean_square_distance
from cnncodes.heads.regression import kernel
from cnncodes.heads.regression.kernel import KernelNumberSearch, KernelRegressionHead
from cnncodes.heads.regression.ridge import RidgeRegressionHead
from cnncodes.heads.regression.search import NumberFold


@pytest.mark.slow
def test_scikit_learns_own_checks():
    assert find_failures(KernelRegressionHead(cv=3)) == []


@pytest.mark.parametrize("scaling", ["standard", "l2"])
def test_same_predictions_as_scikit_learn(scaling):
    X, y = slopes(100, 8)
    weight = np.random.default_rng(0).uniform(0.5, 2, 100)
    head = KernelRegressionHead(C=3, gamma=0.5, scaling=scaling).fit(X, y, sample_weight=weight)
    scaler = StandardScaler().fit(X, sample_weight=weight)
    Z = (scaler.transform(X) if scaling == "standard" else normalize(X)).astype(np.float32).astype(float)
    reference = KernelRidge(alpha=1 / 6, kernel="rbf", gamma=0.5 / mean_square_distance(Z, weight))
    offset = np.average(y, weights=weight)
    reference.fit(Z, y - offset, sample_weight=weight)
    np.testing.assert_allclose(head.predict(X), reference.predict(Z) + offset, rtol=1e-6)


def test_the_search_predicts_what_the_fit_would():
    X, y = slopes(60, 5, targets=2)
    fold = NumberFold(X[:40], y[:40], np.full(40, 0.5), X[40:])
    settings = [(0.5, 1.0), (0.5, 10.0), (2.0, 1.0)]
    for (gamma, C), found in zip(
        settings, KernelNumberSearch(None, None).predict(fold, settings), strict=True
    ):
        reference = KernelRidge(
            alpha=1 / (2 * C), kernel="rbf", gamma=gamma / mean_square_distance(X[:40], np.ones(40))
        )
        reference.fit(X[:40], y[:40] - y[:40].mean(axis=0), sample_weight=np.full(40, 0.5))
        np.testing.assert_allclose(found, reference.predict(X[40:]) + y[:40].mean(axis=0), rtol=1e-8)


def test_it_learns_what_no_line_can():
    X = np.random.default_rng(0).uniform(-3, 3, (300, 2))
    y = np.sin(2 * X[:, 0]) * X[:, 1]
    head = KernelRegressionHead(scaling="standard").fit(X[:200], y[:200])
    line = RidgeRegressionHead(scaling="standard").fit(X[:200], y[:200])
    assert head.score(X[200:], y[200:]) > 0.95
    assert line.score(X[200:], y[200:]) < 0.3


def test_of_many_rows_some_choose_and_whole_folds_are_asked(monkeypatch):
    X, y = slopes(90, 5)
    given = {"C": 10, "gamma": 0.5, "scaling": "l2"}
    whole = KernelRegressionHead(**given).fit(X, y)
    monkeypatch.setattr(kernel, "_CHOSEN_ON", 40)
    head = KernelRegressionHead(**given).fit(X, y)
    assert head.cv_results_["squared_error"][0] > whole.cv_results_["squared_error"][0]
    np.testing.assert_array_equal(head.held_out_.prediction, whole.held_out_.prediction)
    np.testing.assert_array_equal(head.predict(X), whole.predict(X))
    assert len(head.scorer_.rows) == 90


def test_too_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr(kernel, "MOST_ROWS", 50)
    with pytest.raises(UsageError, match="kernel-ridge takes up to 50 rows.*Got 120"):
        KernelRegressionHead().fit(*slopes())


def test_equal_rows():
    X = np.ones((6, 3))
    head = KernelRegressionHead().fit(X, np.arange(6.0), groups=np.arange(6), images=np.arange(6))
    assert np.isfinite(head.predict(X)).all()


@pytest.mark.parametrize("given", [{"C": 0}, {"gamma": -1}, {"gamma": "1"}])
def test_wrong_settings(given):
    with pytest.raises(UsageError, match=f"{next(iter(given))} must be a number above 0"):
        KernelRegressionHead(**given).fit(*slopes())
