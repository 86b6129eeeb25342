"""Copies: images whose content is stored, or in hand, get the rows of that content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from samples import content_of, flip_codes, make, open_writer, rows_of, write

from cnncodes.errors import StoreError, UsageError
from cnncodes.store import ImageCopy, read_codes, verify_codes


def copy(key: str, of: str, **others: object) -> ImageCopy:
    values = {"label": "dog", "split": None, "group": "anna", "size": 10, "mtime_ns": 7, **others}
    return ImageCopy(key=key, content=content_of(of), **values)  # type: ignore[arg-type]


def check(path: Path, *pairs: tuple[str, str]) -> None:
    """Each copy has the rows of its original but for what is its own."""
    rows = rows_of(path)[0]
    for key, original in pairs:
        own = [row for row in rows if row["image"] == key]
        shared = [row for row in rows if row["image"] == original]
        assert len(own) == len(shared) == 2
        for row, other in zip(own, shared, strict=True):
            assert {**other, "image": key, "label": "dog", "split": None, "group": "anna"} | {
                "size": 10,
                "mtime": 7,
            } == row
    verify_codes(path)


def test_a_copy_has_the_rows_of_what_is_in_hand_or_on_disk(tmp_path: Path) -> None:
    write(tmp_path, [make(key) for key in "abcd"], shard_images=2)
    with open_writer(tmp_path, shard_images=4) as writer:
        writer.add(copy("x", "d"))  # from one shard, in the middle of another's rows
        writer.add(copy("aa", "a"))
        writer.add(make("n"))
        assert writer.has_in_hand(content_of("n"))
        writer.add(copy("nn", "n"))
        assert not writer.has_in_hand(content_of("n"))  # four results: a shard was cut
        writer.add(copy("nnn", "n"))
    check(tmp_path, ("x", "d"), ("aa", "a"), ("nn", "n"), ("nnn", "n"))
    codes = read_codes(tmp_path)
    assert len(set(codes.images)) == 9 and len(np.unique(codes.X, axis=0)) == 10


def test_a_copy_of_itself_only_changes_what_is_known_of_the_file(tmp_path: Path) -> None:
    write(tmp_path, [make(key) for key in "abc"])
    before = rows_of(tmp_path)[0]
    [shard] = (tmp_path / "data").iterdir()
    with open_writer(tmp_path) as writer:
        assert writer.add(copy("b", "b", label="cat", split="train", group=None, mtime_ns=5)) is None
    assert list((tmp_path / "data").iterdir()) == [shard]  # just as it is stored: nothing was written
    write(tmp_path, [copy("b", "b", label="cat", split="train", group=None, mtime_ns=99, size=11)])  # type: ignore[list-item]
    after = rows_of(tmp_path)[0]
    expected = [{**row, "mtime": 99, "size": 11} if row["image"] == "b" else row for row in before]
    assert after == expected
    verify_codes(tmp_path)


def test_a_copy_of_what_is_dropped_keeps_its_rows(tmp_path: Path) -> None:
    write(tmp_path, [make(key) for key in "abcd"], shard_images=2)
    with open_writer(tmp_path) as writer:
        writer.add(copy("x", "d"))
        writer.add(copy("y", "d"))
        writer.drop(["d", "c", "y"])
    rows = rows_of(tmp_path)[0]
    assert sorted({row["image"] for row in rows}) == ["a", "b", "x"]
    stored = [row["code"] for row in rows if row["image"] == "x"]
    np.testing.assert_array_equal(np.array(stored), make("d").codes.astype(np.float16))


def test_a_copy_of_nothing_is_refused(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        with pytest.raises(UsageError, match="has no codes of the content of 'x'"):
            writer.add(copy("x", "a"))
        writer.add(make("a"))
        writer.drop(["a"])
        with pytest.raises(UsageError, match="has no codes of the content of 'x'"):
            writer.add(copy("x", "a"))


def test_a_damaged_original_is_named(tmp_path: Path) -> None:
    write(tmp_path, [make(key) for key in "abc"])
    [shard] = (tmp_path / "data").iterdir()
    flip_codes(shard)
    with (
        pytest.raises(StoreError, match="part-00000.parquet is damaged, or the manifest is: its sha256"),
        open_writer(tmp_path) as writer,
    ):
        writer.add(copy("x", "a"))
