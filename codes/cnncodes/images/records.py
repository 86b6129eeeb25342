"""One image of a source: its key, what is known of it, and where its pixels come from."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from cnncodes.disk import check_open_files
from cnncodes.errors import UnreadableImage
from cnncodes.images.file_stats import FileStat, ListedFile, check_kind, stat_file
from cnncodes.images.row_groups import read_row

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    Pixels: TypeAlias = bytes | Image | npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RowBytes:
    """Encoded bytes in one row of a Parquet table, read when they are needed.

    Attributes
    ----------
    table : ListedFile
    column : str
        A binary column, or a struct with a binary field ``bytes``.
    row_group, row : int
        Which row group, and which row in it.
    """

    table: ListedFile
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
        value = read_row(self.table, self.column, self.row_group, self.row)
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
        """Return size and time of change; of a row those that its table had when it was listed.

        Raises
        ------
        UnreadableImage
            If the file is not there, or is none.
        """
        if isinstance(self.data, _FILE):
            return stat_file(self.data)
        import numpy as np

        if isinstance(self.data, RowBytes):
            # The table's own: when it changes, any of its rows may have. A row's bytes are not read for it.
            return self.data.table.stat
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
        ShortageError
            If too many files are open.
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
            check_open_files(f"{self.data} cannot be read", error)  # nothing is wrong with the image
            stat_file(self.data)  # says so where it is no file at all
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
        size = check_kind(os.fstat(file)).size
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
