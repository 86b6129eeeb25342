"""A rule for answers on labelled images, against what was promised."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnncodes.errors import UsageError
from cnncodes.estimators.abstention import AnswerRule, choose_rule
from cnncodes.estimators.answers import HeldOutAnswers
from cnncodes.evaluation import evaluate_abstention

CLASSES = ["a", "b"]


def draw(rng: np.random.Generator, n: int, sharper: float = 1.0) -> tuple[Any, Any]:
    """Return classes and probabilities, which mean what they say where `sharper` is 1."""
    logit = rng.normal(0, 2.5, n)
    truth = np.where(rng.random(n) < 1 / (1 + np.exp(-logit)), "b", "a")
    p = 1 / (1 + np.exp(-sharper * logit))
    return truth, np.column_stack([1 - p, p])


def make_rule(rng: np.random.Generator, n: int = 1000, risk: float = 0.05) -> AnswerRule:
    y, proba = draw(rng, n)
    right = np.array(CLASSES)[proba.argmax(axis=1)] == y
    return choose_rule(HeldOutAnswers.choose(proba, right, np.arange(n)), risk)


def test_coverage_and_risk_are_the_shares_that_they_are() -> None:
    rng = np.random.default_rng(0)
    rule = make_rule(rng)
    y, proba = draw(rng, 2000)
    found = evaluate_abstention(y, proba, CLASSES, rule)
    answered = proba.max(axis=1) >= rule.threshold
    wrong = np.array(CLASSES)[proba.argmax(axis=1)] != y
    assert found.coverage.value == answered.mean() and found.coverage.n == 2000
    assert found.risk.value == wrong[answered].mean() and found.risk.n == answered.sum()
    assert rule.coverage_low < found.coverage.value < rule.coverage_high
    assert found.describe().startswith("the promise is kept: ")


def test_the_table_goes_from_all_images_to_the_surest() -> None:
    rng = np.random.default_rng(1)
    y, proba = draw(rng, 500)
    points = evaluate_abstention(y, proba, CLASSES, make_rule(rng)).points
    assert [round(point.coverage, 2) for point in points] == [
        1, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1,
    ]  # fmt: skip
    assert points[0].accuracy.value == (np.array(CLASSES)[proba.argmax(axis=1)] == y).mean()
    assert points[-1].accuracy.n == 50 and points[-1].accuracy.value > points[0].accuracy.value


def test_equal_probabilities_are_answered_together() -> None:
    rule = make_rule(np.random.default_rng(0))
    points = evaluate_abstention(["a"] * 7, np.tile([0.7, 0.3], (7, 1)), CLASSES, rule).points
    assert [(point.coverage, point.accuracy.n) for point in points] == [(1.0, 7)]


def test_a_broken_promise_is_called_one() -> None:
    rng = np.random.default_rng(2)
    rule = make_rule(rng)
    y, proba = draw(rng, 2000, sharper=8.0)  # surer than it is right
    found = evaluate_abstention(y, proba, CLASSES, rule)
    assert found.risk.low > 0.05 and found.describe().startswith("the promise is broken: ")
    few = evaluate_abstention(["b", "b", "a"], np.tile([0.001, 0.999], (3, 1)), CLASSES, rule)
    assert "no more than chance may bring with so many" in few.describe()
    sure = evaluate_abstention(["b", "b"], np.tile([0.001, 0.999], (2, 1)), CLASSES, rule)
    assert sure.describe().startswith("0 of 2 answers (0%) are wrong")
    assert "2 answers are too few to be sure of it" in sure.describe()


def test_a_share_just_above_what_was_promised_is_told_from_it() -> None:
    rule = make_rule(np.random.default_rng(0))
    y = ["a"] * 9 + ["b"] * 170
    found = evaluate_abstention(y, np.tile([0.001, 0.999], (179, 1)), CLASSES, rule)
    said = "9 of 179 answers (5.03%) are wrong, where at most 5% were promised: more"
    assert found.describe().startswith(said)


def test_where_nothing_is_answered_the_reason_is_given() -> None:
    rng = np.random.default_rng(3)
    y, proba = draw(rng, 50)
    found = evaluate_abstention(y, proba, CLASSES, make_rule(rng, n=20))
    assert found.coverage.value == 0 and np.isnan(found.risk.value) and found.risk.n == 0
    assert found.describe().startswith("no image was answered: a risk of 0.05")
    rule = make_rule(rng)
    found = evaluate_abstention(["a"], [[0.5, 0.5]], CLASSES, rule)
    assert found.describe() == "no image was answered, as no probability was high enough"


def test_unknown_classes_are_wrong_and_groups_are_drawn_together() -> None:
    rng = np.random.default_rng(4)
    rule = make_rule(rng)
    assert evaluate_abstention(["x"], [[0.999, 0.001]], CLASSES, rule).risk.value == 1
    y, proba = draw(rng, 400)
    alone = evaluate_abstention(y, proba, CLASSES, rule).coverage
    groups = np.argsort(np.argsort(proba.max(axis=1))) // 40  # images of a group are about as sure
    together = evaluate_abstention(y, proba, CLASSES, rule, groups=groups).coverage
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_what_does_not_fit_is_refused() -> None:
    rule = make_rule(np.random.default_rng(0))
    for y, proba in ((["a"], [0.5]), ([], np.empty((0, 2)))):
        with pytest.raises(UsageError, match="goes by probabilities"):
            evaluate_abstention(y, proba, CLASSES, rule)


def test_true_classes_are_of_the_kind_of_the_classifiers_and_none_is_missing() -> None:
    rule, proba = make_rule(np.random.default_rng(0)), np.full((2, 2), 0.5)
    with pytest.raises(UsageError, match="the labels are text and the classes numbers"):
        evaluate_abstention(["0", "1"], proba, [0, 1], rule)
    with pytest.raises(UsageError, match="1 of 2 labels is missing"):
        evaluate_abstention(["a", None], proba, CLASSES, rule)
    assert evaluate_abstention(np.array([0, 1], object), proba, [0, 1], rule).points[0].accuracy.n == 2


@pytest.mark.parametrize("rule", [None, 0.9])
def test_a_rule_that_is_none_is_refused(rule: Any) -> None:
    with pytest.raises(UsageError, match="rule must be that of answers.* Got (NoneType|float) instead"):
        evaluate_abstention(["a"], [[0.5, 0.5]], CLASSES, rule)
