"""A new file or folder that appears in its place when it is finished, and not before."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cnncodes.disk import sync_folder
from cnncodes.errors import StoreError, UsageError
from cnncodes.store.files import writing_errors
from cnncodes.store.locking import LOCK_NAME, WriterLock

#: Called after every shard with the rows done and to do in all.
Progress = Callable[[int, int], object]


def check_new(out: Path, sources: Iterable[Path] = ()) -> None:
    """Raise unless there is nothing at `out` yet, and it lies in none of the datasets that are read.

    Raises
    ------
    UsageError
        If it is one of the sources, or would lie inside one.
    StoreError
        If something else is there.
    """
    for source in sources:
        if source.exists() and (
            out.resolve() == source.resolve() or source.resolve() in out.resolve().parents
        ):
            raise UsageError(
                f"cannot write to {out}: it is, or lies in, the dataset {source}, which is read. Give another"
                " name with -o."
            )
    if os.path.lexists(out):
        raise StoreError(
            f"{out} exists already, and nothing is replaced. Give another name with -o, or remove it first."
        )


@contextlib.contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Give a path to write at, whose file or folder is moved to `out` when the block ends without an error.

    It lies in a hidden folder beside `out`, which is held by a lock and removed at the end. What a killed
    process left there is removed by the next one that writes to the same `out`.

    Raises
    ------
    StoreError
        If `out` exists, is being written by another process, or cannot be written.
    """
    check_new(out)
    stage = out.parent / f".{out.name}.tmp"
    with writing_errors(stage, alone=True):
        stage.mkdir(parents=True, exist_ok=True)
    lock = WriterLock(stage)
    try:
        if not lock.current:
            raise StoreError(f"{out} is being written by another process. Wait for it, or give another name.")
        check_new(out)  # the process that had the lock until now may have finished it
        _clear(stage, out.name)
        try:
            yield stage / out.name
            lock.check()
            _place(stage / out.name, out)
        finally:
            if lock.current:  # else what is there now is perhaps of another process
                _clear(stage, out.name)
                _remove_stage(stage)
    finally:
        lock.release()


def _place(made: Path, out: Path) -> None:
    check_new(out)  # renaming would replace a file that came meanwhile
    with writing_errors(out, alone=True):
        sync_folder(made.parent)
        os.rename(made, out)
        sync_folder(out.parent)


def _clear(stage: Path, name: str) -> None:
    strange = sorted(entry.name for entry in stage.iterdir() if entry.name not in (name, LOCK_NAME))
    if strange:
        raise StoreError(
            f"{stage} holds {strange[0]!r}, which cnncodes did not put there. Move it away, or give another"
            " name with -o."
        )
    with writing_errors(stage, alone=True):
        left = stage / name
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


def _remove_stage(stage: Path) -> None:
    with contextlib.suppress(OSError):  # nothing of worth is in it, and the next writer clears it away
        (stage / LOCK_NAME).unlink(missing_ok=True)
        stage.rmdir()
