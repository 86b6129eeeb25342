"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from cnncodes.errors import StoreError

#: What the system says when there is no room: disk, quota, or the limit on a file's size.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def atomic_write(path: str | Path, data: bytes | memoryview, *, temporary: str | Path | None = None) -> None:
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

    Raises
    ------
    StoreError
        If it cannot be written, a full disk included. `path` is then as it was before.
    """
    path = Path(path)
    beside = path.parent / f".{path.name}.{secrets.token_hex(4)}.tmp"
    temp = beside if temporary is None else Path(temporary)
    with writing_errors(path):
        try:
            with open(temp, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temp, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temp.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder (new, renamed, removed) outlast a power cut."""
    if os.name == "nt":  # a folder cannot be opened there, and NTFS journals its names
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def writing_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` inside the block into a `StoreError` that names `path` and says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreError(
                f"cannot write {path}: the disk is full ({error.strerror}). What was finished before is kept:"
                " free some space and run the same command again."
            ) from error
        reason = error.strerror or str(error)
        raise StoreError(f"cannot write {path}: {reason}. Check the folder and its rights.") from error
