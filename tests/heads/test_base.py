"""What every head by name keeps of its search: the answers to images that it had not seen."""

from __future__ import annotations

import numpy as np
import pytest
from made_rows import blobs

from cnncodes.errors import ResultWarning, UsageError
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.kernel_head import KernelHead
from cnncodes.heads.names import HEADS
from cnncodes.heads.selection import fit_head, make_head


@pytest.mark.slow
@pytest.mark.parametrize("name", HEADS)
def test_held_out_answers_name_each_image_once(name):
    X, y = (np.repeat(values, 2, axis=0) for values in blobs(40, 12, k=3, spread=3.0))
    images = np.arange(80) // 2 + 100  # two rows each
    weight = np.where(images == 105, 0.0, 0.5)
    head = fit_head(make_head(name, n_jobs=1), X, y, weight, None, images)
    held_out = head.held_out_
    assert sorted(held_out.images) == [image for image in range(100, 140) if image != 105]
    names = head.classes_[held_out.y]
    assert names.tolist() == [y[np.flatnonzero(images == image)[0]] for image in held_out.images]
    assert held_out.decision.shape == (39, 3) and np.isfinite(held_out.decision).all()
    assert len(set(held_out.groups)) == 39
    assert held_out.is_right().mean() > 0.7


@pytest.mark.parametrize("name", HEADS)
def test_many_classes_of_few_images_are_not_taken_for_numbers(name):
    X = np.random.default_rng(0).normal(size=(25, 5))
    with pytest.warns(UserWarning, match="so that none can be held out") as told:
        make_head(name, n_jobs=1).fit(X, [f"class {i}" for i in range(25)])
    assert len(told) == 1


def test_without_folds_nothing_was_held_out():
    X, y = blobs(3, 5, k=3)
    with pytest.warns(UserWarning, match="'ant' .one image.,.* so that none can be held out"):
        assert make_head("ridge").fit(X, y).held_out_ is None


def test_a_class_of_one_group_is_named():
    X, y = blobs(30, 5, k=3)
    groups = np.where(y == "bee", 0, np.arange(30) + 1)
    with pytest.warns(UserWarning, match="no image of class 'bee', of 10 images, was held out"):
        make_head("ridge").fit(X, y, groups=groups)
    with pytest.warns(UserWarning, match="class 'bee' has 10 images of one group.* nothing was chosen"):
        make_head("ridge").fit(X[y != "cat"], y[y != "cat"], groups=groups[y != "cat"])


@pytest.mark.slow
def test_a_search_on_a_part_of_the_rows_says_nothing_of_all_images():
    X, y = blobs(120, 12)
    assert KernelHead(search_rows=60).fit(X, y).held_out_ is None
    assert len(KernelHead(search_rows=120).fit(X, y).held_out_.images) == 120


@pytest.mark.parametrize("name", ["linear-svm", "ridge", "lda", "centroid", "knn", "rbf-svm"])
def test_where_every_held_out_image_was_right_no_probability_is_one(name):
    X, y = blobs(80, 20, k=2, spread=50)
    head = make_head(name, n_jobs=1).fit(X, y)
    assert head.held_out_.is_right().all()
    held_out = head.scorer_.proba_from_decision(head.held_out_.decision[:, 0])
    assert 0.9 < held_out.max() < 1 - 1e-4


@pytest.mark.parametrize(("scale", "word"), [(1 / 40, "less"), (100.0, "more")])
def test_weights_that_count_far_fewer_or_more_copies_than_there_are_images_are_told(
    scale: float, word: str
) -> None:
    X, y = blobs(40, 6, k=2)
    with pytest.warns(ResultWarning, match=f"trust them {word} than they may"):
        LinearHead("ridge", cv=2).fit(X, y, sample_weight=np.full(40, scale))


@pytest.mark.parametrize("weight", [1e-30, 1e300])
def test_weights_beyond_all_measure_are_refused(weight: float) -> None:
    X, y = blobs(40, 6, k=2)
    with pytest.raises(UsageError, match="sample_weight must be 0 or from 1e-09 to 1e"):
        LinearHead("ridge", cv=2).fit(X, y, sample_weight=np.full(40, weight))


@pytest.mark.parametrize(
    "labels", [[1, "a"], ["a", 1.5], [True, "a"], [np.int64(1), np.str_("a")], [True, 2], (1, "a")]
)
def test_a_list_of_labels_of_several_types_is_refused_as_an_array_of_them_is(labels):
    X, y = np.random.default_rng(0).normal(size=(60, 3)), labels * 30
    for given in (y, np.array(y, dtype=object)):
        with pytest.raises(UsageError, match="labels in y must be of one type and none missing; got "):
            LinearHead("ridge").fit(X, given)


def test_a_list_of_numbers_of_several_types_is_taken():
    X = np.random.default_rng(0).normal(size=(60, 3))
    assert LinearHead("ridge").fit(X, [np.int64(1), 2] * 30).classes_.tolist() == [1, 2]
    assert LinearHead("ridge").fit(X, [np.str_("b"), "a"] * 30).classes_.tolist() == ["a", "b"]
