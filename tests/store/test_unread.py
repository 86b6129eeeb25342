"""What an error says of a file: that it is damaged, or nothing."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from samples import fail, make, write

from cnncodes.errors import ShortageError, StoreError
from cnncodes.store import open_codes, read_codes, verify_codes
from cnncodes.store.repairing import repair_codes
from cnncodes.store.summary import summarize_codes
from cnncodes.store.unread import UnreadError, check_damage, check_encoding
from cnncodes.store.verifying import find_problems

FILE = Path("x.codes/data/part-00000.parquet")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        pa.ArrowMemoryError("realloc of size 16384 failed"),
        pa.ArrowException("Unknown error: Failed to launch worker thread: Resource temporarily unavailable"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        OSError(errno.EAGAIN, "Resource temporarily unavailable"),
    ],
)
def test_a_lack_of_memory_or_threads_is_no_damage(error: Exception) -> None:
    with pytest.raises(ShortageError, match=r"cannot be read now.*ulimit"):
        check_damage(FILE, error)


def test_a_path_that_cannot_be_handed_to_the_reader_is_no_damage(tmp_path: Path) -> None:
    error = UnicodeEncodeError("utf-8", "\udce9", 0, 1, "surrogates not allowed")
    with pytest.raises(UnreadError, match=r"its path is no valid UTF-8.*Rename"):
        check_damage(FILE, error)
    check_encoding(tmp_path / "größe 花")
    with pytest.raises(StoreError, match="codes cannot be kept in"):
        check_encoding(tmp_path / "caf\udce9.codes")


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EIO, errno.EMFILE])
def test_what_the_system_does_not_give_is_no_damage(number: int) -> None:
    with pytest.raises(UnreadError):
        check_damage(FILE, OSError(number, "said"))


@pytest.mark.parametrize(
    "error",
    [
        pa.ArrowInvalid("Parquet magic bytes not found in footer"),
        OSError("Unexpected end of stream"),
        pa.ArrowMemoryError("malloc of size 7521983763894330953 failed"),  # no shard takes as much
    ],
)
def test_all_else_is_damage(error: Exception) -> None:
    check_damage(FILE, error)


def forget(path: Path) -> None:
    (path / "manifest.json").unlink()
    repair_codes(path)


@pytest.mark.parametrize("run", [open_codes, read_codes, verify_codes, repair_codes, find_problems])
def test_a_folder_in_a_shards_place_is_said_to_be_moved_away(
    tmp_path: Path, run: Callable[[Path], Any]
) -> None:
    path = tmp_path / "x.codes"
    write(path, [*map(make, "abcd"), fail("z")], shard_images=2)
    shard = min((path / "data").iterdir())
    shard.unlink()
    shard.mkdir()
    try:
        told = str(run(path))
    except StoreError as error:
        told = str(error)
    assert f"{shard} is a folder, in the place of a file. Move it away" in told
    assert "none of cnncodes' files" not in told and "rights" not in told
    shard.rmdir()
    with pytest.raises(StoreError, match="is missing, and the manifest names it"):
        read_codes(path)


@pytest.mark.parametrize(
    "run", [open_codes, read_codes, summarize_codes, verify_codes, repair_codes, forget, find_problems]
)
def test_a_shard_that_git_lfs_has_not_fetched_is_no_damage_and_stays(
    tmp_path: Path, run: Callable[[Path], Any]
) -> None:
    path = tmp_path / "x.codes"
    write(path, [*map(make, "abcd"), fail("z")], shard_images=2)
    shard = min((path / "data").iterdir())
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    shard.write_bytes(pointer)
    try:
        told = str(run(path))
    except UnreadError as error:
        told = str(error)
    assert f"{shard} cannot be read: a pointer of Git LFS stands in its place: fetch the file" in told
    assert "damaged" not in told
    assert shard.read_bytes() == pointer


@pytest.mark.parametrize("broken", ["data", "data/part-00001.parquet"])
@pytest.mark.parametrize("target", ["away", "loop"])
def test_a_link_that_leads_nowhere_is_told_and_changes_nothing(
    tmp_path: Path, broken: str, target: str
) -> None:
    path = tmp_path / "x.codes"
    write(path, [*map(make, "abcdef"), fail("z")], shard_images=2)
    before, manifest = read_codes(path).to_arrow(), (path / "manifest.json").read_bytes()
    (path / broken).rename(tmp_path / "kept")
    (path / broken).symlink_to(path / broken if target == "loop" else tmp_path / "away")
    [problem] = find_problems(path)
    assert f"{path / broken} is a link, and there is nothing where it leads" in problem
    for use in (
        lambda: repair_codes(path),
        lambda: verify_codes(path),
        lambda: write(path, [make("g")]),
        lambda: read_codes(path),
    ):
        with pytest.raises(StoreError, match="is a link, and there is nothing where it leads.*a disk; or"):
            use()
    assert (path / "manifest.json").read_bytes() == manifest
    (path / broken).unlink()
    (path / broken).symlink_to(tmp_path / "kept")  # the disk is there again
    assert not find_problems(path) and read_codes(path).to_arrow().equals(before)
