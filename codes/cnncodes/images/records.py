"""One image of a source: its key, what is known of it, and where its pixels come from."""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cnncodes.errors import UnreadableImage
from cnncodes.images.row_groups import read_row

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    Pixels: TypeAlias = bytes | Image | npt.NDArray[np.uint8]


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


@dataclass(frozen=True, slots=True)
class RowBytes:
    """Encoded bytes in one row of a Parquet table, read when they are needed.

    Attributes
    ----------
    table : Path
    column : str
        A binary column, or a struct with a binary field ``bytes``.
    row_group, row : int
        Which row group, and which row in it.
    """

    table: Path
    column: str
    row_group: int
    row: int

    def read(self) -> bytes:
        """Return the row's bytes.

        Raises
        ------
        UnreadableImage
            If the row holds none, or the table changed since it was listed.
        """
        value = read_row(str(self.table), _stat_file(self.table), self.column, self.row_group, self.row)
        value = value.get("bytes") if isinstance(value, dict) else value
        if value is None:
            reason = f"row {self.row} of row group {self.row_group} holds no bytes"
            raise UnreadableImage("decode", reason)  # and not "read": it is not out of reach
        return bytes(value)


@dataclass(frozen=True, slots=True)
class NoImage:
    """A row of a table that leads to no image.

    Attributes
    ----------
    reason : str
    """

    reason: str

    def read(self) -> bytes:
        """Raise `UnreadableImage` with the reason."""
        raise UnreadableImage("read", self.reason)


def _stat_file(path: str | Path) -> FileStat:
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise UnreadableImage("read", getattr(error, "strerror", None) or str(error)) from error
    return _check_kind(found)


def _check_kind(found: os.stat_result) -> FileStat:
    if not stat.S_ISREG(found.st_mode):  # to read a pipe might wait forever
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe, socket or device"
        raise UnreadableImage("read", f"not a file but {kind}")
    return FileStat(found.st_size, max(-_FARTHEST, min(found.st_mtime_ns, _FARTHEST)))


#: Types of a file's name; a tuple, since to write `str | Path` makes an object each time.
_FILE = (str, Path)


@dataclass(frozen=True, slots=True, eq=False)
class ImageRecord:
    """One image of a source.

    Attributes
    ----------
    key : str
        Unique in its source: the path relative to the root, or the name of a row.
    data : str, Path, bytes, PIL image, uint8 array, RowBytes or NoImage
        Where the pixels come from; a text is the name of a file, for which a Path would take three times the
        memory.
    label : str or None
        Class, always as text; None where it is not known.
    split : str or None
        ``"train"``, ``"val"``, ``"test"``, or None where the source has no parts.
    group : str or None
        What it shares with other images (a patient, a camera, a product), which stay on one side of every
        split with it; None where that is not known.
    """

    key: str
    data: str | Path | RowBytes | NoImage | Pixels
    label: str | None = None
    split: str | None = None
    group: str | None = None

    @property
    def is_file(self) -> bool:
        """Whether the pixels come from a file of their own."""
        return isinstance(self.data, _FILE)

    def stat(self) -> FileStat:
        """Return size and time of change.

        Raises
        ------
        UnreadableImage
            If the file is not there, or is none.
        """
        if isinstance(self.data, _FILE):
            return _stat_file(self.data)
        import numpy as np

        if isinstance(self.data, RowBytes):
            # The table's own: when it changes, any of its rows may have. A row's bytes are not read for it.
            return _stat_file(self.data.table)
        if isinstance(self.data, NoImage):
            return FileStat(len(self.data.read()), None)
        if isinstance(self.data, bytes):
            return FileStat(len(self.data), None)
        if isinstance(self.data, np.ndarray):
            return FileStat(self.data.nbytes, None)
        return FileStat(self.data.width * self.data.height * len(self.data.getbands()), None)

    def read(self) -> Pixels:
        """Return a file's bytes, or what is in memory as it is.

        Raises
        ------
        UnreadableImage
            If the file cannot be read.
        """
        try:
            return self._read()
        except MemoryError as error:
            raise UnreadableImage("memory", "not enough memory to read it") from error

    def _read(self) -> Pixels:
        if isinstance(self.data, RowBytes | NoImage):
            return self.data.read()
        if not isinstance(self.data, _FILE):
            return self.data
        try:
            return _read_file(self.data)
        except BlockingIOError as error:
            reason = "no file on a disk: reading it would wait for what may never come"
            raise UnreadableImage("read", reason) from error
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            _stat_file(self.data)  # says so where it is no file at all
            raise UnreadableImage("read", getattr(error, "strerror", None) or str(error)) from error


#: Some of the system's files, as in /proc, only look like files: reading them never waits.
_OPENING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


#: Bytes of a file from which on one call may not read it whole (Linux gives 2 GiB at most): parts that are
#: joined would take twice its size.
_LARGE = 2**30


def _read_file(path: str | Path) -> bytes:
    """Return a file's bytes, in few calls of the system: in each of them a lane may lose Python's lock."""
    file = os.open(path, _OPENING)
    try:
        size = _check_kind(os.fstat(file)).size
        if size >= _LARGE:
            with io.FileIO(file, closefd=False) as whole:
                return whole.readall()
        parts = [os.read(file, size + 1)]
        if len(parts[0]) != size:  # it has changed just now, or is read in pieces
            while parts[-1]:
                parts.append(os.read(file, 2**20))
        return parts[0] if len(parts) == 1 else b"".join(parts)
    finally:
        os.close(file)
