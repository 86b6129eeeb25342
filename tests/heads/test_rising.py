"""When a fold leaves out the rest of its grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.heads import rising
from cnncodes.heads.multilabel.linear import LinearLabelHead
from cnncodes.heads.rising import Rise

MEANS = st.lists(st.floats(0.01, 10), min_size=1, max_size=8)


@given(MEANS)
def test_it_rises_where_every_image_loses_noticeably_more_than_at_the_least(means):
    rise = Rise(np.ones(10), np.arange(10))
    for number, mean in enumerate(means):
        least = min(means[:number], default=np.inf)
        assert rise.has_begun(np.full(10, mean)) == (mean - least > 0.02 * least)


@given(MEANS, st.integers(1, 9))
def test_images_of_few_groups_are_never_beyond_doubt(means, n_groups):
    rise = Rise(np.ones(50), np.arange(50) % n_groups)
    assert not any(rise.has_begun(np.full(50, mean)) for mean in means)


def test_a_few_images_that_lose_more_by_chance_are_no_rise():
    losses = np.random.default_rng(0).normal(0, 1, 12)
    losses -= losses.mean() - 1.3
    few = Rise(np.ones(12), np.arange(12))
    assert not few.has_begun(np.ones(12))
    assert not few.has_begun(losses)
    many = Rise(np.ones(1200), np.arange(1200))
    assert not many.has_begun(np.ones(1200))
    assert many.has_begun(np.tile(losses, 100))


def test_weights_count():
    rise = Rise(np.repeat([1.0, 0.0], 10), np.arange(20))
    assert not rise.has_begun(np.ones(20))
    assert not rise.has_begun(np.repeat([0.5, 100.0], 10))


@pytest.mark.parametrize("seed", range(3))
def test_a_search_of_labels_that_ends_early_is_as_good_as_the_whole_grid(seed, monkeypatch):
    """Rows tell little of these labels, so that the least comes early, and a dozen held-out images sway."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 8)).astype(np.float32)
    Y = (X[:, :4] + rng.normal(0, 2, (60, 4)) > 0).astype(int)
    early = LinearLabelHead("logistic", random_state=0).fit(X, Y).cv_results_["relative_loss"]
    monkeypatch.setattr(rising.Rise, "has_begun", lambda self, losses: False)
    late = LinearLabelHead("logistic", random_state=0).fit(X, Y).cv_results_["relative_loss"]
    reached = np.isfinite(early)
    np.testing.assert_array_equal(early[reached], late[reached])
    assert early.min() <= 1.005 * late.min()


def test_a_search_of_labels_leaves_out_what_overfits():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 200)).astype(np.float32)
    Y = (X[:, :4] + rng.normal(0, 2, (600, 4)) > 0).astype(int)
    losses = LinearLabelHead("logistic", scaling="standard").fit(X, Y).cv_results_["relative_loss"]
    assert np.isinf(losses[-1]) and np.isfinite(losses[: losses.argmin() + 1]).all()
