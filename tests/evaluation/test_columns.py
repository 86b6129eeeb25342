"""Tables are read by the names of their columns, wherever a function takes one beside the classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.errors import UsageError
from cnncodes.evaluation import (
    evaluate_abstention,
    evaluate_multilabel,
    evaluate_predictions,
    find_label_pairs,
)
from cnncodes.evaluation.columns import order_columns

pandas = pytest.importorskip("pandas")

LABELS = ["fog", "sea", "sky"]


def _make(n: int = 300) -> tuple[Any, Any, Any]:
    """Return the truth, the labels that are named and their probabilities as tables; each label differs."""
    rng = np.random.default_rng(0)
    truth = rng.random((n, 3)) < (0.2, 0.5, 0.6)
    proba = np.clip(truth * (0.9, 0.6, 0.3) + rng.random((n, 3)) * (0.1, 0.4, 0.7), 0, 1)
    tables = truth.astype(int), (proba > 0.5).astype(int), proba
    return tuple(pandas.DataFrame(values, columns=LABELS) for values in tables)


@given(st.permutations(LABELS), st.permutations(LABELS), st.permutations(LABELS))
def test_labels_are_found_by_name_in_each_of_three_tables(
    first: list[str], second: list[str], third: list[str]
) -> None:
    truth, named, proba = _make(40)
    expected = evaluate_multilabel(truth.to_numpy(), named.to_numpy(), proba.to_numpy(), LABELS)
    assert evaluate_multilabel(truth[first], named[second], proba[third], LABELS) == expected


@given(st.permutations(LABELS))
def test_pairs_of_labels_are_those_of_the_truth_in_whatever_order_the_named_come(order: list[str]) -> None:
    truth, named, _ = _make()
    assert find_label_pairs(truth, named[order]) == find_label_pairs(truth.to_numpy(), named.to_numpy())


def test_the_named_labels_beside_a_truth_without_names_are_in_its_order() -> None:
    truth, named, _ = _make()
    assert find_label_pairs(truth.to_numpy(), named) == find_label_pairs(truth, named)


def test_precision_against_recall_is_of_the_label_that_the_legend_names() -> None:
    pytest.importorskip("matplotlib")
    from cnncodes.plots import plot_precision_recall

    truth, _, proba = _make()

    def name(y: Any, proba: Any) -> list[str]:
        axes = plot_precision_recall(y, proba, LABELS)
        return [text.get_text() for text in axes.get_legend().get_texts()]

    assert name(truth, proba[LABELS[::-1]]) == name(truth.to_numpy(), proba.to_numpy())


def test_abstaining_goes_by_the_probabilities_of_the_classes_that_are_named() -> None:
    from cnncodes.estimators.abstention import choose_rule
    from cnncodes.estimators.answers import HeldOutAnswers

    p = np.linspace(0.5, 1, 400, dtype=np.float32)
    rule = choose_rule(HeldOutAnswers(p, p > 0.7), risk=0.1)
    y, proba = np.where(p > 0.7, "cat", "dog"), np.column_stack([p, 1 - p]).astype(float)
    table = pandas.DataFrame({"dog": proba[:, 1], "cat": proba[:, 0]})
    expected = evaluate_abstention(y, proba, ["cat", "dog"], rule)
    assert evaluate_abstention(y, table, ["cat", "dog"], rule) == expected


@pytest.mark.parametrize("names", [["1", "0"], [1, 0], [np.int64(1), np.int64(0)], [1.0, 0.0]])
def test_numbers_are_found_by_number_or_by_their_text(names: list[Any]) -> None:
    table = pandas.DataFrame([[0.1, 0.9], [0.8, 0.2]]).set_axis(names, axis=1)
    assert order_columns(table, np.array([0, 1])).tolist() == [[0.9, 0.1], [0.2, 0.8]]


def test_columns_that_are_only_numbered_and_arrays_are_in_the_order_of_the_classes() -> None:
    table = pandas.DataFrame([[0.1, 0.9]])
    assert np.asarray(order_columns(table, ["dog", "cat"])).tolist() == [[0.1, 0.9]]
    assert order_columns([[0.1, 0.9]], ["dog", "cat"]) == [[0.1, 0.9]]


@pytest.mark.parametrize(
    "names",
    [["dog", "bird"], ["P(dog)", "P(cat)"], ["dog", "dog"], ["Dog", "Cat"], [1, 0], ["dog", "cat", "ant"]],
)
def test_columns_of_other_names_are_refused(names: list[Any]) -> None:
    table = pandas.DataFrame([[1 / len(names)] * len(names)]).set_axis(names, axis=1)
    with pytest.raises(UsageError, match=r"the columns of probabilities are named .* the classes are 'cat'"):
        evaluate_predictions(["cat"], table, ["cat", "dog"])


def test_what_is_refused_is_named() -> None:
    truth, named, proba = _make(40)
    with pytest.raises(UsageError, match="columns of named are named 'fog', 'sea', 'lake'"):
        evaluate_multilabel(truth, named.rename(columns={"sky": "lake"}), proba, LABELS)
    with pytest.raises(UsageError, match="columns of proba are named 'fog', 'sea', 'lake'"):
        evaluate_multilabel(truth, named, proba.rename(columns={"sky": "lake"}), LABELS)
