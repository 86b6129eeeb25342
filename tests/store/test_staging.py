"""A new file or folder is there when it is finished, and not before; what is there is never touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cnncodes.errors import StoreError, UsageError
from cnncodes.store.locking import WriterLock
from cnncodes.store.staging import check_new, staged


def refuse(out: Path, text: str) -> None:
    with pytest.raises(StoreError, match=text), staged(out):
        raise AssertionError("the block must not begin")


def test_a_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    out = tmp_path / "above" / "x"
    with staged(out) as made:
        made.mkdir()
        (made / "file").write_text("done")
        assert not out.exists()
    assert (out / "file").read_text() == "done"
    assert [path.name for path in out.parent.iterdir()] == ["x"]


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    with staged(tmp_path / "x.csv") as made:
        made.write_text("done")
    assert (tmp_path / "x.csv").read_text() == "done"
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


@pytest.mark.parametrize("error", [StoreError("full"), KeyboardInterrupt()])
def test_an_error_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def write() -> None:
        with staged(tmp_path / "x") as made:
            made.mkdir()
            (made / "file").write_text("half")
            raise error

    with pytest.raises(type(error)):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder", "empty folder", "dangling link"])
def test_what_is_there_is_refused_and_stays(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "x"
    if kind == "file":
        out.write_text("mine")
    elif kind == "dangling link":
        out.symlink_to(tmp_path / "nowhere")
    else:
        out.mkdir()
        if kind == "folder":
            (out / "mine").write_text("mine")
    refuse(out, "x exists already, and nothing is replaced. Give another name")
    assert os.path.lexists(out) and [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("as_folder", [False, True])
def test_what_comes_meanwhile_is_not_replaced(tmp_path: Path, as_folder: bool) -> None:
    def write() -> None:
        with staged(tmp_path / "x") as made:
            made.mkdir() if as_folder else made.write_text("ours")
            (tmp_path / "x").write_text("mine")

    with pytest.raises(StoreError, match="exists already"):
        write()
    assert (tmp_path / "x").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_neither_a_source_nor_a_place_inside_one(tmp_path: Path) -> None:
    (tmp_path / "a" / "data").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for out in (tmp_path / "a", tmp_path / "a" / "b", tmp_path / "link" / "data" / "b", tmp_path / "link"):
        with pytest.raises(UsageError, match="it is, or lies in, the dataset .*a, which is read"):
            check_new(out, [tmp_path / "a"])
    check_new(tmp_path / "ab", [tmp_path / "a"])


def test_a_second_writer_of_one_name_is_refused(tmp_path: Path) -> None:
    with staged(tmp_path / "x") as made:
        refuse(tmp_path / "x", f"is being written by this very process, {os.getpid()} on")
        with staged(tmp_path / "y") as other:
            other.write_text("y")
        made.write_text("x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "y"]


def test_what_a_killed_writer_left_is_cleared_away(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal, sys; from cnncodes.store.staging import staged\n"
        "with staged(pathlib.Path(sys.argv[1])) as made:\n"
        "    made.mkdir(); (made / 'half').write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "x")], timeout=60)
    assert [path.name for path in tmp_path.iterdir()] == [".x.tmp"]
    with staged(tmp_path / "x") as made:
        made.write_text("whole")
    assert (tmp_path / "x").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_is_not_ours_in_the_hidden_folder_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / ".x.tmp").mkdir()
    (tmp_path / ".x.tmp" / "notes").write_text("mine")
    refuse(tmp_path / "x", "holds 'notes', which cnncodes did not put there")
    assert (tmp_path / ".x.tmp" / "notes").read_text() == "mine"


def test_a_lock_whose_file_was_removed_is_no_lock(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path)
    assert lock.current
    (tmp_path / ".lock").unlink()
    assert not lock.current
    other = WriterLock(tmp_path)
    assert other.current and not lock.current
    lock.release()
    other.release()


def test_a_hidden_folder_that_is_removed_meanwhile_is_told(tmp_path: Path) -> None:
    told = pytest.raises(StoreError, match=r"\.x\.tmp is gone: it was removed or moved")
    with told, staged(tmp_path / "x") as made:
        shutil.rmtree(made.parent)
    assert list(tmp_path.iterdir()) == []
