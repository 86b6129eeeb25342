"""Labels of whatever sort beside a list of images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnncodes.errors import UsageError
from cnncodes.evaluation.checks.opening import open_labelled

PICTURES = [np.full((8, 8, 3), level, np.uint8) for level in (10, 80, 160)]


def read(y: Any, **options: Any) -> tuple[list[str | None], str | None]:
    source, delimiter = open_labelled(PICTURES, y, None, **options)
    return [record.label for record in source.records], delimiter


def test_sets_become_texts_that_are_read_as_sets_again() -> None:
    assert read([{"sky", "sea"}, set(), None]) == (["sea|sky|", "|", None], "|")
    assert read([["a|b"], ["c"], []]) == (["a|b;", "c;", ";"], ";")
    assert read(np.array([[1, 0], [1, 1], [0, 0]])) == (["0|", "0|1|", "|"], "|")


def test_numbers_and_texts_stay_as_they_are() -> None:
    assert read([1.5, None, 2], regression=True) == (["1.5", None, "2"], None)
    assert read(["sea;sky", "sky", ";"], label_delimiter=";") == (["sea;sky", "sky", ";"], ";")


@pytest.mark.parametrize(
    ("y", "options", "text"),
    [
        ([1.5, 2.5, 3.0], {}, "no classes: give regression=True"),
        ([[1, 2], [3, 4], [5, 6]], {"regression": True}, "several numbers an image"),
        ([{"a"}, {"b"}], {}, "one value an image: 3. Got 2"),
        ([{"a"}, "b", {"c"}], {}, "texts and sets"),
        ([None, {"a"}, {"b", None}], {}, "^1 of 3 label sets holds .* at position 2: "),
        ([{"a|;,/\x1f"}, {"b"}, set()], {}, "name them otherwise"),
        (["a", "b", "c"], {"regression": True}, "y must hold numbers"),
    ],
)
def test_what_does_not_fit_is_refused(y: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        read(y, **options)
