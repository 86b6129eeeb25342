"""Holding out: a share of each class, equal files on one side, the same every time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.errors import UsageError
from cnncodes.images import ImageRecord, ImageSource
from cnncodes.images.holdout import hold_out

#: (label, content) of each image; few contents, so that there are copies within and across classes.
IMAGES = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(0, 30).map(lambda i: b"%d" % i)),
    max_size=60,
)
SHARES = st.floats(0.01, 0.99)


def make_source(images: list[tuple[str | None, bytes]]) -> ImageSource:
    records = [ImageRecord(f"{i:03}", data, label) for i, (label, data) in enumerate(images)]
    return ImageSource("made up", None, tuple(records))


@given(IMAGES, SHARES)
def test_equal_files_are_in_one_part_and_labels_decide_who_has_one(
    images: list[tuple[str | None, bytes]], share: float
) -> None:
    parts: dict[bytes, set[str | None]] = {}
    for (label, data), record in zip(images, hold_out(make_source(images), share).records, strict=True):
        assert (record.split is None) == (label is None)
        assert (record.label, record.data) == (label, data)
        if label is not None:
            parts.setdefault(data, set()).add(record.split)
    assert all(len(found) == 1 for found in parts.values())


@given(st.integers(2, 200), SHARES)
def test_of_different_images_the_share_is_held_out_and_neither_part_is_empty(n: int, share: float) -> None:
    source = hold_out(make_source([("a", b"%d" % i) for i in range(n)]), share)
    counts = Counter(record.split for record in source.records)
    assert counts["test"] == min(max(1, round(share * n)), n - 1)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=50, unique=True), SHARES)
def test_numbers_are_no_classes_and_the_share_is_of_all_images(numbers: list[float], share: float) -> None:
    fractions = [(str(number + 0.125), repr(number).encode()) for number in numbers]
    found = hold_out(make_source([*fractions, ("0.5", b"one"), ("2", b"another")]), share)
    n = len(found.records)
    test = [record.key for record in found.records if record.split == "test"]
    assert len(test) == min(max(1, round(share * n)), n - 1)
    whole = [(str(i), data) for i, (_, data) in enumerate(fractions)]
    by_class, as_numbers = (hold_out(make_source(whole), share, by_class=kind) for kind in (True, False))
    assert all(record.split == "train" for record in by_class.records)  # each is a class of its own
    assert any(record.split == "test" for record in as_numbers.records)
    assert [r.key for r in as_numbers.records if r.split == "test"] == [
        r.key for r in hold_out(make_source([("1.5", data) for _, data in whole]), share).records
        if r.split == "test"
    ]  # fmt: skip


GROUPED = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]),
        st.integers(0, 30).map(lambda i: b"%d" % i),
        st.sampled_from([None, "anna", "ben", "carl", "dora", "eve"]),
    ),
    max_size=60,
)


@given(GROUPED, SHARES)
def test_groups_are_in_one_part_with_what_equals_one_of_them(
    images: list[tuple[str | None, bytes, str | None]], share: float
) -> None:
    records = [
        ImageRecord(f"{i:03}", data, label, group=group) for i, (label, data, group) in enumerate(images)
    ]
    found = hold_out(ImageSource("made up", None, tuple(records)), share).records
    for name in ("group", "data"):
        parts: dict[object, set[str | None]] = {}
        for record in found:
            if record.label is not None and getattr(record, name) is not None:
                parts.setdefault(getattr(record, name), set()).add(record.split)
        assert all(len(one) == 1 for one in parts.values())


def test_of_groups_the_share_of_the_images_is_held_out() -> None:
    records = [ImageRecord(f"{i:03}", b"%d" % i, "a", group=str(i // 10)) for i in range(100)]
    found = hold_out(ImageSource("made up", None, tuple(records)), 0.2).records
    assert Counter(record.split for record in found) == {"test": 20, "train": 80}


def make_groups(sizes: dict[str, dict[str, int]]) -> ImageSource:
    """Return images of groups, of each so many of each class."""
    images = [
        (group, label)
        for group, of_class in sizes.items()
        for label, count in of_class.items()
        for _ in range(count)
    ]
    records = [ImageRecord(f"{i:04}", b"%d" % i, label, group=g) for i, (g, label) in enumerate(images)]
    return ImageSource("made up", None, tuple(records))


@pytest.mark.parametrize("n_classes", [1, 2, 3, 6])
@pytest.mark.parametrize(
    ("n_groups", "share", "held"),
    [(4, 0.25, 0.25), (4, 0.1, 0.25), (4, 0.9, 0.75), (5, 0.25, 0.2), (2, 0.25, 0.5), (3, 0.6, 2 / 3)],
)
def test_groups_of_all_classes_are_held_out_nearest_to_the_share(
    n_groups: int, share: float, held: float, n_classes: int
) -> None:
    sizes = {f"camera {i}": {f"class {c}": 12 for c in range(n_classes)} for i in range(n_groups)}
    parts = Counter(record.split for record in hold_out(make_groups(sizes), share).records)
    assert parts["test"] == pytest.approx(held * parts.total())


@pytest.mark.parametrize("salt", range(8))
def test_groups_of_many_sizes_are_put_together_to_the_share(salt: int) -> None:
    sizes = {f"{salt} {i}": {"a": n, "b": 2 * n} for i, n in enumerate([50, 20, 11, 9, 5, 5])}
    counts = Counter((r.label, r.split) for r in hold_out(make_groups(sizes), 0.25).records)
    assert counts["a", "test"] == 25
    assert counts["b", "test"] == 50


def test_one_large_group_is_not_held_out_for_a_small_share() -> None:
    sizes = {"large": {"a": 500}, **{str(i): {"a": 1} for i in range(500)}}
    found = Counter(record.split for record in hold_out(make_groups(sizes), 0.2).records)
    assert found == {"test": 200, "train": 800}


SIZES = st.dictionaries(
    st.sampled_from("ABCDEFGH"), st.dictionaries(st.sampled_from("abc"), st.integers(1, 9)), max_size=8
)


@given(SIZES, SHARES)
def test_a_class_of_several_groups_stays_in_training_and_one_of_one_group_is_there_whole(
    sizes: dict[str, dict[str, int]], share: float
) -> None:
    found = hold_out(make_groups(sizes), share).records
    trained = {record.label for record in found if record.split == "train"}
    assert trained == {label for of_class in sizes.values() for label in of_class}


@given(SIZES, SHARES)
def test_no_single_group_more_or_less_would_be_nearer_to_the_share(
    sizes: dict[str, dict[str, int]], share: float
) -> None:
    """Of one class, where nothing else is wished for."""
    one_class = {group: {"a": sum(of_class.values())} for group, of_class in sizes.items() if of_class}
    found = hold_out(make_groups(one_class), share).records
    held = sum(record.split == "test" for record in found)
    test = {record.group for record in found if record.split == "test"}
    wanted = max(1, round(share * len(found)))
    for group, of_class in one_class.items():
        inside = group in test
        if len(test) - inside == 0 or len(test) + (not inside) == len(one_class):
            continue  # one group at least is on either side
        other = held - of_class["a"] if inside else held + of_class["a"]
        assert abs(held - wanted) <= abs(other - wanted)


def test_a_class_of_two_groups_is_in_the_test_part_too() -> None:
    sizes = {f"camera {i}": {"a": 20, "b": 20} for i in range(4)}
    sizes["camera 2"]["rare"] = sizes["camera 3"]["rare"] = 2
    counts = Counter((r.label, r.split) for r in hold_out(make_groups(sizes), 0.25).records)
    assert counts["rare", "test"] == counts["rare", "train"] == 2
    assert counts["a", "test"] == 20


@pytest.mark.slow
def test_a_share_of_many_groups_is_quickly_found() -> None:
    random = np.random.default_rng(0)
    sizes = {
        str(i): {f"{c}": int(n) for c in random.choice(100, 3)}
        for i, n in enumerate(random.integers(1, 9, 4000))
    }
    source = make_groups(sizes)
    totals = Counter(record.label for record in source.records)
    held = Counter(record.label for record in hold_out(source, 0.2).records if record.split == "test")
    assert max(abs(held[label] / n - 0.2) for label, n in totals.items()) < 0.02


@given(IMAGES, SHARES, st.randoms())
def test_order_and_names_do_not_matter(
    images: list[tuple[str | None, bytes]], share: float, random: object
) -> None:
    shuffled = list(images)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = (
        Counter((r.label, r.data, r.split) for r in hold_out(make_source(one), share).records)
        for one in (images, shuffled)
    )
    assert first == second


def test_a_class_of_copies_is_for_training() -> None:
    source = hold_out(make_source([("a", b"same")] * 3 + [("b", b"1"), ("b", b"2")]), 0.5)
    assert Counter((r.label, r.split) for r in source.records) == {
        ("a", "train"): 3,
        ("b", "train"): 1,
        ("b", "test"): 1,
    }


def test_a_source_that_has_parts_keeps_them() -> None:
    records = (ImageRecord("1", b"1", "a", "val"), ImageRecord("2", b"2", "a"))
    source = ImageSource("made up", None, records)
    assert hold_out(source, 0.5) is source


def test_an_image_that_cannot_be_read_is_held_out_or_not_by_its_name(tmp_path: Path) -> None:
    records = tuple(ImageRecord(f"{i}.png", tmp_path / f"{i}.png", "a") for i in range(4))
    found = hold_out(ImageSource("gone", tmp_path, records), 0.5)
    assert sorted(str(record.split) for record in found.records) == ["test", "test", "train", "train"]


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_must_leave_something_on_both_sides(share: float) -> None:
    with pytest.raises(UsageError, match="above 0 and below 1"):
        hold_out(make_source([("a", b"1")]), share)
