"""Platt scaling against scikit-learn, and thresholds against trying them all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import _SigmoidCalibration
from sklearn.metrics import f1_score

from cnncodes.heads.multilabel.calibration import choose_thresholds, fit_platt, measure_labels
from cnncodes.heads.multilabel.scorers import expit


def test_platt_scaling_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    decision = rng.normal(0, [1, 50, 0.01], (200, 3))
    Y = (decision / [1, 50, 0.01] + rng.normal(size=(200, 3)) > [0, 1, 2]).astype(float)
    slope, offset = fit_platt(decision, Y, np.ones(200))
    for column in range(3):
        reference = _SigmoidCalibration().fit(decision[:, column], Y[:, column])
        found = expit(slope[column] * decision[:, column] + offset[column])
        np.testing.assert_allclose(found, reference.predict(decision[:, column]), atol=2e-4)


def test_a_label_that_is_divided_wholly_is_not_certain():
    decision, Y = np.array([[-1.0], [-1.0], [1.0], [1.0]]), np.array([[0.0], [0.0], [1.0], [1.0]])
    slope, offset = fit_platt(decision, Y, np.ones(4))
    np.testing.assert_allclose(expit(slope * decision + offset)[:, 0], [0.25, 0.25, 0.75, 0.75], atol=1e-6)


@pytest.mark.parametrize("decision", [[1.0, 0.0, 1.0, 0.0, 0.0], [3.0] * 5])
def test_decision_values_that_tell_nothing_give_the_share(decision):
    Y = np.array([[0.0], [1.0], [0.0], [0.0], [1.0]])
    slope, offset = fit_platt(np.array(decision)[:, None], Y, np.ones(5))
    assert slope[0] == 0 and 0.35 < expit(offset)[0] < 0.5


def test_the_loss_of_decision_values_that_tell_nothing_is_that_of_the_share():
    Y = (np.arange(1000) % 5 == 0).astype(float)[:, None]
    losses, relative = measure_labels(np.zeros((1000, 1)), Y, np.ones(1000))
    entropy = -(0.2 * np.log(0.2) + 0.8 * np.log(0.8))
    assert losses[0] == pytest.approx(entropy, rel=1e-4) and relative[0] == pytest.approx(1, rel=1e-4)


@given(st.integers(0, 10**6), st.integers(4, 30))
def test_no_threshold_has_a_higher_f1(seed, n):
    rng = np.random.default_rng(seed)
    proba = rng.integers(1, 9, (n, 1)) / 10
    y = rng.integers(0, 2, n)
    y[:2] = 0, 1
    threshold = choose_thresholds(proba, y[:, None].astype(float), np.ones(n))[0]
    if len(np.unique(proba)) == 1:
        assert threshold == 0.5
        return
    tried = [f1_score(y, proba[:, 0] >= limit) for limit in np.unique(proba)]
    assert f1_score(y, proba[:, 0] >= threshold) == pytest.approx(max(tried))


@given(st.integers(0, 10**6))
def test_a_weight_counts_as_that_many_images(seed):
    rng = np.random.default_rng(seed)
    decision, weight = rng.normal(size=(12, 2)), rng.integers(1, 4, 12)
    Y = np.tile([[1.0, 0.0], [0.0, 1.0]], (6, 1))
    for found, expected in zip(
        fit_platt(decision, Y, weight.astype(float)),
        fit_platt(np.repeat(decision, weight, 0), np.repeat(Y, weight, 0), np.ones(weight.sum())),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, atol=1e-6)
