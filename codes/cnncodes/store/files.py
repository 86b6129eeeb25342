"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from cnncodes.disk import UNCHANGED, explain_failed_write, sync_folder
from cnncodes.errors import StoreError

#: Seconds without a change after which nobody writes a temporary file any more.
_ABANDONED = 600.0

#: Raises `StoreError` where something may not be written any more.
Check: TypeAlias = Callable[[], object]

#: What is left after a full disk of a job that writes many files.
_KEPT = "What was finished before is kept"


def check_writable(path: str | Path, *, follow: bool = True) -> None:
    """Raise unless a file can be written there: asked before the work whose result it is to hold.

    Nothing is left behind, and a file that exists stays as it is.

    Parameters
    ----------
    path : path
        The file; folders above it may still be missing.
    follow : bool
        As in `write_file`.

    Raises
    ------
    StoreError
        If it is a folder, or none can be created there; the text names it.
    """
    path = _follow_link(path) if follow else Path(path)
    with writing_errors(path, alone=True):
        if path.is_dir():
            raise StoreError(f"cannot write {path}: it is a folder. Give the name of a file.")
        if path.exists() and not path.is_file():  # renaming would put a file in the place of a device
            raise StoreError(f"cannot write {path}: it is no ordinary file. Give another name.")
        folder = path.parent
        while not os.path.lexists(folder):
            folder = folder.parent
        probe = folder / _temporary_name(path)
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        probe.unlink()


def write_file(
    path: str | Path, data: bytes | memoryview, *, alone: bool = True, follow: bool = True
) -> None:
    """Write a file, whole or not at all; missing folders above it are made.

    Parameters
    ----------
    path, data, alone
        As in `atomic_write`.
    follow : bool
        Whether of a link the file that it leads to is replaced, and not the link.

    Raises
    ------
    StoreError
        If it cannot be written. `path` is then as it was before.
    """
    path = _follow_link(path) if follow else Path(path)
    with writing_errors(path, alone=alone):
        path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    atomic_write(path, data, alone=alone)


def _follow_link(path: str | Path) -> Path:
    path = Path(path)
    if not path.is_symlink():
        return path
    found = Path(os.path.realpath(path))
    if found.is_symlink():  # links that lead to each other
        raise StoreError(f"cannot write {path}: its link leads to no file. Give another name.")
    return found


def atomic_write(
    path: str | Path,
    data: bytes | memoryview,
    *,
    temporary: str | Path | None = None,
    alone: bool = False,
    check: Check | None = None,
) -> None:
    """Write a file so that a kill or a power cut leaves the old one or the new one, never a part.

    Written under a temporary name, synced, renamed, and the folder synced.

    Parameters
    ----------
    path : path
        The file; one that exists is replaced.
    data : bytes or memoryview
        All of its content.
    temporary : path, optional
        Name to write under, on the same file system. By default a hidden, random one beside `path`.
    alone : bool
        As in `writing_errors`.
    check : callable, optional
        Raises where nothing may be written there any more: asked just before the file is put in its place,
        and where it cannot be written, since that may be why.

    Raises
    ------
    StoreError
        If it cannot be written, a full disk included. `path` is then as it was before.
    """
    path = Path(path)
    check = check or (lambda: None)
    temp = path.parent / _temporary_name(path) if temporary is None else Path(temporary)
    with writing_errors(path, alone=alone):
        try:
            with open(temp, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            check()
            os.replace(temp, path)
        except BaseException as error:
            with contextlib.suppress(OSError):
                temp.unlink(missing_ok=True)
            if isinstance(error, OSError):
                check()
            raise
        sync_folder(path.parent)


def _temporary_name(path: Path) -> str:
    return f".{path.name}.{secrets.token_hex(4)}.tmp"


def _remove_abandoned(path: Path) -> None:
    """Remove what a killed process left of the same file; what another one may still write stays."""
    pattern = re.compile(re.escape(f".{path.name}.") + r"[0-9a-f]{8}\.tmp")
    with contextlib.suppress(OSError):
        for entry in os.scandir(path.parent):
            if pattern.fullmatch(entry.name) and time.time() - entry.stat().st_mtime > _ABANDONED:
                os.unlink(entry.path)


@contextlib.contextmanager
def writing_errors(path: Path, *, alone: bool = False) -> Iterator[None]:
    """Turn an `OSError` inside the block into a `StoreError` that names `path` and says what to do.

    Parameters
    ----------
    path : Path
    alone : bool
        Whether it is a file that stands alone, written at the end, rather than one of many of which
        those before it are kept.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(explain_failed_write(path, error, UNCHANGED if alone else _KEPT)) from error
