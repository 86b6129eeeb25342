"""What an error says of a file: that it is damaged, or nothing."""

from __future__ import annotations

import errno
from pathlib import Path

import pyarrow as pa
import pytest

from cnncodes.errors import ShortageError, StoreError
from cnncodes.store.unread import UnreadError, check_damage, check_encoding

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
