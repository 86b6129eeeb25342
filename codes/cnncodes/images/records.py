"""One image of a source: its key, what is known of it, and where its pixels come from."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cnncodes.errors import UnreadableImage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    Pixels: TypeAlias = bytes | Image | npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class FileStat:
    """What tells cheaply whether an image has changed.

    Attributes
    ----------
    size : int
        Bytes; of the pixels for images in memory.
    mtime_ns : int or None
        When the file was last changed, in ns since 1970; None for what is in memory.
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
        """Return the row's bytes."""
        value = _read_group(str(self.table), self.column, self.row_group)[self.row].as_py()
        value = value.get("bytes") if isinstance(value, dict) else value
        if value is None:
            raise UnreadableImage("read", f"row {self.row} of row group {self.row_group} holds no bytes")
        return bytes(value)


_GROUP_LOCK = threading.Lock()


def _read_group(table: str, column: str, row_group: int) -> Any:
    # Lanes read neighbouring rows: under the lock the first one reads the group, the others find it.
    with _GROUP_LOCK:
        return _cached_group(table, column, row_group)


@functools.lru_cache(maxsize=4)
def _cached_group(table: str, column: str, row_group: int) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(table).read_row_group(row_group, columns=[column]).column(0)
    except (OSError, pa.ArrowException) as error:
        raise UnreadableImage("read", f"{table}: {error}") from error


@dataclass(frozen=True, slots=True, eq=False)
class ImageRecord:
    """One image of a source.

    Attributes
    ----------
    key : str
        Unique in its source: the path relative to the root, or the name of a row.
    data : Path, bytes, PIL image, uint8 array or RowBytes
        Where the pixels come from.
    label : str or None
        Class, always as text; None where it is not known.
    split : str or None
        ``"train"``, ``"val"``, ``"test"``, or None where the source has no parts.
    """

    key: str
    data: Path | RowBytes | Pixels
    label: str | None = None
    split: str | None = None

    def stat(self) -> FileStat:
        """Return size and time of change.

        Raises
        ------
        UnreadableImage
            If the file is not there.
        """
        import numpy as np

        if isinstance(self.data, Path):
            try:
                found = os.stat(self.data)
            except OSError as error:
                raise UnreadableImage("read", error.strerror or str(error)) from error
            return FileStat(found.st_size, found.st_mtime_ns)
        if isinstance(self.data, RowBytes):
            # The table's own time: when it changes, any of its rows may have.
            return FileStat(len(self.data.read()), os.stat(self.data.table).st_mtime_ns)
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
        if isinstance(self.data, RowBytes):
            return self.data.read()
        if not isinstance(self.data, Path):
            return self.data
        try:
            return self.data.read_bytes()
        except OSError as error:
            raise UnreadableImage("read", error.strerror or str(error)) from error


def content_hash(data: Pixels) -> str:
    """Return the hash of an image's content: 32 hexadecimal digits.

    Of a file it is that of its bytes; of an array or a PIL image, that of shape and pixels.

    Examples
    --------
    >>> content_hash(b"abc")
    'cf4ab791c62b8d2b2109c90275287816'
    """
    import numpy as np

    if isinstance(data, bytes):
        return hashlib.blake2b(data, digest_size=16).hexdigest()
    mode = "" if isinstance(data, np.ndarray) else data.mode
    pixels = np.ascontiguousarray(np.asarray(data))
    digest = hashlib.blake2b(f"{mode}{pixels.shape}".encode(), digest_size=16)
    if mode == "P" and not isinstance(data, np.ndarray):
        digest.update(bytes(data.getpalette() or []))
    digest.update(pixels.tobytes())
    return digest.hexdigest()
