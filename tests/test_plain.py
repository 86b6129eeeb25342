"""Plain values: what JSON can hold."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnncodes import evaluation
from cnncodes.plain import cut_names, to_builtin, to_plain


@dataclasses.dataclass
class Pair:
    left: Any
    right: Any


NUMBERS = st.one_of(
    st.integers(), st.floats(), st.floats(width=32).map(np.float32), st.integers(0, 255).map(np.uint8)
)
VALUES = st.recursive(
    st.one_of(NUMBERS, st.text(), st.booleans(), st.none(), st.lists(st.floats(width=16)).map(np.array)),
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(st.one_of(st.text(), st.integers()), inner),
        st.builds(Pair, inner, inner),
    ),
    max_leaves=12,
)


@given(VALUES)
def test_whatever_is_made_plain_is_json(value: Any) -> None:
    plain = to_plain(value)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


@given(NUMBERS)
def test_a_number_stays_the_number_that_it_is(value: Any) -> None:
    built_in, plain = to_builtin(value), to_plain(value)
    assert type(built_in) in (int, float)
    assert built_in == value or math.isnan(value)
    assert plain == built_in if math.isfinite(value) else plain is None


def test_a_dataclass_is_an_object_and_its_class_none() -> None:
    assert to_plain(Pair(np.int64(1), (math.inf, "a"))) == {"left": 1, "right": [None, "a"]}
    assert to_plain(Pair) is Pair


def test_every_result_of_evaluation_is_had_as_json_holds_it() -> None:
    results = [getattr(evaluation, name) for name in evaluation.__all__ if name[0].isupper()]
    assert results and all(hasattr(result, "to_dict") for result in results)
    y, other = ["a", "b"] * 10, ["a", "b", "b", "b"] * 5
    for found in (
        evaluation.evaluate_predictions(y, other, ["a", "b"]),
        evaluation.evaluate_numbers(np.arange(20.0), np.arange(20.0) + 1),
        evaluation.evaluate_multilabel(
            np.eye(2)[[0, 1] * 10], np.eye(2)[[0] * 20], np.full((20, 2), 0.5), [0, 1]
        ),
        evaluation.compare_classifiers(y, {"one": other, "other": y}),
        evaluation.run_mcnemar(y, other, y),
        evaluation.measure_share([True, False] * 10),
    ):
        plain = found.to_dict()
        assert json.loads(json.dumps(plain, allow_nan=False)) == plain == to_plain(found)


def test_names_that_a_cut_would_make_equal_are_told_apart() -> None:
    names = [f"Pseudobarbus_burchelli_subspecies_number_{i}" for i in (1, 2, 3)]
    assert cut_names([*names, "cat"], 24) == [
        *(f"Pseudobarbu…ies_number_{i}" for i in (1, 2, 3)),
        "cat",
    ]
    # Where they differ neither at their beginnings nor at their ends, they stand whole.
    alike = [f"{'x' * 50}{i}{'y' * 50}" for i in (1, 2)]
    assert cut_names(alike) == alike


@given(st.lists(st.text(alphabet="ab…", max_size=12), unique=True))
def test_names_that_differ_are_shown_so(names: list[str]) -> None:
    assert len(set(cut_names(names, 5))) == len(names)


def test_a_name_is_cut_alike_each_time_it_stands_in_a_list() -> None:
    assert cut_names(["x" * 30, "x" * 30], 10) == ["x" * 9 + "…"] * 2
