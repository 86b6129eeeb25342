"""Losses: slopes and bends are the derivatives of their values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from cnncodes.heads.losses import CrossEntropy, LogisticLoss, SquaredHinge


def make(kind, n, k, rng):
    weight = rng.uniform(0.1, 2, n)
    y = rng.integers(0, max(k, 2), n)
    if kind == "entropy":
        return CrossEntropy(y, weight)
    if kind == "logistic":
        return LogisticLoss(rng.choice([-1.0, 1.0], (n, k)), weight)
    columns = [1] if k == 1 else range(k)
    return SquaredHinge(np.where(y[:, None] == np.asarray(columns), 1.0, -1.0), weight)


@pytest.mark.parametrize("kind", ["entropy", "hinge", "logistic"])
@given(st.integers(1, 20), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_derivatives_are_those_of_the_value(kind, n, k, seed):
    rng = np.random.default_rng(seed)
    loss, at, step = make(kind, n, k, rng), rng.normal(size=(n, k)) * 3, rng.normal(size=(n, k))
    point = loss.at(at)
    h = 1e-5
    above, below = loss.at(at + h * step), loss.at(at - h * step)
    slope = float((point.slope * step).sum())
    assert (above.value - below.value) / (2 * h) == pytest.approx(slope, rel=1e-4, abs=1e-4)
    if kind != "hinge":  # the hinge's second derivative jumps
        bend = float(((above.slope - below.slope) * step).sum()) / (2 * h)
        assert point.bend(step) == pytest.approx(bend, rel=1e-4, abs=1e-4)
        turned = (above.slope - below.slope) / (2 * h)
        np.testing.assert_allclose(point.turn(step), turned, rtol=1e-4, atol=1e-4)
    assert point.bend(step) >= 0
    assert float((point.turn(step) * step).sum()) == pytest.approx(point.bend(step), abs=1e-9)


@pytest.mark.parametrize("kind", ["entropy", "hinge", "logistic"])
@given(st.integers(1, 20), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_the_mean_curvature_is_that_of_steps_that_all_rows_take_alike(kind, n, k, seed):
    rng = np.random.default_rng(seed)
    loss, step = make(kind, n, k, rng), rng.normal(size=k)
    point = loss.at(rng.normal(size=(n, k)) * 3)
    found = point.curvature()
    apart = kind != "entropy" or k == 1  # columns that have nothing to do with each other
    assert found.shape == ((k,) if apart else (k, k))
    along = step @ (found * step if apart else found @ step)
    bend = point.bend(np.tile(step, (n, 1))) / loss.weight.sum()
    assert along == pytest.approx(bend, rel=1e-9, abs=1e-12)


def test_the_entropy_is_scikit_learns_log_loss():
    rng = np.random.default_rng(0)
    y, weight, decision = rng.integers(0, 3, 50), rng.uniform(0.5, 2, 50), rng.normal(size=(50, 3))
    proba = np.exp(decision) / np.exp(decision).sum(axis=1, keepdims=True)
    expected = log_loss(y, proba, sample_weight=weight, normalize=False)
    assert CrossEntropy(y, weight).at(decision).value == pytest.approx(expected)


def test_two_classes_have_one_column():
    rng = np.random.default_rng(0)
    y, weight, decision = rng.integers(0, 2, 50), np.ones(50), rng.normal(size=(50, 1))
    one = CrossEntropy(y, weight).at(decision)
    two = CrossEntropy(y, weight).at(np.hstack([np.zeros((50, 1)), decision]))
    assert one.value == pytest.approx(two.value)
    np.testing.assert_allclose(one.slope[:, 0], two.slope[:, 1])
    assert one.bend(np.ones((50, 1))) == pytest.approx(two.bend(np.tile([0.0, 1.0], (50, 1))))


def test_large_decision_values_do_not_overflow():
    point = CrossEntropy(np.array([0, 1]), np.ones(2)).at(np.array([[1e4, -1e4], [1e4, -1e4]]))
    assert point.value == pytest.approx(2e4) and np.isfinite(point.slope).all()


def test_columns_of_the_logistic_loss_are_entropies_of_their_own():
    rng = np.random.default_rng(0)
    Y, weight, decision = rng.integers(0, 2, (50, 3)), rng.uniform(0.5, 2, 50), 300 * rng.normal(size=(50, 3))
    found = LogisticLoss(2.0 * Y - 1, weight).at(decision)
    alone = [CrossEntropy(Y[:, i], weight).at(decision[:, i : i + 1]) for i in range(3)]
    assert found.value == pytest.approx(sum(point.value for point in alone))
    np.testing.assert_allclose(found.slope, np.hstack([point.slope for point in alone]), atol=1e-12)


def test_the_hinge_is_flat_beyond_the_margin():
    point = SquaredHinge(np.array([[1.0], [-1.0]]), np.ones(2)).at(np.array([[1.5], [-0.5]]))
    assert point.value == pytest.approx(0.25)
    assert point.slope.tolist() == [[0.0], [1.0]]
    assert point.curvature() == pytest.approx([1.0])
