"""Intervals of log loss and Brier score where mistakes are few, or none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncodes.evaluation import compare_paired, evaluate_predictions
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.mistakes import allow_for_mistakes
from cnncodes.evaluation.probabilities import Scored
from cnncodes.evaluation.shares import wilson

CLASSES = 10


def answer(rng: np.random.Generator, n: int, accuracy: float, sure: float = 0.9999) -> tuple[np.ndarray, ...]:
    """Return classes and probabilities of a classifier that gives each of its answers the same one."""
    y = rng.integers(CLASSES, size=n)
    answers = (y + (rng.random(n) >= accuracy) * rng.integers(1, CLASSES, n)) % CLASSES
    proba = np.full((n, CLASSES), (1 - sure) / (CLASSES - 1))
    proba[np.arange(n), answers] = sure
    return y, proba


def measure(y: np.ndarray, proba: np.ndarray, groups: np.ndarray | None = None) -> list[Estimate]:
    scored = Scored.make(y, proba, np.arange(proba.shape[1]), groups, 0)
    return [scored.log_loss(), scored.brier()]


def test_where_all_answers_are_right_losses_allow_for_mistakes_not_seen() -> None:
    y, proba = answer(np.random.default_rng(0), 32, 1.0)
    log_loss, brier = measure(y, proba)

    wrong = 1 - wilson(32, 32).low
    assert log_loss.low <= log_loss.value == pytest.approx(-math.log(0.9999))
    assert log_loss.high == pytest.approx(wrong * -math.log(1e-4 / 9), rel=0.01)
    assert brier.low <= brier.value < 1e-7 and brier.high == pytest.approx(2 * wrong, rel=0.01)


def test_certain_answers_have_intervals_too_and_reach_no_further_than_one_can_lose() -> None:
    found = evaluate_predictions(["cat", "dog"] * 4, np.eye(2)[[0, 1] * 4], ["cat", "dog"])
    assert found.brier is not None and found.log_loss is not None
    assert found.brier.value == found.brier.low == 0 and 0.3 < found.brier.high < 1
    assert found.log_loss.high == pytest.approx(-math.log(2.2e-16) * found.brier.high / 2, rel=0.01)
    assert {"brier", "log_loss"}.isdisjoint(found.missing)

    few = measure(np.zeros(3, int), np.eye(2)[[0, 1, 1]])
    assert few[0].high <= -math.log(2.2e-16) and few[1].high <= 2


def test_one_class_alone_loses_as_if_another_had_no_probability() -> None:
    [_, brier] = measure(np.zeros(9, int), np.ones((9, 1)))
    assert brier.low == brier.value == 0 and brier.high == pytest.approx(2 * (1 - wilson(9, 9).low))


def test_groups_allow_for_as_many_mistakes_as_groups_may_make() -> None:
    y, proba = answer(np.random.default_rng(0), 120, 1.0)
    alone, together = (measure(y, proba, groups)[1] for groups in (None, np.arange(120) // 10))
    assert together.high == pytest.approx(2 * (1 - wilson(12, 12).low), rel=0.01)
    assert together.high > 5 * alone.high
    single = measure(y, proba, np.zeros(120))[1]
    assert math.isnan(single.low) and math.isnan(single.high)


def test_a_difference_of_losses_allows_for_mistakes_not_seen() -> None:
    """The surer one is the better one on images that are all answered rightly, and the worse in truth."""
    rng = np.random.default_rng(0)
    y, sure = answer(rng, 32, 1.0)
    modest = np.where(sure > 0.5, 0.97, 0.03 / 9)
    classes = np.arange(CLASSES)
    for figure in ("log_loss", "brier"):
        found = compare_paired(y, sure, modest, classes=classes, figure=figure)
        back = compare_paired(y, modest, sure, classes=classes, figure=figure)
        assert found.value < 0 < found.high and (back.low, back.high) == (-found.high, -found.low)
    same = compare_paired(y, sure, sure, classes=classes, figure="brier")
    assert same.value == 0 and math.isnan(same.low)

    y, sure = answer(rng, 100_000, 0.97)
    modest = np.where(sure > 0.5, 0.97, 0.03 / 9)
    assert compare_paired(y, sure, modest, classes=classes, figure="log_loss").low > 0


def test_classes_that_one_alone_knows_are_no_next_best() -> None:
    y, proba = answer(np.random.default_rng(0), 40, 1.0)
    few, known = proba[:, :4] / proba[:, :4].sum(axis=1, keepdims=True), y < 4
    names = (np.arange(CLASSES), np.arange(4))
    found = compare_paired(y, proba, few, classes=names, figure="log_loss")
    assert found.n == known.sum() and np.isfinite([found.low, found.high]).all()
    assert (
        compare_paired(y, proba[:, ::-1], few, classes=(names[0][::-1], names[1]), figure="log_loss") == found
    )


def test_the_usual_interval_is_left_as_it_is() -> None:
    losses = np.random.default_rng(0).exponential(size=1000)
    usual = Estimate(losses.mean(), 0.9, 1.2, 1000)
    right = np.arange(1000) >= 200
    assert allow_for_mistakes(usual, losses, losses - 0.5 * ~right, losses + 0.5, right) == usual


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 5), st.booleans())
def test_intervals_hold_the_figure_and_are_finite(seed: int, n: int, classes: int, grouped: bool) -> None:
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(classes, 0.1), n)
    groups = np.arange(n) % 3 if grouped else None
    for found, most in zip(measure(rng.integers(classes, size=n), proba, groups), (36.1, 2), strict=True):
        assert 0 <= found.low <= found.value <= found.high <= most + 1e-9


def make_calibrated(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return classes and the probabilities that they were drawn by."""
    powers = scale * rng.normal(size=(n, CLASSES))
    values = np.exp(powers - powers.max(axis=1, keepdims=True))
    proba = values / values.sum(axis=1, keepdims=True)
    return (proba.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1), proba


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sure", "calibrated"])
@pytest.mark.parametrize(("n", "of_each"), [(32, 1), (32, 4), (100, 1), (1000, 1)])
def test_intervals_hold_the_truth_where_mistakes_are_rare(kind: str, n: int, of_each: int) -> None:
    runs = 20 if n == 1000 else 40
    for accuracy, scale in ((0.9, 10.6), (0.97, 34.7), (0.99, 104.5)):
        rng, held = np.random.default_rng(0), np.zeros(2)

        def draw(count: int, rng=rng, accuracy=accuracy, scale=scale) -> tuple[np.ndarray, ...]:
            drawn = answer(rng, count, accuracy) if kind == "sure" else make_calibrated(rng, count, scale)
            return tuple(np.repeat(one, of_each, axis=0) for one in drawn)

        y, proba = draw(200_000)
        assert (proba.argmax(axis=1) == y).mean() == pytest.approx(accuracy, abs=0.005)
        scored = Scored.make(y, proba, np.arange(CLASSES), None, 0)
        truth = [losses.mean() for losses, _ in (scored.log_loss_of_each(), scored.brier_of_each())]
        for _ in range(runs):
            found = measure(*draw(n), np.arange(n * of_each) // of_each if of_each > 1 else None)
            held += [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
        assert (held / runs >= 0.9).all(), (accuracy, held / runs)
