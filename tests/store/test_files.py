"""Single files: checked before the work that fills them, written whole, with errors that say what is so."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import open_writer

from cnncodes.errors import StoreError
from cnncodes.store.files import atomic_write, check_writable, write_file


def refused(path: Path, text: str) -> None:
    with pytest.raises(StoreError, match=text) as caught:
        check_writable(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_check_leaves_nothing_behind_and_the_old_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    check_writable(tmp_path / "old")
    check_writable(tmp_path / "new")
    check_writable(tmp_path / "far" / "away" / "new")
    assert (tmp_path / "old").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_where_no_file_can_be_is_found_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path, "it is a folder. Give the name of a file")
    refused(tmp_path / "pipe", "it is no ordinary file")
    refused(tmp_path / "file" / "new", "file is a file and no folder")
    refused(tmp_path / "file" / "far" / "new", "file is a file and no folder")
    refused(tmp_path / "gone" / "new", "cannot write")
    refused(tmp_path / ("x" * 255), "File name too long")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "gone", "pipe"]


def test_a_link_is_written_through_and_checked_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "r.html").write_text("old")
    link, fresh, loop = (tmp_path / name for name in ("link", "fresh", "loop"))
    link.symlink_to("web/r.html")
    fresh.symlink_to("web/new.html")
    loop.symlink_to("loop")
    for path in (link, fresh):
        check_writable(path)
        write_file(path, b"new")
        assert path.is_symlink()
    assert [(tmp_path / "web" / name).read_text() for name in ("r.html", "new.html")] == ["new", "new"]
    write_file(link, b"its own", follow=False)
    assert not link.is_symlink() and (tmp_path / "web" / "r.html").read_text() == "new"
    assert sorted(os.listdir(tmp_path / "web")) == ["new.html", "r.html"]
    refused(loop, "cannot write")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="Linux only")
def test_a_file_system_that_takes_no_files() -> None:
    refused(Path("/proc/x.cnncodes"), "cannot write /proc/x.cnncodes")
    refused(Path("/proc/far/x.cnncodes"), "cannot write /proc/far/x.cnncodes")


def test_a_folder_without_the_right_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*args: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    refused(tmp_path / "new", "Read-only file system. Check the folder and its rights")


def test_a_relative_path_is_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_writable("new.csv")
    check_writable("far/new.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_says_what_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "far" / "file"
    write_file(path, b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        StoreError, match=r"full .*\. Nothing was written; what was there before is unchanged"
    ):
        write_file(path, b"new")
    with pytest.raises(StoreError, match="What was finished before is kept"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.EMFILE, r"may open no more files \(`ulimit -n`"), (errno.ENFILE, "this machine may")],
)
def test_too_many_open_files_are_not_blamed_on_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "Too many open files")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match=told) as caught:
        atomic_write(tmp_path / "file", b"new")
    assert "run the same command again" in str(caught.value) and "rights" not in str(caught.value)


def test_what_a_killed_process_left_goes_with_the_next_and_what_is_new_or_anothers_stays(
    tmp_path: Path,
) -> None:
    names = (".a.onnx.0123abcd.tmp", ".a.onnx.89abcdef.tmp", ".b.onnx.0123abcd.tmp", ".a.onnx.mine.tmp")
    for name in names:
        (tmp_path / name).write_text("half")
    long_ago = time.time() - 3600
    for name in (names[0], names[2], names[3]):
        os.utime(tmp_path / name, (long_ago, long_ago))
    write_file(tmp_path / "a.onnx", b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names[1:], "a.onnx"])


def test_a_disk_without_inodes_is_told_from_a_full_one(small_disk: Callable[[str], Path]) -> None:
    folder = small_disk("1m,nr_inodes=4")
    for number in range(3):  # its root is the first
        write_file(folder / str(number), b"x" * (number == 0))
    with pytest.raises(StoreError, match=r"cannot write .*/new/3: .*no more inodes .*remove files"):
        write_file(folder / "new" / "3", b"x")
    (folder / "2").unlink()
    with pytest.raises(StoreError, match="the disk is full"):
        write_file(folder / "3", b"x" * 2**21)


@pytest.mark.parametrize("name", ["link", "link/x.codes"])
def test_a_link_to_nothing_is_called_so(tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "not-mounted")
    told = r"link is a link to .*not-mounted, and nothing is there.*mount its disk"
    with pytest.raises(StoreError, match=told):
        open_writer(tmp_path / name)


@pytest.mark.parametrize("below", ["w", "x/w"])
def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "t").write_bytes(b"mine")
    with pytest.raises(StoreError, match=r"/t is a file and no folder\. Choose another name"):
        write_file(tmp_path / "t" / below, b"data")
    assert (tmp_path / "t").read_bytes() == b"mine"
