"""What is given to evaluate and is none of what is asked for, in every function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnncodes import evaluation
from cnncodes.errors import UsageError

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
    for call in (
        lambda: evaluation.evaluate_predictions(Y, masked, CLASSES),
        lambda: evaluation.evaluate_predictions(Y, hidden, CLASSES),
        lambda: evaluation.compare_paired(Y, masked, Y),
        lambda: evaluation.compare_paired(Y, hidden, hidden, classes=CLASSES),
        lambda: evaluation.run_mcnemar(Y, Y, masked),
    ):
        with pytest.raises(UsageError, match="must hold no masked values"):
            call()
