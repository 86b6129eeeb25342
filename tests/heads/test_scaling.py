"""Standardisation: columns that hardly vary among the training rows must not decide everything else."""

from __future__ import annotations

import numpy as np
import pytest
from made_rows import blobs
from sklearn.preprocessing import StandardScaler

from cnncodes.heads.scaling import Scaler, scale_of
from cnncodes.heads.selection import make_head
from cnncodes.heads.statistics import ColumnSums


def test_columns_of_like_spread_are_standardised_as_scikit_learn_does_it():
    X = np.random.default_rng(0).normal(size=(50, 20)) * np.geomspace(0.5, 2, 20)
    np.testing.assert_allclose(
        Scaler.learn("standard", X, np.ones(50)).apply(X, np.float64), StandardScaler().fit_transform(X)
    )


def test_a_column_that_hardly_varies_gets_a_share_of_the_usual_scale():
    variance = np.array([1e-8, 0.0, 4.0, 4.0, 9.0]) ** 2
    scale = scale_of(variance, np.zeros(5), 17)
    np.testing.assert_allclose(scale, [0.12, 1, 4, 4, 9])  # a constant one counts neither way


def test_two_columns_of_different_units_are_left_alone():
    np.testing.assert_array_equal(scale_of(np.array([1.0, 1e6]), np.zeros(2), 9), [1, 1000])


def test_sums_that_add_up_have_the_same_floor():
    X = np.random.default_rng(0).normal(size=(40, 6)) * [1e-6, 1, 1, 2, 2, 3]
    sums = ColumnSums.empty(X[0])
    sums.add(X[:25], np.ones(25))
    sums.add(X[25:], np.ones(15))
    np.testing.assert_allclose(sums.scaler().scale, Scaler.learn("standard", X, np.ones(40)).scale)


@pytest.mark.parametrize("name", ["logistic", "linear-svm", "ridge", "lda", "centroid", "knn", "rbf-svm"])
def test_a_feature_that_few_images_lack_does_not_outshout_all_others(name):
    """As with 17 pictures: a channel that is all but silent on them speaks up on a shifted one."""
    X, y = blobs(18, 30, k=2, spread=4.0)
    X[:, 0] = 1e-6 * np.random.default_rng(1).random(18)
    head = make_head(name, n_jobs=1).set_params(scaling="standard").fit(X, y)
    shifted = X.copy()
    shifted[:, 0] += 0.3  # a third of what other columns vary by
    assert (head.predict(shifted) == y).all()
    loss = -np.log(head.predict_proba(shifted)[np.arange(18), (y == head.classes_[1]).astype(int)])
    assert loss.max() < 1.5
