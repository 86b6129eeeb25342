"""A search by sums of folds against the one that goes through the rows for each fold."""

from __future__ import annotations

import numpy as np
import pytest
from made_rows import blobs
from sklearn.model_selection import LeaveOneOut, ShuffleSplit
from threadpoolctl import threadpool_limits

from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.folds import make_splits
from cnncodes.heads.sum_search import BY_SUMS, choose_by_sums, number_folds
from cnncodes.heads.sweep import choose


def make_rows(X, y, cv=5, **given):
    """Return checked rows, and their folds."""
    head = LinearHead("ridge", class_weight=given.pop("class_weight", None), cv=cv)
    given = {name: given.get(name) for name in ("sample_weight", "groups", "images")}
    rows = head._check_rows(X, y, *given.values())
    return rows, make_splits(rows, cv, 0)


def add_a_rare_class(X, y):
    """Give one image alone to a class, which folds then never hold out."""
    return X, np.where(np.arange(len(y)) == 7, "eel", y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("kind", BY_SUMS)
def test_it_finds_what_going_through_the_rows_does(kind, k, dtype):
    X, y = blobs(n=240, d=9, k=k)
    if k == 4:
        X, y = add_a_rare_class(X, y)
    far = 100 if dtype == np.float64 else 0
    X = np.column_stack([X + far, np.full(len(X), 3.25)]).astype(dtype)  # the last one is constant
    weight = np.random.default_rng(1).uniform(0.2, 5, len(X))
    weight[:3] = 0
    given = {"images": np.arange(len(X)) // 3 * 3 + np.unique(y, return_inverse=True)[1] * 1000}
    rows, splits = make_rows(X, y, sample_weight=weight, class_weight="balanced", **given)
    search = LinearHead(kind)._make_search()
    fold = number_folds(rows, splits)
    with threadpool_limits(1):
        one, two = (choose_by_sums(rows, fold, len(splits), search, n) for n in (1, 2))
        other = choose(rows, splits, search, 1)
    assert (one.scaling, one.setting) == (other.scaling, other.setting)
    np.testing.assert_array_equal(one.table["C"], other.table["C"])
    exact = 1e-6 if dtype == np.float64 else 1e-3
    np.testing.assert_allclose(one.table["log_loss"], other.table["log_loss"], rtol=exact)
    np.testing.assert_array_equal(one.held_out.images, other.held_out.images)
    np.testing.assert_allclose(one.held_out.decision, other.held_out.decision, rtol=1e-2, atol=1e-3)
    for name in ("y", "weight", "groups"):
        np.testing.assert_array_equal(getattr(one.held_out, name), getattr(other.held_out, name))
    np.testing.assert_array_equal(one.held_out.decision, two.held_out.decision)  # not a bit by threads


def test_rows_that_are_never_held_out_are_trained_on():
    rows, splits = make_rows(*add_a_rare_class(*blobs(n=240, d=9)))
    fold = number_folds(rows, splits)
    assert fold[7] == len(splits) == 5 and sorted(set(fold)) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "cv", [ShuffleSplit(3, test_size=0.2, train_size=0.5, random_state=0), ShuffleSplit(5, random_state=0)]
)
def test_folds_that_leave_rows_out_or_overlap_are_none_for_sums(cv):
    rows, splits = make_rows(*blobs(n=240, d=9), cv=cv)
    assert number_folds(rows, splits) is None
    LinearHead("ridge", cv=cv).fit(rows.X, rows.y)  # and are gone through as ever


def test_few_rows_or_many_folds_are_none_for_sums():
    X, y = blobs(n=100, d=30)
    rows, splits = make_rows(X, y)
    assert number_folds(rows, splits) is None
    rows, splits = make_rows(X[:, :20], y, cv=LeaveOneOut())
    assert len(splits) == 100 and number_folds(rows, splits) is None
    rows, splits = make_rows(X[:, :20], y)
    assert number_folds(rows, splits) is not None
