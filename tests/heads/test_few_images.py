"""One to five images a class: sane settings, and probabilities that are not certain of everything."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.heads.calibration import guess_temperature
from cnncodes.heads.names import HEADS
from cnncodes.heads.selection import make_head

CLASSES = 8
#: Those that take seconds are left to slower runs.
SOME = [pytest.param(name, marks=[pytest.mark.slow] * (name in ("auto", "linear-svm"))) for name in HEADS]


def draw(rng, size, means, views=1):
    """Return rows, classes and images; the views of an image are nearly the same."""
    y = np.repeat(np.arange(CLASSES), size)
    X = np.maximum(means[y] + rng.normal(size=(len(y), 300)), 0)
    rows = np.repeat(X, views, axis=0)
    rows += 0.05 * rng.normal(size=rows.shape)
    return rows.astype(np.float32), np.repeat(y, views), np.repeat(np.arange(len(y)), views)


def fit(name, rows, y, images, views):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        head = make_head(name, n_jobs=1)
        return head.fit(rows, y, sample_weight=np.full(len(y), 1 / views), images=images)


def log_loss(head, X, y):
    return float(-np.log(np.maximum(head.predict_proba(X)[np.arange(len(y)), y], 1e-300)).mean())


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("name", SOME)
def test_probabilities_of_one_or_two_images_are_better_than_none(name, size, views):
    rng = np.random.default_rng(0)
    losses, right = [], []
    for _ in range(2):
        means = 0.7 * rng.normal(size=(CLASSES, 300))
        X, y, _ = draw(rng, 30, means)
        head = fit(name, *draw(rng, size, means, views), views)
        losses.append(log_loss(head, X, y))
        right.append((head.predict(X) == y).mean())
    assert np.mean(right) > 0.5
    assert np.mean(losses) < np.log(CLASSES)  # that of all classes alike


@pytest.mark.parametrize("name", ["lda", "centroid"])
def test_where_folds_show_no_spread_nothing_held_out_is_kept(name):
    rng = np.random.default_rng(1)
    means = rng.normal(size=(CLASSES, 300))
    assert fit(name, *draw(rng, 2, means), 1).held_out_ is None
    assert fit(name, *draw(rng, 3, means), 1).held_out_ is not None
    assert fit("ridge", *draw(rng, 2, means), 1).held_out_ is not None


@given(st.floats(1e-12, 1e12), st.integers(2, 6))
def test_a_guessed_temperature_is_free_of_scale(scale, n_classes):
    rng = np.random.default_rng(n_classes)
    y = np.arange(3 * n_classes) % n_classes
    decision = rng.normal(size=(len(y), n_classes)) + 3 * np.eye(n_classes)[y]
    temperature = guess_temperature(scale * decision, y)
    own = decision[np.arange(len(y)), y]
    others = (decision.sum(axis=1) - own) / (n_classes - 1)
    assert temperature * scale * (own - others).mean() == pytest.approx(5.0)


def test_decision_values_that_tell_nothing_have_the_temperature_1():
    assert guess_temperature(np.zeros((3, 3)), np.arange(3)) == 1.0
    assert guess_temperature(np.array([1.0, -1.0]), np.array([0, 1])) == 1.0  # of two classes, all wrong
    assert guess_temperature(np.array([-2.0, 2.0]), np.array([0, 1])) == 2.5
