"""Labels that are numbers."""

from __future__ import annotations

import math

import pytest

from cnncodes.images.numbers import are_fractions, explain_writing, is_date, read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [("3.5", 3.5), (" -2 ", -2.0), ("1e3", 1000.0), ("", None), ("1_0", None), ("a", None)],
)
def test_text_that_is_a_number(text: str, number: float | None) -> None:
    assert read_number(text) == number
    assert math.isnan(read_number("nan") or 0)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["1", "2"], False),
        (["01", "2.0"], False),
        (["1", "2.5", None], True),
        (["1.5", "cat"], False),
        ([None], False),
        (["nan", "1"], True),
        (["1.5", ""], False),
    ],
)
def test_fractions_are_no_classes(labels: list[str | None], expected: bool) -> None:
    assert are_fractions(labels) == expected


@pytest.mark.parametrize("text", ["1 234 567", "1_0", "1\xa0000", "12\u2019000.5", " 1 000 ", "1,234.5"])
def test_separators_of_thousands_are_told(text: str) -> None:
    assert "without separators of thousands" in explain_writing(["3", text]) and not is_date(text)


@pytest.mark.parametrize("text", ["class 1 000", "1 2", "192.168.0.1", "2024", "1.2.3", "a_1", "12 0000"])
def test_what_is_neither_a_number_nor_a_date_is_let_alone(text: str) -> None:
    assert explain_writing([text]) == "" and not is_date(text)
