"""Files of rows of one shape: written in any order, and read from any place."""

from __future__ import annotations

import functools
import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import StoreError
from cnncodes.store.files import writing_errors

Array = npt.NDArray[Any]

#: Bytes read at once.
_PIECE = 1 << 24


class RowFile:
    """A file of rows; threads may share it.

    It is written by calls, since a full disk would kill whoever writes through mapped memory.

    Parameters
    ----------
    path : Path
        Made, or gone on with where it is there.
    shape : tuple of int
        Number of rows, and the shape of each.
    dtype : str

    Raises
    ------
    StoreError
        If it cannot be written, as on a full disk.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str) -> None:
        self._path, self._shape, self._dtype = path, shape, np.dtype(dtype)
        self._size = math.prod(shape[1:]) * self._dtype.itemsize
        with writing_errors(path):
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            os.ftruncate(self._handle, shape[0] * self._size)

    def write(self, first: int, rows: Array) -> None:
        """Write rows from a place on, those that there is room for."""
        data = np.ascontiguousarray(rows[: max(0, self._shape[0] - first)], self._dtype)
        with writing_errors(self._path):
            view, at = memoryview(data.reshape(-1).view(np.uint8).data), first * self._size
            while len(view):
                written = os.pwrite(self._handle, view, at)
                view, at = view[written:], at + written

    @functools.cached_property
    def _mapped(self) -> Array:
        return np.memmap(self._path, self._dtype, "r", shape=self._shape)

    def read(self, rows: Array) -> Array:
        """Return a copy of rows."""
        if len(rows) and int(rows.max()) >= self._shape[0]:
            raise StoreError(f"{self._path} has {self._shape[0]} rows. Asked for number {int(rows.max())}.")
        return np.asarray(self._mapped[rows])

    def add_up(self, first: int, last: int) -> int:
        """Return the CRC-32 of some rows' bytes."""
        first, last = (min(row, self._shape[0]) * self._size for row in (first, last))
        total = 0
        while first < last:
            data = os.pread(self._handle, min(_PIECE, last - first), first)
            total = zlib.crc32(data, total)
            first += len(data) or last - first
        return total

    def sync(self) -> None:
        """Have what was written survive a power cut."""
        with writing_errors(self._path):
            os.fsync(self._handle)

    def close(self) -> None:
        """Close the file; harmless when called again."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)
