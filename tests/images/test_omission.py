"""Images that are left out are counted, named and explained."""

from __future__ import annotations

from cnncodes.images import ImageRecord, tell_omitted


def make_record(key: str, label: str | None, split: str | None) -> ImageRecord:
    return ImageRecord(key, b"", label, split)


def test_nothing_is_said_where_nothing_is_left_out() -> None:
    assert tell_omitted([make_record("a", "x", None)], by_part=False) == []
    assert tell_omitted([make_record("a", "x", "train")], by_part=True) == []


def test_each_image_is_told_for_one_reason() -> None:
    records = [
        make_record("a", None, None),
        make_record("b", "x", None),
        make_record("c", "x", "train"),
        make_record("d", None, "train"),
    ]
    assert tell_omitted(records, by_part=True) == [
        "2 of 4 images have no label and are left out: 'a', 'd'",
        "1 of 4 images are in no part (train, val or test) and are left out: 'b'",
    ]


def test_five_are_named() -> None:
    [said] = tell_omitted([make_record(str(i), None, None) for i in range(6)], by_part=False)
    assert said.endswith("'0', '1', '2', '3', '4' and 1 more")
