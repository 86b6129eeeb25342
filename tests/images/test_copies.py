"""Equal images, and those of one group, are drawn together."""

from __future__ import annotations

import numpy as np
import pytest

from cnncodes.images import ImageRecord, draw_together, hash_contents


def make_records(*groups: str | None) -> list[ImageRecord]:
    return [ImageRecord(f"{i}.png", f"{i}.png", group=group) for i, group in enumerate(groups)]


@pytest.mark.parametrize(
    ("groups", "contents", "together", "n_different"),
    [
        ((None,) * 4, "abcd", None, None),
        ((None,) * 4, "abab", [0, 1, 0, 1], 2),
        (("anna", "otto", None, "eva"), "abac", [0, 1, 0, 2], 3),
        (("anna", "otto", "otto", "eva"), "abca", [0, 1, 1, 0], 3),
        ((None, "otto", None, "otto"), ["a", None, "a", None], [0, 1, 0, 1], 3),
    ],
)
def test_copies_are_joined_with_groups(
    groups: tuple[str | None, ...], contents: list[str | None], together: list[int] | None, n_different: int
) -> None:
    found = draw_together(make_records(*groups), [*contents])
    assert found.n_different == n_different
    assert together is None if found.groups is None else found.groups.tolist() == together


def test_where_all_differ_groups_are_those_of_the_table() -> None:
    found = draw_together(make_records("anna", None), np.array([7, 9], np.uint64))
    assert (found.groups, found.n_different) == (["group:anna", "image:1.png"], None)


def test_what_cannot_be_read_has_no_content() -> None:
    here, lost = ImageRecord("a", b"abc"), ImageRecord("b", "/nowhere/b.png")
    assert hash_contents([here, lost]) == ["cf4ab791c62b8d2b2109c90275287816", ""]
