"""NeighborRegressionHead against scikit-learn's KNeighborsRegressor and contract."""

from __future__ import annotations

import numpy as np
import pytest
from made_numbers import slopes
from made_rows import find_failures
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler, normalize

from cnncodes.errors import UsageError
from cnncodes.heads.regression.neighbors import NeighborRegressionHead


def test_scikit_learns_own_checks():
    assert find_failures(NeighborRegressionHead(cv=3)) == []


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("scaling", ["standard", "l2"])
@pytest.mark.parametrize("k", [1, 4])
def test_same_predictions_as_scikit_learn(k, scaling, targets):
    X, y = slopes(100, 8, targets)
    new = slopes(40, 8, seed=1)[0]
    scale = StandardScaler().fit(X).transform if scaling == "standard" else normalize
    expected = KNeighborsRegressor(k).fit(scale(X), y).predict(scale(new))
    head = NeighborRegressionHead(k=k, scaling=scaling).fit(X, y)
    np.testing.assert_allclose(head.predict(new), expected, rtol=1e-12)


def test_k_counts_images_and_not_rows():
    X, y = slopes(50, 4)
    views = np.repeat(X, 3, axis=0) + 1e-9 * np.arange(150)[:, None]
    one = NeighborRegressionHead(k=5, scaling="standard").fit(X, y)
    three = NeighborRegressionHead(k=5, scaling="standard").fit(
        views, np.repeat(y, 3), sample_weight=np.full(150, 1 / 3), images=np.repeat(np.arange(50), 3)
    )
    np.testing.assert_allclose(three.predict(X), one.predict(X), rtol=1e-9)


def test_k_is_chosen_large_where_there_is_nothing_but_noise():
    rng = np.random.default_rng(0)
    head = NeighborRegressionHead().fit(rng.normal(size=(200, 3)), rng.normal(size=200))
    assert head.k_ >= 20
    X = rng.uniform(size=(400, 1))
    assert NeighborRegressionHead(scaling="standard").fit(X, np.sin(9 * X[:, 0])).k_ <= 5


@pytest.mark.parametrize(
    ("k", "text"), [(0, "k must be"), (1.5, "k must be"), (51, "more than the training")]
)
def test_a_wrong_k(k, text):
    with pytest.raises(UsageError, match=text):
        NeighborRegressionHead(k=k).fit(*slopes(50))
