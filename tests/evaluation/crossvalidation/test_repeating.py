"""Repetitions: each divides the images otherwise, where there are other divisions that are as good."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest

from cnncodes.errors import ResultWarning
from cnncodes.evaluation.crossvalidation.repeating import divide_images
from cnncodes.heads.folds import split_images
from cnncodes.heads.multilabel.folds import split_label_images

RNG = np.random.default_rng(0)


def divide(groups: Any, cv: int, repeats: int, y: Any = None, split: Any = split_images) -> list[Any]:
    groups = np.asarray(groups)
    split = partial(split, np.zeros(len(groups), np.int64) if y is None else y, groups, cv)
    return divide_images(split(0), split, 0, repeats)


def name(splits: Any) -> frozenset[tuple[int, ...]]:
    return frozenset(tuple(np.sort(test).tolist()) for _, test in splits)


def make_groups(*sizes: int) -> Any:
    return np.repeat(np.arange(len(sizes)), sizes)


@pytest.mark.parametrize("of", ["classes", "numbers", "labels"])
def test_groups_that_differ_in_size_are_divided_otherwise_each_time(of: str) -> None:
    groups = make_groups(2, 3, 4, 5, 6, 7, 8, 9)
    y = {
        "classes": np.arange(len(groups)) % 3,
        "numbers": None,
        "labels": np.stack([np.arange(len(groups)) % 2, np.arange(len(groups)) % 3 == 0], 1).astype(int),
    }[of]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = divide(groups, 4, 6, y, split_label_images if of == "labels" else split_images)
    assert len(found) == len({name(splits) for splits in found}) == 6
    for splits in found:
        assert len(splits) == 4
        held = [np.unique(groups[test]) for _, test in splits]
        assert np.sort(np.concatenate(held)).tolist() == list(range(8))  # each is whole, and held out once
        if of == "numbers":
            sizes = [len(test) for _, test in splits]
            assert max(sizes) - min(sizes) <= (9 + 5) - (6 + 2)  # never further apart than dealt in turn


def test_others_of_a_class_are_in_folds_as_evenly() -> None:
    groups = make_groups(*range(1, 12))
    y = np.repeat(np.arange(11) % 2, np.arange(1, 12))
    for splits in divide(groups, 3, 20, y):
        for label in (0, 1):
            counts = [len(np.unique(groups[test][y[test] == label])) for _, test in splits]
            assert max(counts) - min(counts) <= 1


def test_images_without_groups_are_divided_as_by_the_next_random_states() -> None:
    y, groups = RNG.integers(0, 3, 40), np.arange(40)
    found = divide(groups, 5, 3, y)
    assert [name(splits) for splits in found] == [
        name(split_images(y, groups, 5, state)) for state in range(3)
    ]


@pytest.mark.parametrize("split", [split_images, split_label_images])
def test_where_there_is_one_division_it_is_not_repeated(split: Any) -> None:
    groups = np.arange(40) % 5
    y = np.arange(40) % 2
    labels = y[:, None] if split is split_label_images else y
    with pytest.warns(ResultWarning, match="^1 repetition instead of 4: no more than 1 division of so few"):
        assert len(divide(groups, 5, 4, labels, split)) == 1


def test_few_divisions_are_all_found() -> None:
    # The lightest of four groups joins any of the three others.
    with pytest.warns(
        ResultWarning, match="^3 repetitions instead of 9: no more than 3 divisions .* were found"
    ):
        found = divide(make_groups(9, 5, 4, 1), 3, 9)
    assert len(found) == 3


def test_random_states_that_are_no_numbers_draw_on() -> None:
    groups, state = np.arange(12), np.random.RandomState(3)
    split = partial(split_images, np.zeros(12, np.int64), groups, 4)
    found = divide_images(split(state), split, state, 3)
    assert len({name(splits) for splits in found}) == 3
