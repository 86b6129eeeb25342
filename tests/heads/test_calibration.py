"""The temperature of decision values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncodes.heads.calibration import fit_temperature, log_loss, log_losses
from cnncodes.heads.linear import LinearScorer


def draw(n, k, seed, scale=1.0):
    """Return decision values, and classes drawn from their softmax."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, k)) * 2
    proba = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    y = (proba.cumsum(axis=1) > rng.random(n)[:, None]).argmax(axis=1)
    return values * scale, y


@pytest.mark.parametrize("scale", [0.01, 1.0, 50.0])
def test_the_scale_of_calibrated_values_is_found(scale):
    decision, y = draw(20_000, 4, 0, scale)
    assert fit_temperature(decision, y, np.ones(len(y))) == pytest.approx(1 / scale, rel=0.05)


@pytest.mark.parametrize("k", [2, 3, 10])
def test_where_all_are_right_a_probability_is_short_of_one(k):
    n = 50
    y = np.arange(n) % k
    decision = np.eye(k)[y] if k > 2 else np.where(y == 1, 1.0, -1.0)[:, None]
    temperature = fit_temperature(decision, y, np.ones(n), unknown=1.0)
    expected = 1 - (k - 1) / k / (n + 1)
    assert np.exp(-log_losses(decision, y, temperature)) == pytest.approx(np.full(n, expected), abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(0, 2**16), st.integers(1, 4))
def test_a_weight_is_as_many_copies(k, seed, copies):
    decision, y = draw(30, k, seed)
    weight = np.where(np.arange(30) % 2, copies, 1)
    rows = np.repeat(np.arange(30), weight)
    found = fit_temperature(decision, y, weight.astype(float), unknown=1.0)
    copied = fit_temperature(decision[rows], y[rows], np.ones(len(rows)), unknown=1.0)
    assert found == pytest.approx(copied, rel=1e-4)


def test_no_other_temperature_has_a_clearly_smaller_loss():
    decision, y = draw(500, 5, 1, 3.0)
    weight = np.ones(len(y))
    least = min(log_loss(decision, y, weight, t) for t in np.geomspace(1e-3, 10, 400))
    assert log_loss(decision, y, weight, fit_temperature(decision, y, weight)) < least + 1e-4


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(0, 2**16), st.floats(0.0, 6.0), st.sampled_from([0.0, 1.0]))
def test_the_slope_changes_its_sign_there(k, seed, apart, unknown):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 80))
    y = rng.integers(0, max(2, k), n)
    decision = rng.normal(size=(n, k))
    decision += apart * (np.eye(k)[y] if k > 1 else 2.0 * y[:, None] - 1)
    weight = rng.uniform(0.1, 3, n)
    found = fit_temperature(decision, y, weight, (1e-3, 1e3), unknown=unknown)

    def lose(temperature):
        of_rows = log_loss(decision, y, weight, temperature) * weight.sum()
        alike = sum(log_loss(decision, np.full(n, c), weight, temperature) for c in range(max(2, k)))
        return (of_rows + unknown * alike / max(2, k)) / (weight.sum() + unknown)

    step = 1e-3
    assert found == pytest.approx(1e-3) or lose(found) <= lose(found * (1 - step)) + 1e-12
    assert found == pytest.approx(1e3) or lose(found) <= lose(found * (1 + step)) + 1e-12


def test_large_values_that_are_equal_are_no_certainty():
    losses = log_losses(np.full((2, 3), 1e17), np.array([0, 2]))
    np.testing.assert_allclose(losses, np.log(3))


def test_two_classes_are_one_column():
    decision, y = draw(200, 2, 2)
    difference = (decision[:, 1] - decision[:, 0])[:, None]
    weight = np.ones(len(y))
    assert log_loss(difference, y, weight) == pytest.approx(log_loss(decision, y, weight))
    assert fit_temperature(difference, y, weight) == pytest.approx(
        fit_temperature(decision, y, weight), rel=1e-4
    )
    scorer = LinearScorer(np.ones((1, 1)), np.zeros(1), np.array(["a", "b"]))
    assert np.exp(-log_losses(difference, y)) == pytest.approx(
        scorer.proba_from_decision(difference[:, 0])[np.arange(len(y)), y]
    )


@given(st.floats(-40, 40), st.integers(2, 6), st.integers(0, 2**16), st.sampled_from([0.0, 1.0]))
def test_decision_values_of_any_scale_have_the_same_probabilities(power, k, seed, unknown):
    decision, y = draw(60, k, seed)
    decision = decision if k > 2 else decision[:, 1:]
    found = fit_temperature(decision, y, np.ones(60), unknown=unknown)
    scaled = fit_temperature(decision * 10.0**power, y, np.ones(60), unknown=unknown)
    assert scaled * 10.0**power == pytest.approx(found, rel=1e-6)


def test_decision_values_that_are_equal_have_the_temperature_1():
    y = np.arange(12) % 3
    rounded = np.ones((12, 3)) + 1e-15 * np.eye(3)[y]
    for decision in (np.zeros((12, 3)), np.full((12, 3), -4.0), rounded):
        assert fit_temperature(decision, y, np.ones(12), unknown=1.0) == 1.0
