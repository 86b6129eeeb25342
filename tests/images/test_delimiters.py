"""Labels that look like several in one text."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.images.delimiters import find_delimiter

NAMES = ("sea", "sky", "cliff", "boat")


@given(st.sampled_from("|;,"), st.sampled_from(["", " "]))
def test_what_divides_all_pairs_is_found(sign: str, blank: str) -> None:
    texts = [f"{a}{sign}{blank}{b}" for a, b in itertools.combinations(NAMES, 2)]
    assert find_delimiter([*texts, None, *NAMES]) == (sign, texts[0])


def test_a_bar_divides_labels_of_which_most_are_rare() -> None:
    assert find_delimiter(["c1|odd", "c2|even", "c3|odd", "c4|even"]) == ("|", "c1|odd")
    assert find_delimiter(["c1;odd", "c2;even", "c3;odd", "c4;even"]) is None
    assert find_delimiter(["a|b", "c|d"]) is None


@given(st.lists(st.text("abc -_/+", max_size=6)))
def test_texts_without_a_sign_are_classes(texts: list[str]) -> None:
    assert find_delimiter(texts) is None


@pytest.mark.parametrize(
    "texts",
    [
        ["Smith, J", "Smith, K", "Jones, L"],
        ["cat;dog"] * 5,
        ["cats, all kinds", "dogs, large"],
        ["|", "|", "a"],
        [],
    ],
)
def test_names_with_a_sign_are_classes(texts: list[str]) -> None:
    assert find_delimiter(texts) is None
