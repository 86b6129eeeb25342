"""What is given to evaluate and is none of what is asked for, in every function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnncodes import evaluation
from cnncodes.errors import UsageError
from cnncodes.estimators.abstention import choose_rule
from cnncodes.estimators.answers import HeldOutAnswers
from cnncodes.evaluation.label_order import trace_precision

Y, PROBA, CLASSES = ["a", "b"], np.array([[0.6, 0.4], [0.3, 0.7]]), ["a", "b"]
CALLS: dict[str, tuple[Any, ...]] = {
    "evaluate_predictions": (Y, PROBA, CLASSES),
    "evaluate_numbers": ([1, 2], [1, 3]),
    "evaluate_multilabel": ([{"a"}, {"b"}], PROBA > 0.5, PROBA, CLASSES),
    "compare_paired": (Y, Y, Y),
    "compare_classifiers": (Y, {"one": Y, "other": Y}),
    "measure_calibration": ([0.6, 0.7], [True, False]),
    "measure_ranges": ([1, 2], [1, 3]),
    "measure_share": (np.array([True, False]),),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("wrong", [-1, 1.5, "0"])
def test_random_states_that_are_none_are_refused(name: str, wrong: Any) -> None:
    with pytest.raises(UsageError, match="random_state must be"):
        getattr(evaluation, name)(*CALLS[name], random_state=wrong)


def test_classes_without_an_order_are_refused() -> None:
    with pytest.raises(UsageError, match="classes must be a list of labels.*Got set instead"):
        evaluation.evaluate_predictions(Y, PROBA, set(CLASSES))


@pytest.mark.parametrize("wrong", [0, 1.5, None, True])
def test_top_k_is_a_whole_number(wrong: Any) -> None:
    with pytest.raises(UsageError, match="top_k must be a whole number of at least 1"):
        evaluation.evaluate_predictions(Y, PROBA, CLASSES, top_k=wrong)


def test_a_share_is_of_booleans_one_an_image() -> None:
    assert evaluation.measure_share([True, False]).value == 0.5
    for wrong in ([1.5, 0], ["a"], [[True]], True):
        with pytest.raises(UsageError, match="right must hold booleans"):
            evaluation.measure_share(wrong)
    with pytest.raises(UsageError, match="groups must have one value an image: 2"):
        evaluation.measure_share([True, False], groups=[1])


def test_masked_answers_are_refused() -> None:
    masked = np.ma.array(Y, mask=[True, False])
    hidden = np.ma.array(PROBA, mask=PROBA > 0.65)
    truth, named = np.eye(2, dtype=int), np.ma.array(np.eye(2, dtype=int), mask=PROBA > 0.65)
    right, sure = (np.ma.array(values, mask=[True, False]) for values in ([True, False], [0.6, 0.7]))
    for call in (
        lambda: evaluation.evaluate_predictions(Y, masked, CLASSES),
        lambda: evaluation.evaluate_predictions(Y, hidden, CLASSES),
        lambda: evaluation.evaluate_predictions(masked, Y, CLASSES),
        lambda: evaluation.evaluate_abstention(masked, PROBA, CLASSES, RULE),
        lambda: evaluation.compare_paired(Y, masked, Y),
        lambda: evaluation.compare_paired(masked, Y, Y),
        lambda: evaluation.compare_paired(Y, hidden, hidden, classes=CLASSES),
        lambda: evaluation.compare_classifiers(masked, {"one": Y, "other": Y}),
        lambda: evaluation.run_mcnemar(Y, Y, masked),
        lambda: evaluation.run_mcnemar(masked, Y, Y),
        lambda: evaluation.evaluate_multilabel(named, truth, PROBA, CLASSES),
        lambda: evaluation.evaluate_multilabel(truth, named, PROBA, CLASSES),
        lambda: evaluation.evaluate_multilabel(truth, truth, hidden, CLASSES),
        lambda: evaluation.find_label_pairs(named, truth),
        lambda: evaluation.find_label_pairs(truth, named),
        lambda: evaluation.measure_share(right),
        lambda: evaluation.measure_calibration(sure, [True, False]),
        lambda: evaluation.measure_calibration([0.6, 0.7], right),
        lambda: trace_precision(named, PROBA, CLASSES),
        lambda: trace_precision(truth, hidden, CLASSES),
    ):
        with pytest.raises(UsageError, match="must hold no masked values"):
            call()


TRUTH = ["a", "b"] * 3
EVEN = np.full((6, 2), 0.5)
RIGHT = np.array([True, False, True, True, True, False])
RULE = choose_rule(HeldOutAnswers(np.linspace(0.5, 1, 400, dtype=np.float32), np.arange(400) > 5), 0.1)
#: Of six images, with groups.
GROUPED: dict[str, Callable[[Any], Any]] = {
    "evaluate_predictions": lambda groups: evaluation.evaluate_predictions(
        TRUTH, EVEN, CLASSES, groups=groups
    ),
    "evaluate_abstention": lambda groups: evaluation.evaluate_abstention(
        TRUTH, EVEN, CLASSES, RULE, groups=groups
    ),
    "evaluate_numbers": lambda groups: evaluation.evaluate_numbers(
        range(6), [0, 1, 2, 4, 4, 6], groups=groups
    ),
    "evaluate_multilabel": lambda groups: evaluation.evaluate_multilabel(
        [{"a"}, {"b"}] * 3, EVEN > 0.4, EVEN, CLASSES, groups=groups
    ),
    "compare_paired": lambda groups: evaluation.compare_paired(TRUTH, TRUTH, ["a"] * 6, groups=groups),
    "compare_losses": lambda groups: evaluation.compare_paired(
        TRUTH, EVEN, EVEN[::-1], classes=CLASSES, figure="brier", groups=groups
    ),
    "compare_classifiers": lambda groups: evaluation.compare_classifiers(
        TRUTH, {"one": TRUTH, "other": ["a"] * 6}, groups=groups
    ),
    "measure_calibration": lambda groups: evaluation.measure_calibration(EVEN[:, 0], RIGHT, groups=groups),
    "measure_ranges": lambda groups: evaluation.measure_ranges(range(6), [0, 1, 2, 4, 4, 6], groups=groups),
    "measure_share": lambda groups: evaluation.measure_share(RIGHT, groups=groups),
    "run_mcnemar": lambda groups: evaluation.run_mcnemar(TRUTH, TRUTH, ["a"] * 6, groups=groups),
}


@pytest.mark.parametrize("name", GROUPED)
@pytest.mark.parametrize("wrong", [[1, 2], np.zeros((6, 1)), np.zeros((6, 2)), "abcdef", [[1], [2, 3]] * 3])
def test_groups_are_one_value_an_image(name: str, wrong: Any) -> None:
    with pytest.raises(UsageError, match="groups must have one value an image: 6"):
        GROUPED[name](wrong)


@pytest.mark.parametrize("name", GROUPED)
@pytest.mark.parametrize("missing", [None, float("nan"), ""])
def test_images_without_a_group_are_each_one_of_their_own(name: str, missing: Any) -> None:
    named = GROUPED[name](["zoe", "b1", "b2", "zoe", "b4", "b5"])
    assert repr(GROUPED[name](["zoe", missing, missing, "zoe", missing, missing])) == repr(named)
    assert repr(GROUPED[name](["zoe", missing, missing, "zoe", missing, 7])) == repr(named)


@pytest.mark.parametrize("name", GROUPED)
def test_masked_groups_are_refused_with_their_place(name: str) -> None:
    masked = np.ma.array([1, 2, 3, 1, 2, 3], mask=[False, True, False, False, True, False])
    with pytest.raises(UsageError, match="2 of 6 groups are masked, at positions 1, 4: .* or name a group"):
        GROUPED[name](masked)


@pytest.mark.parametrize("kind", [np.int8, np.float64, str, object])
def test_groups_are_told_apart_whatever_type_names_them(kind: Any) -> None:
    for call in GROUPED.values():
        assert repr(call(np.array([3, 1, 1, 3, 2, 5]).astype(kind))) == repr(call([3, 1, 1, 3, 2, 5]))
