"""Rows of a Parquet table, read one after another: a group of them may be larger than memory."""

from __future__ import annotations

import functools
import os
import threading
from collections import deque
from typing import Any

from cnncodes.disk import check_open_files
from cnncodes.errors import UnreadableImage
from cnncodes.images.file_stats import ListedFile

#: Groups that are read at a time: lanes that follow each other may be in two, and in two tables.
_GROUPS = 4
#: Rows that are read at a time.
_BATCH = 16
#: Bytes of a group that are kept behind the row that was read last: lanes are some rows apart.
_KEPT = 64 * 2**20

_LOCK = threading.Lock()


def read_row(table: ListedFile, column: str, group: int, row: int) -> Any:
    """Return what a table has in one row of a group.

    Parameters
    ----------
    table : ListedFile
    column : str
    group, row : int
        Which row group, and which row in it.

    Raises
    ------
    UnreadableImage
        If it cannot be read, or the table has changed since it was listed.
    ShortageError
        If too many files are open.
    """
    # Lanes read neighbouring rows: under the lock the first one reads on, the others find it.
    with _LOCK:
        return _open_group(os.getpid(), table, column, group).read(row)


@functools.lru_cache(maxsize=_GROUPS)
def _open_group(process: int, table: ListedFile, column: str, group: int) -> RowGroup:
    """Return a group; of a process of its own, since one that was forked must not read on in its parent's."""
    return RowGroup(table, column, group)


class RowGroup:
    """Reads a group of rows from its begin on, in batches, of which the last ones are kept.

    Each batch is of the table as it was listed: row 7 of another one is another image than its label says.

    Who asks for a row further back has it read again from the begin, and twice as much kept from then on, so
    that rows in no order are read again a few times only.

    Parameters
    ----------
    table : ListedFile
    column : str
    number : int
    kept : int
        Bytes that are kept at first.

    Attributes
    ----------
    batches_read : int
        How many, those that were read again included.
    """

    def __init__(self, table: ListedFile, column: str, number: int, kept: int = _KEPT) -> None:
        self._table, self._column, self._number = table, column, number
        self._most = kept
        self.batches_read = 0
        self._begin()

    def _begin(self) -> None:
        self._kept: deque[Any] = deque()
        self._first = self._end = self._bytes = 0
        self._rows = 0
        self._batches: Any = None
        self._reason: str | None = None

    def read(self, row: int) -> Any:
        """Return a row's value."""
        if row < self._first:
            self._most *= 2
            self._begin()
        while row >= self._end:
            self._read_on()
        start = self._first
        for batch in self._kept:
            if row < start + len(batch):
                return batch[row - start].as_py()
            start += len(batch)
        raise AssertionError(f"row {row} is not between {self._first} and {self._end}")

    def _read_on(self) -> None:
        """Read the next batch, and let go of the first where more is kept than need be."""
        import pyarrow as pa

        if self._reason is not None:  # what comes after what cannot be read cannot be, either
            raise UnreadableImage("read", self._reason)
        try:
            if self._batches is None:
                self._batches = self._open()
        except (OSError, pa.ArrowException) as error:  # the next row tries again
            check_open_files(f"{self._table.path} cannot be read", error)
            raise UnreadableImage("read", f"{self._table.path}: {error}") from error
        try:
            batch = next(self._batches, None)
        except MemoryError:
            self._begin()
            raise
        except (OSError, pa.ArrowException) as error:
            self._check()
            self._reason = f"{self._table.path}: {error}"
            raise UnreadableImage("read", self._reason) from error
        self._check()  # after the reading: what changes from now on is not in this batch
        if batch is None:
            self._reason = f"{self._table.path} has fewer rows than it says"
            raise UnreadableImage("read", self._reason)
        self.batches_read += 1
        self._kept.append(batch.column(0))
        self._end += len(batch)
        self._bytes += batch.nbytes
        while len(self._kept) > 1 and self._bytes - self._kept[0].nbytes > self._most:
            gone = self._kept.popleft()
            self._first += len(gone)
            self._bytes -= gone.nbytes
        if self._end == self._rows:  # its pages, which may be as large as the group
            self._batches = iter(())

    def _check(self) -> None:
        try:
            self._table.check()
        except UnreadableImage:
            self._begin()
            raise

    def _open(self) -> Any:
        import pyarrow.parquet as pq

        self._table.check()
        # With a buffer its pages are read one after another, and not the whole group's at once.
        file = pq.ParquetFile(self._table.path, buffer_size=2**20, pre_buffer=False)
        self._rows = file.metadata.row_group(self._number).num_rows
        return file.iter_batches(_BATCH, row_groups=[self._number], columns=[self._column], use_threads=False)
