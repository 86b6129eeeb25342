"""The lock of a dataset writes nowhere else."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncodes.errors import StoreError
from cnncodes.store.locking import WriterLock, find_writer


def test_a_lock_that_is_a_link_is_refused_and_what_it_leads_to_is_as_it_was(tmp_path: Path) -> None:
    """A folder from a stranger may hold one."""
    precious, folder = tmp_path / "precious.txt", tmp_path / "x.codes"
    precious.write_text("precious")
    folder.mkdir()
    (folder / ".lock").symlink_to(precious)
    with pytest.raises(StoreError, match="is a link, or no ordinary file"):
        WriterLock(folder)
    assert precious.read_text() == "precious"


@pytest.mark.timeout(20)
def test_a_lock_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".lock")
    assert find_writer(tmp_path) is None
    with pytest.raises(StoreError, match="no ordinary file"):
        WriterLock(tmp_path)


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def move_folder(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))


def remove_lock(folder: Path) -> None:
    (folder / ".lock").unlink()


def replace_folder(folder: Path) -> None:
    move_folder(folder)
    folder.mkdir()
    (folder / ".lock").touch()


def put_a_file_in_its_place(folder: Path) -> None:
    move_folder(folder)
    folder.touch()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (remove_folder, "x.codes is gone: it was removed or moved while this job wrote to it"),
        (move_folder, "x.codes is gone: it was removed or moved while this job wrote to it"),
        (remove_lock, "x.codes/.lock is not the file any more that this job has locked"),
        (replace_folder, "x.codes/.lock is not the file any more that this job has locked"),
        (put_a_file_in_its_place, "x.codes/.lock is not the file any more that this job has locked"),
    ],
)
def test_a_lock_that_keeps_nobody_out_any_more_is_told(
    tmp_path: Path, change: Callable[[Path], None], told: str
) -> None:
    folder = tmp_path / "x.codes"
    folder.mkdir()
    lock = WriterLock(folder)
    lock.check()
    change(folder)
    with pytest.raises(StoreError, match=re.escape(told)):
        lock.check()
    lock.release()


@pytest.mark.parametrize(
    ("number", "advice"), [(errno.ENOLCK, "Choose another disk"), (errno.EIO, "Look after the disk")]
)
def test_a_disk_that_cannot_lock_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def fail(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", fail)
    new, old = tmp_path / "new.codes", tmp_path / "old.codes"
    for folder in (new, old):
        folder.mkdir()
    (old / "manifest.json").write_text("{}")
    for folder in (new, old):
        with pytest.raises(StoreError, match=rf"cannot lock .*: {os.strerror(number)}. {advice}"):
            WriterLock(folder)
    assert not list(new.iterdir())
    assert (old / "manifest.json").exists()
