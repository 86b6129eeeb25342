"""Holding out: a share of each class, equal files on one side, the same every time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

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
