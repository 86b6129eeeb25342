"""Labels that are numbers."""

from __future__ import annotations

import math

import pytest

from cnncodes.images.numbers import are_fractions, read_number


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
