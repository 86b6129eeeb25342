"""Iterative stratification: groups whole, labels spread, orders without effect."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_labels import make_labels

from cnncodes.errors import UsageError
from cnncodes.heads.folds import Rows
from cnncodes.heads.multilabel.folds import deal_labels, find_scarce, make_label_splits, split_label_images


def make_rows(groups, X=None):
    n = len(groups)
    numbers, ones = np.arange(n), np.ones(n)
    groups = np.unique(groups, return_inverse=True)[1]
    X = np.zeros((n, 1)) if X is None else X
    return Rows(X, np.zeros(n, int), ones, ones, numbers, groups, 1, numbers)


def held_out(splits, n):
    fold = np.full(n, -1)
    for number, (train, test) in enumerate(splits):
        assert sorted([*train, *test]) == list(range(n))
        fold[test] = number
    return fold


def test_each_label_is_in_every_fold_alike():
    _, Y = make_labels(200, 6)
    fold = held_out(make_label_splits(make_rows(np.arange(200)), Y, 5, 0), 200)
    for column in (*Y.T, 1 - Y.max(axis=1)):  # and so are images without a label
        counts = np.bincount(fold[column > 0], minlength=5)
        assert np.ptp(counts) <= 4
    assert np.ptp(np.bincount(fold)) <= 4


@given(st.integers(0, 10**6), st.integers(2, 5))
def test_groups_stay_whole_and_two_of_a_rare_label_are_apart(seed, n_folds):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 20, 60)
    Y = (rng.random((60, 3)) < 0.3).astype(int)
    Y[:, 0] = np.isin(groups, groups[[0, np.flatnonzero(groups != groups[0])[0]]])
    splits = make_label_splits(make_rows(groups), Y, n_folds, 0)
    fold = held_out(splits, 60)
    assert all(len(set(fold[groups == group])) == 1 for group in np.unique(groups))
    assert len(set(fold[Y[:, 0] == 1])) == 2


@given(st.integers(0, 10**6))
def test_the_order_of_labels_plays_no_part(seed):
    rng = np.random.default_rng(seed)
    held = rng.integers(0, 2, (25, 5)).astype(float)
    order = rng.permutation(25)
    expected = deal_labels(held, np.ones(25), order, 4)
    found = deal_labels(held[:, rng.permutation(5)], np.ones(25), order, 4)
    np.testing.assert_array_equal(found, expected)


def test_a_label_that_most_images_have_is_stratified_by_those_without():
    Y = np.ones((40, 1), int)
    Y[:4] = 0
    fold = held_out(make_label_splits(make_rows(np.arange(40)), Y, 4, 0), 40)
    assert sorted(fold[:4]) == [0, 1, 2, 3]


def test_folds_of_the_users_and_too_few():
    _, Y = make_labels(10, 2)
    rows = make_rows(np.arange(10))
    given = [(np.arange(5), np.arange(5, 10))]
    [(train, test)] = make_label_splits(rows, Y, given, 0)
    np.testing.assert_array_equal(np.concatenate([train, test]), np.arange(10))
    assert make_label_splits(make_rows(np.zeros(10)), Y, 5, 0) == []
    assert len(make_label_splits(make_rows(np.arange(10) // 5), Y, 5, 0)) == 2
    with pytest.raises(UsageError, match="at least 2 folds"):
        make_label_splits(rows, Y, 1, 0)


@given(st.integers(0, 2**32 - 1), st.integers(2, 8))
def test_folds_of_images_leave_each_label_and_its_lack_to_train_on(seed, cv):
    rng = np.random.default_rng(seed)
    Y, groups = (rng.random((20, 3)) < 0.3).astype(np.int8), rng.integers(0, 12, 20)
    Y = np.delete(Y, find_scarce(groups, Y), axis=1)
    splits = split_label_images(Y, groups, cv, seed)
    held_out(splits, 20) if splits else None
    assert len(splits) <= cv
    for train, test in splits:
        assert np.ptp(Y[train], axis=0).all()
        assert not np.isin(groups[train], groups[test]).any()


def test_a_label_of_one_group_alone_is_scarce_and_so_is_one_that_it_alone_lacks():
    groups = np.array([0, 0, 1, 2])
    assert find_scarce(groups, np.array([[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 0, 0]])).tolist() == [0, 1]


def test_one_group_makes_no_folds():
    assert split_label_images(np.array([[0], [1]]), np.zeros(2, int), 5, 0) == []
