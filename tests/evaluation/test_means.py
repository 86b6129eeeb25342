"""Intervals of means over classes or labels hold the truth, with few images of each, too."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnncodes.evaluation import evaluate_multilabel, evaluate_predictions
from cnncodes.evaluation.confusion import Confusion
from cnncodes.evaluation.intervals import bootstrap, summarize
from cnncodes.evaluation.label_order import make_mean_precision
from cnncodes.evaluation.means import summarize_biased


@example(np.array([1e-308, 0.0]), 0.0, False)
@given(
    arrays(np.float64, st.integers(2, 60), elements=st.floats(0, 1)),
    st.floats(0, 1),
    st.booleans(),
)
def test_an_interval_of_biased_resamples_holds_the_figure_and_stays_within(drawn, value, share) -> None:
    found = summarize_biased(value, drawn, 9, 9, share=share)
    if math.isnan(found.low):
        assert math.isnan(found.high) and math.isnan(summarize(value, drawn, 9, 9).low)
    else:
        assert found.low <= value <= found.high and (not share or 0 <= found.low <= found.high <= 1)


def test_resamples_on_one_side_move_the_interval_to_the_other() -> None:
    drawn = np.random.default_rng(0).normal(0, 0.02, 2000)
    even = summarize_biased(0.5, 0.5 + drawn, 1000, 1000)
    assert (even.low, even.high) == pytest.approx((0.46, 0.54), abs=3e-3)
    for share in (True, False):
        above = summarize_biased(0.5, 0.53 + drawn, 1000, 1000, share=share)
        assert (above.low + above.high) / 2 == pytest.approx(0.47, abs=3e-3)
        assert above.high - above.low == pytest.approx(0.08 * math.hypot(1, 1.5), rel=0.1)


@pytest.mark.slow
def test_intervals_of_means_over_many_classes_or_rare_labels_hold_the_truth() -> None:
    rng, runs = np.random.default_rng(0), 20

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = rng.integers(70, size=n)
        return y, np.where(rng.random(n) < 0.6, y, (y + 1 + rng.integers(3, size=n)) % 70)

    measured = [Confusion(*draw(500), 70).macro_f1 for _ in range(runs)]
    found = [bootstrap(one, 500, summary=summarize_biased) for one in measured]
    # Each class is as often named as it is true, and so has an F1 of 0.6; percentiles hold it in 3 of 10.
    assert sum(one.low <= 0.6 <= one.high for one in found) >= 17

    def order(n: int) -> tuple[np.ndarray, np.ndarray]:
        Y = (rng.random((n, 10)) < 0.06).astype(int)
        return Y, Y + rng.normal(size=Y.shape)

    Y, values = order(300_000)
    truth = make_mean_precision(Y, values)(np.ones(len(Y)))
    for _ in range(runs):
        Y, values = order(150)
        found.append(evaluate_multilabel(Y, values > 1, values, np.arange(10)).mean_average_precision)
    assert sum(one.low <= truth <= one.high for one in found[runs:]) >= 16  # of percentiles about 8


def test_a_mean_recall_has_the_interval_of_recalls_where_resamples_have_none() -> None:
    # All answers name one class of two: whichever images are drawn, the mean recall is a half or, rarely, 1.
    found = evaluate_predictions(["cat"] * 5 + ["yak"] * 10, ["cat"] * 15, ["cat", "dog"])
    drawn = found.balanced_accuracy
    assert drawn.value == 0.5 and 0.2 < drawn.low < 0.35 and 0.55 < drawn.high < 0.75
    assert "balanced_accuracy" not in found.missing
    alike = evaluate_predictions(["cat", "yak"] * 5, ["cat"] * 10, ["cat", "dog"], groups=["one"] * 10)
    assert math.isnan(alike.balanced_accuracy.low) and "balanced_accuracy" in alike.missing


@pytest.mark.slow
@settings(max_examples=20)
@given(right=st.integers(0, 30), wrong=st.integers(0, 30))
def test_the_mean_recall_of_one_class_is_its_recall(right: int, wrong: int) -> None:
    assume(right + wrong > 1)
    found = evaluate_predictions(["a"] * (right + wrong), ["a"] * right + ["b"] * wrong, ["a", "b"])
    one, recall = found.balanced_accuracy, found.per_class[0].recall
    assert one.value == recall.value and one.low <= recall.low + 1e-12 and one.high >= recall.high - 1e-12


@pytest.mark.slow
def test_intervals_of_a_mean_recall_with_a_rare_class_hold_the_truth() -> None:
    rng, held, sizes, truth = np.random.default_rng(0), 0, (200, 2), (0.95, 0.6)
    for _ in range(20):
        y = rng.choice(len(sizes), sum(sizes), p=np.array(sizes) / sum(sizes))
        predicted = np.where(rng.random(len(y)) < np.array(truth)[y], y, (y + 1) % len(sizes))
        found = evaluate_predictions(y, predicted, range(len(sizes))).balanced_accuracy
        held += found.low <= np.mean(truth) <= found.high
    assert held >= 18  # of percentiles alone 12
