"""One line says that images are few, with the number of the classes, also where some have one alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cnncodes.commands.few_images import warn_of_few


def say(counts: list[int]) -> list[str]:
    said: list[str] = []
    records = [SimpleNamespace(label=f"c{k}") for k, count in enumerate(counts) for _ in range(count)]
    warn_of_few(records, SimpleNamespace(warn=said.append))  # type: ignore[arg-type]
    return said


@pytest.mark.parametrize(
    ("counts", "start"),
    [
        ([1, 2, 3, 4, 5], "5 of 5 classes have at most 5 images (the fewest, 1: 'c0')"),
        ([3, 9], "1 of 2 classes has at most 5 images (the fewest, 3: 'c0')"),
        ([1, 3, 9], "2 of 3 classes have at most 5 images (the fewest, 1: 'c0')"),
    ],
)
def test_few_images_are_said(counts: list[int], start: str) -> None:
    (said,) = say(counts)
    assert said.startswith(start)


@pytest.mark.parametrize("counts", [[6, 9], [1, 1, 1], [1, 1, 5], [1, 6, 9]])
def test_where_nothing_is_chosen_or_by_many_it_is_not(counts: list[int]) -> None:
    assert not say(counts)
