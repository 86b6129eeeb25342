"""Wilson's interval and the bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnncodes.evaluation import evaluate_multilabel, evaluate_predictions
from cnncodes.evaluation.confusion import Confusion
from cnncodes.evaluation.intervals import bootstrap, summarize, summarize_biased, wilson
from cnncodes.evaluation.multilabel import make_mean_precision


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # Roots of (share - p)^2 = z^2 p (1 - p) / n, which defines the interval.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_published_intervals(right: int, n: int, low: float, high: float) -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    estimate = wilson(right, n)

    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 10_000), st.data())
def test_wilson_solves_its_equation(n: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, n))
    estimate = wilson(right, n)

    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low < estimate.high
    for end in (estimate.low, estimate.high):
        assert (estimate.value - end) ** 2 == pytest.approx(
            1.959963984540054**2 * end * (1 - end) / n, abs=1e-9
        )


def test_nothing_measured_is_no_figure() -> None:
    assert math.isnan(wilson(0, 0).value)
    assert math.isnan(bootstrap(np.mean, 0).value)


def test_bootstrap_of_a_mean_is_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(3).normal(size=400)

    estimate = bootstrap(lambda weights: float(np.average(values, weights=weights)), 400)

    half = 1.96 * values.std() / 20
    assert estimate.value == pytest.approx(values.mean())
    assert (estimate.low, estimate.high) == pytest.approx(
        (values.mean() - half, values.mean() + half), abs=0.02
    )


def test_bootstrap_draws_groups_whole() -> None:
    values = np.repeat(np.random.default_rng(4).normal(size=40), 10)
    groups = [f"patient {i}" for i in range(40) for _ in range(10)]

    def mean(weights: np.ndarray) -> float:
        return float(np.average(values, weights=weights))

    alone, grouped = bootstrap(mean, 400), bootstrap(mean, 400, groups=groups)

    # Ten equal images are worth one: the interval is sqrt(10) times as wide.
    assert (grouped.high - grouped.low) / (alone.high - alone.low) == pytest.approx(math.sqrt(10), rel=0.15)


@example(np.array([1e-308, 0.0]), 0.0, False)
@given(
    arrays(np.float64, st.integers(2, 60), elements=st.floats(0, 1)),
    st.floats(0, 1),
    st.booleans(),
)
def test_an_interval_of_biased_resamples_holds_the_figure_and_stays_within(drawn, value, share) -> None:
    found = summarize_biased(value, drawn, 9, share=share)
    if math.isnan(found.low):
        assert math.isnan(found.high) and math.isnan(summarize(value, drawn, 9).low)
    else:
        assert found.low <= value <= found.high and (not share or 0 <= found.low <= found.high <= 1)


def test_resamples_on_one_side_move_the_interval_to_the_other() -> None:
    drawn = np.random.default_rng(0).normal(0, 0.02, 2000)
    even = summarize_biased(0.5, 0.5 + drawn, 100)
    assert (even.low, even.high) == pytest.approx((0.46, 0.54), abs=3e-3)
    for share in (True, False):
        above = summarize_biased(0.5, 0.53 + drawn, 100, share=share)
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


def test_bootstrap_depends_on_random_state_alone() -> None:
    values = np.arange(50.0)

    def mean(weights: np.ndarray) -> float:
        return float(np.average(values, weights=weights))

    assert bootstrap(mean, 50, random_state=1) == bootstrap(mean, 50, random_state=1)
    assert bootstrap(mean, 50, random_state=1) != bootstrap(mean, 50, random_state=2)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 1.0, 1e9 / 7, -0.3])
def test_where_all_resamples_agree_there_is_no_interval(value: float) -> None:
    answers = np.full(9, value)
    estimate = bootstrap(lambda weights: float(np.average(answers, weights=weights)), 9)
    assert estimate.value == pytest.approx(value) and estimate.n == 9
    assert np.isnan(estimate.low) and np.isnan(estimate.high)


def test_each_figure_that_has_no_value_or_no_interval_says_why() -> None:
    right = ["cat", "dog"] * 4
    found = evaluate_predictions(right, np.eye(2)[[0, 1] * 4], ["cat", "dog"])
    names = ("accuracy", "balanced_accuracy", "macro_f1", "top_k_accuracy", "log_loss", "brier")
    unknown = {name for name in names if getattr(found, name) is None or math.isnan(getattr(found, name).low)}
    assert unknown == {"macro_f1", "top_k_accuracy", "log_loss", "brier"}
    assert unknown <= set(found.missing) and "accuracy" not in found.missing
    assert found.missing["macro_f1"].startswith("no interval, since nearly all resamples agree")


def test_a_mean_recall_has_the_interval_of_recalls_where_resamples_have_none() -> None:
    # All answers name one class of two: whichever images are drawn, the mean recall is a half or, rarely, 1.
    found = evaluate_predictions(["cat"] * 5 + ["yak"] * 10, ["cat"] * 15, ["cat", "dog"])
    drawn = found.balanced_accuracy
    assert drawn.value == 0.5 and 0.2 < drawn.low < 0.35 and 0.55 < drawn.high < 0.75
    assert "balanced_accuracy" not in found.missing
    alike = evaluate_predictions(["cat", "yak"] * 5, ["cat"] * 10, ["cat", "dog"], groups=["one"] * 10)
    assert math.isnan(alike.balanced_accuracy.low) and "balanced_accuracy" in alike.missing


@settings(max_examples=20)
@given(right=st.integers(0, 30), wrong=st.integers(0, 30))
def test_the_mean_recall_of_one_class_is_its_recall(right: int, wrong: int) -> None:
    assume(right + wrong > 1)
    found = evaluate_predictions(["a"] * (right + wrong), ["a"] * right + ["b"] * wrong, ["a", "b"])
    one, recall = found.balanced_accuracy, found.per_class[0].recall
    assert one.value == recall.value and one.low <= recall.low + 1e-12 and one.high >= recall.high - 1e-12


def test_intervals_of_a_mean_recall_with_a_rare_class_hold_the_truth() -> None:
    rng, held, sizes, truth = np.random.default_rng(0), 0, (200, 2), (0.95, 0.6)
    for _ in range(20):
        y = rng.choice(len(sizes), sum(sizes), p=np.array(sizes) / sum(sizes))
        predicted = np.where(rng.random(len(y)) < np.array(truth)[y], y, (y + 1) % len(sizes))
        found = evaluate_predictions(y, predicted, range(len(sizes))).balanced_accuracy
        held += found.low <= np.mean(truth) <= found.high
    assert held >= 18  # of percentiles alone 12
