"""A class that cannot be held out stays in training, and the search goes on with the others."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_rows import blobs

from cnncodes.errors import ResultWarning, UsageError
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.folds import split_images
from cnncodes.heads.names import HEADS
from cnncodes.heads.scarcity import name_classes
from cnncodes.heads.selection import make_head

#: Those that take seconds are left to slower runs.
SOME = [pytest.param(name, marks=[pytest.mark.slow] * (name in ("auto", "linear-svm"))) for name in HEADS]


def with_one_rare(n=48, d=10, spread=2.0):
    """Return rows of three classes, and one row more of class 'rare', the last."""
    X, y = blobs(n + 1, d, k=3, spread=spread)
    return X, np.r_[y[:-1].astype("U4"), ["rare"]]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 8)), min_size=2, max_size=40), st.integers(2, 5))
def test_no_class_is_missing_in_training_and_each_image_is_held_out_once_or_cannot_be(pairs, cv):
    y, groups = np.array(pairs).T
    splits = split_images(y, groups, cv)
    alone = {g for k, g in pairs if len(set(groups[y == k])) == 1}
    free = np.flatnonzero(~np.isin(groups, list(alone)))
    for train, test in splits:
        assert set(y[train]) == set(y) and not set(groups[train]) & set(groups[test])
        assert len(test) and len(train) + len(test) == len(y)
    held_out = sorted(np.concatenate([test for _, test in splits])) if splits else []
    assert held_out == (free.tolist() if splits else [])
    if len(set(y[free])) < min(2, len(set(y))):
        assert not splits


@pytest.mark.parametrize("name", SOME)
def test_one_class_of_one_image_leaves_the_search_to_the_others(name):
    X, y = with_one_rare()
    head = make_head(name, n_jobs=1)
    with pytest.warns(ResultWarning, match="no image of class 'rare', of 1 image, was held out") as told:
        head.fit(X, y)
    assert len(told) == 1
    assert head.n_folds_ == 5 and head.classes_[head.scarce_].tolist() == ["rare"]
    assert len(head.cv_results_["log_loss"]) > 0
    assert sorted(head.held_out_.images) == list(range(48))
    assert head.held_out_.is_right().mean() > 0.6
    assert head.predict_proba(X).shape == (49, 4) and head.predict_proba(X[-1:])[0, 3] > 0


def test_what_is_chosen_is_nearly_what_it_is_without_the_class():
    X, y = with_one_rare(240)
    with pytest.warns(ResultWarning, match="'rare'"):
        head = LinearHead("ridge", scaling="standard").fit(X, y)
    without = LinearHead("ridge", scaling="standard").fit(X[:-1], y[:-1])
    assert abs(np.log10(head.C_ / without.C_)) <= 1
    assert head.scorer_.temperature == pytest.approx(without.scorer_.temperature, rel=0.5)


def test_a_class_of_one_group_takes_the_images_with_it():
    X, y = with_one_rare()
    groups = np.arange(49)
    groups[[0, 1, 48]] = 99  # two of other classes are in its group
    with pytest.warns(ResultWarning, match="'rare'"):
        head = LinearHead("ridge").fit(X, y, groups=groups)
    assert sorted(head.held_out_.images) == list(range(2, 48))


def test_class_weights_count_all_and_score_the_others():
    X, y = with_one_rare()
    with pytest.warns(ResultWarning, match="'rare'"):
        head = LinearHead("ridge", class_weight="balanced").fit(X, y)
    assert set(np.round(head.held_out_.weight, 6)) == {round(49 / 4 / 16, 6)}


def test_many_such_classes_are_counted_and_some_named():
    X, y = blobs(40, 8, k=2)
    y = np.r_[y[:30].astype("U8"), [f"rare {i}" for i in range(10)]]
    with pytest.warns(ResultWarning, match=r"10 of 12 classes \('rare 0', .*'rare 4', …\)"):
        head = LinearHead("ridge").fit(X, y)
    assert head.n_folds_ == 5 and len(head.scarce_) == 10
    assert name_classes(np.arange(2)) == "'0', '1'"


def test_where_one_class_alone_can_be_held_out_nothing_is_chosen():
    X, y = blobs(12, 5, k=2)
    y = np.r_[y[:10][y[:10] == "ant"], ["bee", "cat"]]
    said = r"2 of 3 classes are of one image or group: 'bee' \(one image\), 'cat' \(one image\), so that none"
    with pytest.warns(UserWarning, match=said):
        head = LinearHead("ridge").fit(X[: len(y)], y)
    assert head.n_folds_ == 0 and head.held_out_ is None and len(head.scarce_) == 3


def test_equal_images_are_told_from_images_of_one_group():
    X, y = blobs(12, 5, k=2)
    X[y == "ant"], X[y == "bee"] = X[y == "ant"][0], X[y == "bee"][0]
    said = r"'ant' \(6 equal images, which count as one\), 'bee' \(6 equal images, which count as one\), so"
    with pytest.warns(UserWarning, match=said):
        LinearHead("ridge").fit(X, y)
    X += np.arange(12)[:, None]
    groups = np.unique(y, return_inverse=True)[1]
    with pytest.warns(UserWarning, match=r"'ant' \(6 images of one group\), 'bee' \(6 images of one group\)"):
        LinearHead("ridge").fit(X, y, groups=groups)


def test_equal_images_with_several_views_are_told():
    X, y = blobs(6, 5, k=2)
    X, y = np.repeat(X[:2], 4, axis=0), np.repeat(y[:2], 4)
    X[1::2] += 1  # the two views of each image
    groups, images = np.arange(8) // 4, np.arange(8) // 2
    with pytest.warns(UserWarning, match=r"\(2 equal images, which count as one\)"):
        LinearHead("ridge").fit(X, y, groups=groups, images=images)


def test_without_such_a_class_nothing_is_said():
    X, y = blobs(20, 5, k=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResultWarning)
        head = LinearHead("ridge").fit(X, y)
    assert head.scarce_.tolist() == []


def test_given_folds_that_cannot_be_made_say_which_class_and_how_many_it_lacks():
    X, y = with_one_rare()
    half = np.arange(49) % 2 == 0
    folds = [(np.flatnonzero(half), np.flatnonzero(~half)), (np.flatnonzero(~half), np.flatnonzero(half))]
    expected = "fold 2 of cv has no image of the class 'rare' to train on, and needs 1: there is 1 in all"
    with pytest.raises(UsageError, match=expected):
        LinearHead("ridge", cv=folds).fit(X, y)
    with pytest.raises(UsageError, match="fold 1 of cv holds nothing out"):
        LinearHead("ridge", cv=[(np.arange(49), np.arange(0))]).fit(X, y)


@pytest.mark.parametrize(
    ("fold", "said"),
    [
        ((np.arange(20), np.arange(20, 60)), "numbers of training rows, from 0 to 49"),
        ((np.arange(20), [-1]), "from 0 to 49"),
        ((np.arange(50), np.arange(40, 50)), "fold 1 of cv trains on 10 of the 10 rows that it holds out"),
        ((np.ones(49, bool), np.arange(5)), "from 0 to 49"),
        ((np.linspace(0, 1, 9), np.arange(5)), "from 0 to 49"),
    ],
)
def test_folds_of_no_rows_or_with_rows_on_both_sides_are_refused(fold, said) -> None:
    X, y = np.random.default_rng(0).normal(size=(50, 3)), np.arange(50) % 2
    with pytest.raises(UsageError, match=said):
        LinearHead("ridge", cv=[fold]).fit(X, y)
    half = np.arange(50) < 30
    masks, numbers = (LinearHead("ridge", cv=[(half, one)]).fit(X, y) for one in (~half, np.arange(30, 50)))
    assert masks.C_ == numbers.C_
