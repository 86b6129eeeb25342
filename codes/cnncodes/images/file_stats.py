"""What tells cheaply whether a file is as it was: its size, and when it was last changed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from cnncodes.errors import UnreadableImage

#: Nanoseconds: what a dataset has room for, to 2262 and back to 1677. File systems go further.
_FARTHEST = 2**63 - 1


class FileStat(NamedTuple):
    """What tells cheaply whether an image has changed.

    Attributes
    ----------
    size : int
        Bytes: of the file, of the whole table for one of its rows, of the pixels for what is in memory.
    mtime_ns : int or None
        When the file or table was last changed, in ns since 1970, the nearest that 64 bits hold; None for
        what is in memory.
    """

    size: int
    mtime_ns: int | None


def stat_file(path: str | Path) -> FileStat:
    """Return a file's size and time of change.

    Raises
    ------
    UnreadableImage
        If it is not there, or is none.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise UnreadableImage("read", getattr(error, "strerror", None) or str(error)) from error
    return check_kind(found)


def check_kind(found: os.stat_result) -> FileStat:
    """Return what tells whether a file has changed, or raise `UnreadableImage` where it is no file."""
    if not stat.S_ISREG(found.st_mode):  # to read a pipe might wait forever
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe, socket or device"
        raise UnreadableImage("read", f"not a file but {kind}")
    return FileStat(found.st_size, max(-_FARTHEST, min(found.st_mtime_ns, _FARTHEST)))


class ListedFile(NamedTuple):
    """A file as it was when it was listed.

    Attributes
    ----------
    path : str
    stat : FileStat
    """

    path: str
    stat: FileStat

    @classmethod
    def of(cls, path: str | Path) -> ListedFile:
        """Return a file as it is now, or raise `UnreadableImage` where it is not there."""
        return cls(str(path), stat_file(path))

    def check(self) -> None:
        """Raise `UnreadableImage` where the file is another one now: what was listed of it holds no more."""
        if stat_file(self.path) != self.stat:
            raise UnreadableImage("read", f"{self.path} has changed since it was listed")
