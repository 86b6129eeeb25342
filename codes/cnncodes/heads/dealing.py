"""In which order groups are dealt to folds, to which, and whether these do."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def sort_groups(totals: Array, order: Array, n_folds: int, in_rounds: bool) -> Array:
    """Return groups, heaviest first and equal ones as in `order`.

    So groups of different weights are always dealt alike. In rounds, those dealt one to each fold are as in
    `order` among themselves: other divisions, of which no two folds are further apart in weight.

    Examples
    --------
    >>> sort_groups(np.array([4, 3, 2, 1]), np.array([3, 1, 0, 2]), 2, in_rounds=True)
    array([1, 0, 3, 2])
    """
    # Weights are compared as float32: 3 times 1/3 and 1 are the same weight.
    by_weight = np.argsort(-totals.astype(np.float32)[order], kind="stable")
    if in_rounds:
        by_weight = by_weight[np.lexsort((by_weight, np.arange(len(order)) // n_folds))]
    return np.asarray(order[by_weight])


def deal_groups(totals: Array, label: Array, order: Array, n_folds: int, in_rounds: bool) -> Array:
    """Return the fold of each group in `order`, by its weight and the class that it has most of; else -1."""
    fold, start = np.full(len(totals), -1, dtype=np.int64), 0
    for k in range(int(label.max()) + 1):
        members = sort_groups(totals, order[label[order] == k], n_folds, in_rounds)
        fold[members] = (start + np.arange(len(members))) % n_folds
        start += len(members)
    return fold


def is_sound(y: Array, held_out: Array, n_classes: int) -> bool:
    """Say whether rows are held out and the others have every class."""
    return bool(held_out.any() and np.bincount(y[~held_out], minlength=n_classes).all())
