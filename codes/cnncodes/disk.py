"""Files of the user's disk: what to do where one cannot be written, names and endings, JSON of any kind."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

from cnncodes.errors import ShortageError, sentence

#: Endings of tables, which may list pictures.
TABLES = (".csv", ".tsv", ".parquet")

#: What is left of what was there where nothing of the new is.
UNCHANGED = "Nothing was written; what was there before is unchanged"

#: What the system says when there is no room: on the disk, or in the user's quota.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def explain_open_files(error: BaseException) -> str | None:
    """Return what is wrong and what to do where an error says that too many files are open; else None.

    Examples
    --------
    >>> explain_open_files(OSError(13, "Permission denied")) is None
    True
    """
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EMFILE:
        return (
            "this process may open no more files (`ulimit -n` says how many). Raise that limit, and run the"
            " same command again."
        )
    if number == errno.ENFILE:
        return (
            "this machine may open no more files, whoever opens them. End other programs, and run the same"
            " command again."
        )
    return None


def check_open_files(what: str, error: BaseException) -> None:
    """Raise `ShortageError`, `what` and "now", where an error says that too many files are open."""
    if told := explain_open_files(error):
        raise ShortageError(f"{what} now: {told}") from error


def explain_failed_write(path: str | Path, error: OSError, left: str = UNCHANGED) -> str:
    """Return what went wrong and what to do, in one line.

    Parameters
    ----------
    path : path
        What could not be written.
    error : OSError
    left : str
        What there is now, without a full stop.

    Examples
    --------
    >>> explain_failed_write("net/model.onnx", OSError(13, "Permission denied"))
    'cannot write net/model.onnx: Permission denied. Check the folder and its rights.'
    """
    if error.errno == errno.ENOSPC and _lacks_inodes(path):
        return (
            f"cannot write {path}: the disk has room, and yet takes no more files, for it has no more inodes"
            f" ({error.strerror}). {left}: remove files that are not needed, however small, and run the same"
            " command again."
        )
    if told := explain_open_files(error):
        return f"cannot write {path}: {told} {left}."
    if error.errno in _FULL:
        return (
            f"cannot write {path}: the disk is full ({error.strerror}). {left}: free some space and run the"
            " same command again."
        )
    if error.errno == errno.EFBIG:
        return (
            f"cannot write {path}: it is larger than a file may be that this user writes, or that this disk"
            f" holds ({error.strerror}). {left}: raise the limit (ulimit -f) or choose another disk, and run"
            " the same command again."
        )
    if error.errno == errno.ENOTDIR or (error.errno == errno.EEXIST and find_file(path).is_file()):
        return f"cannot write {path}: {find_file(path)} is a file and no folder. Choose another name."
    if error.errno in (errno.EEXIST, errno.ENOENT) and (link := find_file(path)).is_symlink():
        return (
            f"cannot write {path}: {link} is a link to {os.readlink(link)}, and nothing is there. Make that"
            " folder or mount its disk, remove the link, or choose another name."
        )
    return f"cannot write {path}: {sentence(error.strerror or error)} Check the folder and its rights."


def _lacks_inodes(path: str | Path) -> bool:
    """Tell whether the disk that a path lies on has bytes left, and no inode for a further file."""
    above = next((part for part in Path(os.path.abspath(path)).parents if os.path.isdir(part)), None)
    if above is None or not hasattr(os, "statvfs"):
        return False
    try:
        found = os.statvfs(above)
    except OSError:
        return False
    return found.f_files > 0 and found.f_favail == 0 and found.f_bavail > 0  # some disks count none


def find_file(path: str | Path) -> Path:
    """Return the first part of a path that is there and no folder: a file that stands where one is needed.

    Examples
    --------
    >>> find_file("/dev/null/codes/data")
    PosixPath('/dev/null')
    """
    path = Path(path)
    above = [*reversed(path.parents), path]
    return next((part for part in above if os.path.lexists(part) and not part.is_dir()), path)


def find_free_name(path: Path) -> Path:
    """Return a path that nothing has yet: this one, or else with the first number that is free at its end.

    Examples
    --------
    >>> find_free_name(Path("/dev/null")), find_free_name(Path("/dev/nothing"))
    (PosixPath('/dev/null-2'), PosixPath('/dev/nothing'))
    """
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def parse_json(text: str | bytes) -> Any:
    """Return what JSON says.

    Raises
    ------
    ValueError
        If it is no JSON, or is nested more deeply than Python follows.

    Examples
    --------
    >>> parse_json("[" * 200_000)
    Traceback (most recent call last):
    ...
    ValueError: it is nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder (new, renamed, removed) outlast a power cut."""
    if os.name == "nt":  # a folder cannot be opened there, and NTFS journals its names
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
