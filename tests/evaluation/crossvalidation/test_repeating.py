"""Repetitions of a cross-validation: other folds each time, also where groups are of different sizes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from cnncodes.errors import ResultWarning
from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation.crossvalidation.classes import split_classes
from cnncodes.evaluation.crossvalidation.numbers import split_groups
from cnncodes.evaluation.crossvalidation.repeating import divide
from cnncodes.heads.multilabel.folds import split_label_images

SPLITS = {
    "classes": split_classes,
    "numbers": lambda y, *others: split_groups(*others),
    "labels": split_label_images,
}


def make(sizes: list[int], kind: str) -> Training:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    y: Any = groups % 2
    if kind == "labels":
        y = np.column_stack([groups % 2, groups // 2 % 2])
    rows = ImageRows(np.zeros((len(groups), 1), np.float32), np.ones(len(groups), np.int64), [], {})
    return Training(rows, y, None, groups, "auto", 0)


def held_out(splits: Any) -> set[tuple[int, ...]]:
    return {tuple(test.tolist()) for _, test in splits}


@pytest.mark.parametrize("kind", SPLITS)
def test_groups_of_different_sizes_are_divided_otherwise_each_time(kind: str) -> None:
    sizes = [4, 5, 7, 8, 9, 10, 12, 13, 14, 15, 17, 19]  # the heaviest first leave nothing to chance
    training = make(sizes, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        divisions = divide(SPLITS[kind], training, 4, 5)
    assert len({frozenset(held_out(splits)) for splits in divisions}) == 5
    assert held_out(divisions[0]) == held_out(SPLITS[kind](training.y, training.groups, 4, 0, None))
    for splits in divisions:
        assert len(splits) == 4
        parts = [set(training.groups[test].tolist()) for _, test in splits]
        assert sorted(group for part in parts for group in part) == list(range(len(sizes)))
        assert all(
            not part & set(training.groups[train]) for part, (train, _) in zip(parts, splits, strict=True)
        )
        shares = [len(test) / sum(sizes) for _, test in splits]
        assert max(shares) < 0.45 and min(shares) > 0.1  # no fold is nearly all, or nothing


@pytest.mark.parametrize("kind", ["numbers", "labels"])
def test_where_groups_allow_one_division_a_warning_says_so(kind: str) -> None:
    with pytest.warns(ResultWarning, match="3 repetitions took 1 division into folds: whole groups"):
        divisions = divide(SPLITS[kind], make([3, 5, 4, 6], kind), 4, 3)
    assert len({frozenset(held_out(splits)) for splits in divisions}) == 1


def test_images_that_are_groups_of_their_own_are_dealt_as_ever() -> None:
    training = make([1] * 24, "classes")
    divisions = divide(split_classes, training, 4, 3)
    for repeat, splits in enumerate(divisions):
        assert held_out(splits) == held_out(split_classes(training.y, training.groups, 4, repeat))
