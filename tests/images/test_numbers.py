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


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("1 234 567", "1234567"),
        ("1_0", "10"),
        ("-12\u2019000,5", "-12000.5"),
        ("1,234.5", "1234.5"),
        ("1,234,567", "1234567"),
        ("\u2212235.11", "-235.11"),
        ("\u2013 3", "-3"),
        ("12 kg", "12"),
        ("3.5m\u00b2", "3.5"),
        ("-2 \u00b0C", "-2"),
        ("0.5 m/s", "0.5"),
        ("7\u20ac", "7"),
    ],
)
def test_how_a_number_is_written_is_told_by_the_text_itself(text: str, bare: str) -> None:
    assert f"write {text} as {bare}." in explain_writing([text])


@pytest.mark.parametrize("text", ["class 1 000", "1 2", "192.168.0.1", "2024", "1.2.3", "a_1", "12 0000"])
def test_what_is_neither_a_number_nor_a_date_is_let_alone(text: str) -> None:
    assert explain_writing([text]) == "" and not is_date(text)


def test_each_way_of_writing_that_occurs_is_named_once() -> None:
    said = explain_writing(["1,5", "2,5", "1_000", "7 %", "3"])
    assert "write 1_000 as 1000." in said and said.count("none with a comma") == 1 and "65.8%" in said
    assert said.count("Regression takes") == 3
