"""Differences of two classifiers on the same images, and McNemar's test."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn import metrics

from cnncodes.errors import UsageError
from cnncodes.evaluation import compare_paired, evaluate_predictions, run_mcnemar

NAMES = ["ant", "bee", "cow"]


def draw(seed: int, n: int = 60) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.choice(NAMES, n), rng.dirichlet(np.ones(3), n), rng.dirichlet(np.ones(3), n)


@pytest.mark.slow
@settings(max_examples=4)
@given(st.integers(0, 2**32 - 1))
def test_differences_are_those_of_the_figures(seed: int) -> None:
    y, a, b = draw(seed)
    one, other = (evaluate_predictions(y, proba, NAMES) for proba in (a, b))
    for figure in ("accuracy", "balanced_accuracy", "log_loss", "brier"):
        found = compare_paired(y, a, b, classes=NAMES, figure=figure)
        assert found.value == pytest.approx(getattr(one, figure).value - getattr(other, figure).value)
        assert found.low < found.value < found.high and found.n == 60


def test_columns_may_be_in_another_order_and_of_other_classes() -> None:
    y, a, b = draw(0)
    turned = b[:, ::-1]
    same = compare_paired(y, a, b, classes=NAMES, figure="log_loss")
    assert compare_paired(y, a, turned, classes=(NAMES, NAMES[::-1]), figure="log_loss") == same
    few = b[:, :2] / b[:, :2].sum(axis=1, keepdims=True)
    found = compare_paired(y, a, few, classes=(NAMES, NAMES[:2]), figure="log_loss")
    known = y != "cow"
    losses = [
        metrics.log_loss(y[known], a[known], labels=NAMES),
        metrics.log_loss(y[known], few[known], labels=NAMES[:2]),
    ]
    assert found.n == known.sum() and found.value == pytest.approx(losses[0] - losses[1])


def test_a_class_that_neither_knows_makes_no_warning() -> None:
    y, proba = np.array(["ant", "bee", "new"]), np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compare_paired(y, proba, proba[:, ::-1], classes=NAMES[:2], figure="log_loss")
    assert found.n == 2 and found.value < 0


def test_images_of_a_group_are_drawn_together() -> None:
    y, a, b = draw(1)
    groups = np.repeat(np.arange(6), 10)
    alone = compare_paired(np.tile(y, 4), np.tile(a.T, 4).T, np.tile(b.T, 4).T, classes=NAMES, figure="brier")
    together = compare_paired(
        np.tile(y, 4), np.tile(a.T, 4).T, np.tile(b.T, 4).T,
        classes=NAMES, figure="brier", groups=np.tile(np.arange(60), 4),
    )  # fmt: skip
    once = compare_paired(y, a, b, classes=NAMES, figure="brier")
    assert together.high - together.low == pytest.approx(once.high - once.low, rel=0.15)
    assert alone.high - alone.low == pytest.approx((once.high - once.low) / 2, rel=0.15)
    with pytest.raises(UsageError, match="one value an image: 60"):
        compare_paired(y, a, b, classes=NAMES, figure="brier", groups=groups[:-1])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"figure": "f2"}, "unknown figure 'f2'"),
        ({"figure": "log_loss"}, "classes is missing"),
        ({"figure": "accuracy"}, "classes is missing"),
        ({"figure": "brier", "classes": ["ant", "bee"]}, "must have 2 columns"),
        ({"figure": "brier", "classes": ["ant", "bee", "ant"]}, "'ant' is there 2 times"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        compare_paired(*draw(0), **given)


def test_losses_need_probabilities() -> None:
    y, a, _ = draw(0)
    with pytest.raises(UsageError, match="of classes compare the accuracy"):
        compare_paired(y, a, y, classes=NAMES, figure="log_loss")
    with pytest.raises(UsageError, match="same images"):
        compare_paired(y, y, y[:-1])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_mcnemar_is_the_binomial_test_of_what_differs(right: list[tuple[bool, bool]]) -> None:
    first, second = np.array(right).T
    found = run_mcnemar(np.ones(len(right), bool), first, second)
    b, c = int((first & ~second).sum()), int((~first & second).sum())
    assert (found.only_first, found.only_second) == (found.wins, found.losses) == (b, c)
    assert found.both + found.neither + b + c == len(right)
    assert found.p_value == pytest.approx(min(1, 2 * binom.cdf(min(b, c), b + c, 0.5)))


def test_equal_classifiers_rarely_seem_to_differ() -> None:
    rng = np.random.default_rng(0)
    y = np.ones(80, bool)
    found = [run_mcnemar(y, *(rng.random((2, 80)) < 0.8)).p_value < 0.05 for _ in range(1000)]
    assert 0.005 < np.mean(found) <= 0.05  # exact, and so at most 5 %


def test_mcnemar_counts_a_group_once() -> None:
    y = np.ones(12, int)
    a, b = np.ones(12, int), np.zeros(12, int)
    groups = np.repeat([0, 1, 2], 4)
    b[:5] = 1  # the first group is even, the others speak for the first classifier
    found = run_mcnemar(y, a, b, groups=groups)
    assert (found.wins, found.losses, found.p_value) == (2, 0, 0.5)
    assert found.only_first == 7


TEXT, NUMBERS = ["0", "1"] * 10, [0, 1] * 10


@pytest.mark.parametrize("compare", [run_mcnemar, compare_paired])
def test_text_against_numbers_is_refused(compare: Any) -> None:
    with pytest.raises(UsageError, match="the predictions are numbers and the classes text"):
        compare(TEXT, NUMBERS, TEXT)
    with pytest.raises(UsageError, match="the predictions are text and the classes numbers"):
        compare(NUMBERS, NUMBERS, TEXT)


@pytest.mark.parametrize("figure", ["accuracy", "balanced_accuracy", "log_loss", "brier"])
def test_text_against_numbers_is_refused_of_probabilities(figure: str) -> None:
    proba = np.full((20, 2), 0.5)
    with pytest.raises(UsageError, match="the labels are numbers and the classes text"):
        compare_paired(NUMBERS, proba, proba, classes=["0", "1"], figure=figure)


@pytest.mark.parametrize("compare", [run_mcnemar, compare_paired])
def test_a_missing_class_is_called_what_it_is(compare: Any) -> None:
    with pytest.raises(UsageError, match="1 of 2 labels is missing"):
        compare(["a", None], ["a", "b"], ["a", "b"])
    with pytest.raises(UsageError, match="1 of 2 predictions is missing"):
        compare(["a", "b"], ["a", None], ["a", "b"])


@pytest.mark.parametrize("kind", [np.asarray, list, np.ndarray.tolist])
def test_mcnemar_of_probabilities_says_what_to_give(kind: Any) -> None:
    y, proba = ["a", "b"], kind(np.full((2, 2), 0.5))
    for a, b in ((proba, proba), (y, proba), (proba, y)):
        with pytest.raises(UsageError, match="must name one class for each image.*or compare_paired"):
            run_mcnemar(y, a, b)
