"""Which images are for validation: no group on both sides, no class left out of the training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cnncodes.errors import SourceError
from cnncodes.finetuning.examples import Labelled, check_known_classes, split_validation, tell_share
from cnncodes.images import records_from


def make(labels: list[str], contents: list[str] | None = None, groups: list[str] | None = None) -> Labelled:
    records = records_from([bytes([i % 256, i // 256]) for i in range(len(labels))])
    found = contents or [f"{i:032x}" for i in range(len(labels))]
    return Labelled(records, np.array(labels), found, None if groups is None else np.array(groups))


def test_a_fifth_of_each_class_is_held_out() -> None:
    train, validation = split_validation(make(["a"] * 50 + ["b"] * 20), 0.2, 0)
    assert {label: int((validation.y == label).sum()) for label in "ab"} == {"a": 10, "b": 4}
    assert len(train.y) == 56
    assert set(train.contents).isdisjoint(validation.contents)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)  # each takes half a second
@given(st.floats(0.02, 0.49), st.integers(0, 3))
def test_so_much_is_held_out_as_was_asked(share: float, seed: int) -> None:
    _, validation = split_validation(make(["a", "b"] * 200), share, seed)
    assert len(validation.y) / 400 == pytest.approx(share, abs=0.03)


def test_where_few_images_allow_another_share_alone_it_is_told() -> None:
    train, validation = split_validation(make(["a", "b", "c"] * 2), 0.2, 0)
    assert (len(train.y), len(validation.y)) == (3, 3)
    [text] = tell_share(train, validation, 0.2)
    assert text.startswith("3 of 6 images, 50%, are held out for validation, and not 20%: ")


@pytest.mark.parametrize("labels", [["a"] * 50 + ["b"] * 20, ["a", "b"] * 4, ["a"] * 4 + ["rare"]])
def test_a_share_that_is_nearly_met_is_not_told(labels: list[str]) -> None:
    train, validation = split_validation(make(labels), 0.2, 0)
    assert tell_share(train, validation, 0.2) == []


def test_it_depends_on_the_random_state_alone() -> None:
    images = make(["a", "b"] * 40)
    first, again, other = (split_validation(images, 0.25, state)[1].contents for state in (0, 0, 1))
    assert first == again != other


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), min_size=4, max_size=60),
    st.sampled_from([0.1, 0.2, 0.5]),
    st.integers(0, 3),
)
@example(
    [("a", 0), ("a", 0), ("a", 1), ("b", 0), ("b", 1)], 0.1, 3
)  # folds of one class each, scikit-learn 1.6
def test_groups_stay_whole_and_every_class_is_trained(
    rows: list[tuple[str, int]], share: float, seed: int
) -> None:
    images = make([label for label, _ in rows], [f"{label}{number:031x}" for label, number in rows])
    classes = {label for label, _ in rows}
    try:
        train, validation = split_validation(images, share, seed)
    except SourceError:
        assert all(len({row for row in rows if row[0] == label}) < 2 for label in classes)
        return
    assert set(train.contents).isdisjoint(validation.contents)
    assert set(train.y) == classes
    assert len(train.y) + len(validation.y) == len(rows)
    assert len(validation.y)


def test_groups_of_the_user_stay_whole() -> None:
    images = make(["a", "b"] * 20, groups=[f"g{i // 4}" for i in range(40)])
    train, validation = split_validation(images, 0.2, 0)
    assert train.groups is not None and validation.groups is not None
    assert set(train.groups).isdisjoint(validation.groups)


def test_a_class_of_one_image_is_trained_on() -> None:
    train, validation = split_validation(make(["a"] * 10 + ["rare"]), 0.2, 0)
    assert "rare" in train.y and "rare" not in validation.y


def test_without_two_images_of_a_class_nothing_can_be_held_out() -> None:
    with pytest.raises(SourceError, match=r"no image can be held out .* a part 'val'"):
        split_validation(make(["a", "b", "c"]), 0.2, 0)


def test_a_class_that_is_missing_from_the_training_is_named() -> None:
    with pytest.raises(SourceError, match=r"class 'c' of the validation images is missing"):
        check_known_classes(make(["a", "b"]), make(["a", "c"]), "validation")
    with pytest.raises(SourceError, match=r"at least 2 classes; got only 'a'"):
        check_known_classes(make(["a", "a"]), make(["a"]), "validation")


@pytest.mark.parametrize(
    ("contents", "groups", "said"),
    [
        (None, ["g"] * 4, "the images of each class are of one group. Give images of more groups"),
        (None, list("gghh"), "the images of each class are of one group"),
        (["x", "x", "y", "y"], None, "the files of each class are all equal. Give at least 2"),
        (["x", "x", "y", "y"], list("ghij"), "the files of each class are all equal"),
        (None, None, "each class has one image. Give at least 2 different images"),
    ],
)
def test_why_nothing_can_be_held_out_is_said(
    contents: list[str] | None, groups: list[str] | None, said: str
) -> None:
    labels = list("abcd" if contents is None and groups is None else "aabb")
    with pytest.raises(SourceError) as told:
        split_validation(make(labels, contents, groups), 0.2, 0)
    assert str(told.value).startswith(f"no image can be held out for validation, as {said}")
    assert str(told.value).endswith("or a part 'val'.")
