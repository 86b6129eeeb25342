"""Records: what they read, and what tells that an image changed."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cnncodes.errors import ShortageError, UnreadableImage
from cnncodes.images import FileStat, ImageRecord, records
from cnncodes.images.file_stats import ListedFile
from cnncodes.images.records import RowBytes


def fail(record: ImageRecord, match: str) -> None:
    for act in (record.stat, record.read):
        with pytest.raises(UnreadableImage, match=match) as caught:
            act()
        assert caught.value.stage == "read"
        assert "\n" not in caught.value.reason


@pytest.mark.skipif(not os.access("/proc/kmsg", os.R_OK), reason="needs a file whose reading waits")
def test_what_only_looks_like_a_file_is_not_waited_for() -> None:
    record = ImageRecord("a", "/proc/kmsg")  # the kernel's messages: regular, by its mode
    with contextlib.suppress(OSError), open(os.open("/proc/kmsg", os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        file.read()
    with pytest.raises(UnreadableImage, match="reading it would wait"):
        record.read()


@pytest.mark.skipif(sys.platform == "win32", reason="limits are those of POSIX")
def test_too_many_open_files_are_no_fault_of_the_image(tmp_path: Path) -> None:
    import resource

    path, rows = tmp_path / "a.jpg", tmp_path / "a.parquet"
    path.write_bytes(b"abc")
    pq.write_table(pa.table({"image": [b"abc"]}), rows)
    records = [
        ImageRecord("a", path),
        ImageRecord("b", RowBytes(ListedFile.of(rows), "image", 0, 0)),
    ]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        for record in records:
            with pytest.raises(ShortageError, match=r"cannot be read now: this process may open no more"):
                record.read()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [record.read() for record in records] == [b"abc", b"abc"]


def test_a_file_is_its_bytes_with_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"abc")
    os.utime(path, ns=(0, 1_234_567_890_123_456_789))
    record = ImageRecord("a", path)
    assert record.read() == b"abc"
    assert record.stat() == FileStat(3, 1_234_567_890_123_456_789)
    path.write_bytes(b"abcd")
    assert record.stat().size == 4
    assert record.read() == b"abcd"


@pytest.mark.parametrize("seconds", [-(10**11), 10**10])
def test_a_time_that_a_dataset_has_no_room_for_is_the_last_that_it_has(tmp_path: Path, seconds: int) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"abc")
    os.utime(path, ns=(0, seconds * 10**9))
    kept = os.stat(path).st_mtime_ns  # a file system has limits of its own
    assert ImageRecord("a", path).stat().mtime_ns == min(max(kept, -(2**63) + 1), 2**63 - 1)


def test_a_large_file_is_its_bytes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_LARGE", 4)
    (tmp_path / "x.png").write_bytes(b"0123456789")
    assert ImageRecord("x", tmp_path / "x.png").read() == b"0123456789"


def test_what_is_in_memory_has_a_size_and_no_time() -> None:
    array = np.zeros((4, 5, 3), np.uint8)
    assert ImageRecord("a", b"abc").stat() == FileStat(3, None)
    assert ImageRecord("a", array).stat() == FileStat(60, None)
    for mode, size in (("RGB", 60), ("L", 20), ("RGBA", 80), ("1", 20)):
        assert ImageRecord("a", Image.new(mode, (5, 4))).stat() == FileStat(size, None)
    assert ImageRecord("a", array).read() is array


@pytest.mark.timeout(20)
def test_what_is_no_file_is_unreadable_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    fail(ImageRecord("a", tmp_path / "pipe.jpg"), "not a file but a pipe, socket or device")
    fail(ImageRecord("a", Path("/dev/zero")), "not a file but a pipe, socket or device")
    fail(ImageRecord("a", tmp_path / "folder.jpg"), "not a file but a folder")
    fail(ImageRecord("a", tmp_path / "gone.jpg"), "No such file")
    fail(ImageRecord("a", tmp_path / ("x" * 300)), "too long")
    fail(ImageRecord("a", tmp_path / "nul\0.jpg"), "null")


def test_a_socket_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("s.jpg")
        fail(ImageRecord("a", tmp_path / "s.jpg"), "not a file but")


def test_a_file_that_vanishes_between_stat_and_read_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"abc")
    record = ImageRecord("a", path)
    record.stat()
    path.unlink()
    fail(record, "No such file")


def test_an_opened_image_keeps_its_size_without_being_decoded() -> None:
    file = io.BytesIO()
    Image.new("RGB", (30, 20)).save(file, "JPEG")
    image = Image.open(io.BytesIO(file.getvalue()[:-10]))
    assert ImageRecord("a", image).stat() == FileStat(1800, None)
