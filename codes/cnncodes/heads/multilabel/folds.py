"""Folds over images that have several labels: groups stay whole, and each label is in every fold alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from cnncodes.errors import UsageError
from cnncodes.heads.dealing import sort_groups
from cnncodes.heads.folds import Rows, Split, make_splits

Array = npt.NDArray[Any]


def make_label_splits(
    rows: Rows, Y: Array, cv: Any, random_state: Any, *, in_rounds: bool = False
) -> list[Split]:
    """Return (training rows, held-out rows) of each fold; none where no two can be made.

    For a number `cv` by iterative stratification of whole groups (`deal_labels`); other `cv` as of
    `make_splits`. `in_rounds` is as in `cnncodes.heads.dealing.sort_groups`.
    """
    if not isinstance(cv, int | np.integer) or isinstance(cv, bool):
        return make_splits(rows, cv, random_state)
    if cv < 2:
        raise UsageError(f"cv must be at least 2 folds; got {cv}")
    totals = np.bincount(rows.groups, rows.weight)
    if len(totals) < 2:
        return []
    # A label that most images have is as rare as the images without it.
    rare = np.where(np.average(Y, axis=0, weights=rows.weight) > 0.5, 1 - Y, Y)
    held = np.stack([np.bincount(rows.groups, rows.weight * column) for column in rare.T], axis=1)
    shuffled = check_random_state(random_state).permutation(len(totals))
    n_folds = min(int(cv), len(totals))
    fold = deal_labels(held, totals, sort_groups(totals, shuffled, n_folds, in_rounds), n_folds)[rows.groups]
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold).tolist()]


def split_label_images(
    Y: Array, groups: Array, cv: int, random_state: Any, *, in_rounds: bool = False
) -> list[Split]:
    """Return (training images, held-out images) of each fold, as `make_label_splits` does it of rows.

    Every training part has images with and without each label: where folds lack that, fewer are made, and
    none where that is of no help.

    Parameters
    ----------
    Y : int ``[n, L]``
        1 where an image has a label, else 0.
    groups : ``[n]``
        Images of a group are on one side.
    in_rounds : bool
        As in `cnncodes.heads.dealing.sort_groups`.

    Examples
    --------
    >>> Y = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
    >>> [Y[test].sum(axis=0).tolist() for _, test in split_label_images(Y, np.arange(4), 2, 0)]
    [[1, 1], [1, 1]]
    """
    ones, numbers = np.ones(len(Y)), np.arange(len(Y))
    members = np.unique(groups, return_inverse=True)[1]
    one = np.zeros(len(Y), dtype=np.int64)
    rows = Rows(numbers[:, None], one, ones, ones, numbers, members, 1, numbers)
    for n_folds in range(min(cv, int(members.max(initial=0)) + 1), 1, -1):
        splits = make_label_splits(rows, Y, n_folds, random_state, in_rounds=in_rounds)
        if splits and all(len(train) and np.ptp(Y[train], axis=0).all() for train, _ in splits):
            return splits
    return []


def find_scarce(groups: Array, Y: Array) -> Array:
    """Return the labels that images of one group alone have, or lack: none of these can be held out.

    Parameters
    ----------
    groups : int ``[n]``
        The group of each image or row.
    Y : ``[n, L]``
        1 where it has a label, else 0.

    Examples
    --------
    >>> find_scarce(np.array([0, 0, 1, 2, 3]), np.array([[1, 1], [1, 0], [0, 1], [0, 0], [0, 0]]))
    array([0])
    """
    return np.flatnonzero(count_sides(groups, Y) < 2)


def count_sides(groups: Array, Y: Array) -> Array:
    """Return how many groups have each label, or lack it, whichever are fewer; arguments as `find_scarce`."""
    having = np.array([np.count_nonzero(np.bincount(groups, column)) for column in Y.T], dtype=np.int64)
    lacking = np.array([np.count_nonzero(np.bincount(groups, 1 - column)) for column in Y.T], dtype=np.int64)
    return np.minimum(having, lacking)


def deal_labels(held: Array, totals: Array, order: Array, n_folds: int) -> Array:
    """Return the fold of each group, such that every fold has about its share of each label.

    The label that fewest of the groups left have is dealt first, its groups in order: each to the fold that
    lacks most of it, of equal ones to the one that lacks most images.

    Parameters
    ----------
    held : float ``[G, L]``
        What each group weighs of each label.
    totals : float ``[G]``
        What it weighs.
    order : int ``[G]``
        In which groups are dealt: heavy ones first.
    n_folds : int

    References
    ----------
    K. Sechidis, G. Tsoumakas and I. Vlahavas, "On the stratification of multi-label data", ECML PKDD 2011.

    Examples
    --------
    >>> held = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> deal_labels(held, np.ones(4), np.arange(4), 2)
    array([0, 1, 0, 1])
    """
    # Sorted by what they hold, so that the order in which labels were given plays no part.
    held = held[:, np.lexsort(held)]
    # In units of a group, so that what is rounded below does not hang on the scale of the weights.
    held, totals = held / totals.mean(), totals / totals.mean()
    lack = np.tile(held.sum(axis=0) / n_folds, (n_folds, 1))
    room = np.full(n_folds, totals.sum() / n_folds)
    fold, left = np.full(len(totals), -1), (held > 0).sum(axis=0)

    def put(group: int, wanted: Array) -> None:
        # Rounded: sums of thirds must not decide.
        best = int(np.lexsort((-room.round(6), -wanted.round(6)))[0])
        fold[group] = best
        lack[best] -= held[group]
        room[best] -= totals[group]
        left[:] -= held[group] > 0

    while (open_labels := np.flatnonzero(left)).size:
        label = open_labels[left[open_labels].argmin()]
        for group in order[(fold[order] < 0) & (held[order, label] > 0)].tolist():
            put(group, lack[:, label])
    for group in order[fold[order] < 0].tolist():
        put(group, room)
    return fold
