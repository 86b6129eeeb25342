"""Keys: text that can be stored, and none twice."""

from __future__ import annotations

import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cnncodes.images.keys import is_url, make_unique, to_text

#: Names that run into the numbers that are given.
NAMES = st.sampled_from(["a", "b", "a#2", "a#3", "a#2#2", "a#4", ""])


@given(st.lists(NAMES, max_size=25))
@example(["a", "a", "a#2"])
@example(["a#2", "a", "a"])
@example(["a", "a#2", "a#2", "a", "a#2#2"])
def test_keys_are_unique_and_the_first_of_equal_ones_keeps_its_name(keys: list[str]) -> None:
    unique = make_unique(keys)
    assert len(set(unique)) == len(unique) == len(keys)
    for position, (key, name) in enumerate(zip(keys, unique, strict=True)):
        if key not in keys[:position]:
            assert name == key
        else:
            head, _, number = name.rpartition("#")
            assert head == key and int(number) >= 2
    assert make_unique(unique) == unique


def test_numbers_count_up() -> None:
    assert make_unique(["a", "a", "a", "b", "a#3"]) == ["a", "a#2", "a#4", "b", "a#3"]
    assert make_unique(["a"] * 20_000)[-1] == "a#20000"


@given(st.binary())
def test_any_name_of_a_file_becomes_text_that_can_be_written(name: bytes) -> None:
    text = to_text(os.fsdecode(name))
    assert text.encode("utf-8").decode("utf-8") == text


@given(st.text())
def test_what_is_text_already_stays(name: str) -> None:
    assert to_text(name) == name


@given(st.text(st.characters(categories=["Cs", "Lu"])))
def test_surrogates_that_stand_for_no_byte_become_text_too(name: str) -> None:
    text = to_text(name)
    assert text.encode("utf-8").decode("utf-8") == text


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("https://example.org/a.jpg", True),
        ("s3://bucket/a.jpg", True),
        ("git+ssh://host/a", True),
        ("/photos/a.jpg", False),
        ("c:/photos/a.jpg", False),
        ("what is a://b.jpg", False),
        ("", False),
    ],
)
def test_addresses_are_told_from_paths(path: str, expected: bool) -> None:
    assert is_url(path) is expected
