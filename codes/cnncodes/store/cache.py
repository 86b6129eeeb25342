"""A cache of codes by content: a grid search or a cross-validation embeds each image once."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from cnncodes.errors import StoreError, sentence
from cnncodes.store.files import writing_errors

T = TypeVar("T")
Code = npt.NDArray[np.float32]

_FORMAT = 1
_PATIENCE = 60.0
_CHUNK = 500
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class CodeCache:
    """Keeps codes, exact to the bit, by (space, content, view); for many threads and processes.

    Parameters
    ----------
    folder : path
        Made if missing. The codes are in ``codes.sqlite``; deleting it costs only time.

    Raises
    ------
    StoreError
        If the file is damaged, of a newer format, or cannot be written; the text names it.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        with writing_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "codes.sqlite"
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = -1
        self._run(lambda connection: None)

    def __getstate__(self) -> dict[str, Path]:
        return {"folder": self._path.parent}

    def __setstate__(self, state: dict[str, Path]) -> None:
        self.__init__(state["folder"])  # type: ignore[misc]

    def get_many(self, space_id: str, content: str, view_ids: Sequence[str]) -> dict[str, Code]:
        """Return the codes that are there, by view; float32, shape (code_size,) each."""
        wanted = list(dict.fromkeys(view_ids))

        def query(connection: sqlite3.Connection) -> list[tuple[str, bytes, int]]:
            rows: list[tuple[str, bytes, int]] = []
            for start in range(0, len(wanted), _CHUNK):
                part = wanted[start : start + _CHUNK]
                marks = ",".join("?" * len(part))
                text = (
                    f"SELECT view, code, crc FROM codes WHERE space = ? AND content = ? AND view IN ({marks})"
                )
                rows += connection.execute(text, (space_id, content, *part)).fetchall()
            return rows

        found = self._run(query)
        if any(zlib.crc32(code) != crc for _, code, crc in found):
            raise self._damaged("a code is not what was written")
        return {view: np.frombuffer(code, dtype="<f4").astype(np.float32) for view, code, _ in found}

    def put_many(self, space_id: str, content: str, codes: Mapping[str, Code]) -> None:
        """Keep codes by view, all or none of them; those that are there already are replaced."""
        exact = {view: np.asarray(code, dtype="<f4").tobytes() for view, code in codes.items()}
        rows = [(space_id, content, view, code, zlib.crc32(code)) for view, code in exact.items()]

        def insert(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany("INSERT OR REPLACE INTO codes VALUES (?, ?, ?, ?, ?)", rows)

        self._run(insert)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def __del__(self) -> None:
        if hasattr(self, "_connection"):  # else it was never made
            self.close()

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                # SQLite's connections must not cross a fork: a child opens its own.
                if self._connection is None or self._process != os.getpid():
                    self._connection, self._process = self._open(), os.getpid()
                return work(self._connection)
            except sqlite3.OperationalError as error:
                # "unable to open", "readonly", "disk is full", "locked" for a whole minute
                reason = f"cannot use the cache {self._path}: {error}"
                if _is_full(self._path.parent):
                    reason = f"{reason} (the disk is full)"
                raise StoreError(f"{sentence(reason)} Check the disk and its rights.") from error
            except sqlite3.DatabaseError as error:
                raise self._damaged(str(error)) from error

    def _damaged(self, reason: str) -> StoreError:
        return StoreError(
            f"the cache {self._path} is damaged: {sentence(reason)} Delete it: codes are made again."
        )

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_PATIENCE, check_same_thread=False)
        try:
            _wait_while_busy(lambda: _prepare(connection))
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != _FORMAT:
                raise StoreError(
                    f"the cache {self._path} is of format {version}; this cnncodes reads {_FORMAT}."
                    " Use another folder, or delete it."
                )
        except BaseException:
            connection.close()
            raise
        return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last codes, never the file
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS codes (space TEXT, content TEXT, view TEXT, code BLOB NOT NULL,"
                " crc INTEGER NOT NULL, PRIMARY KEY (space, content, view))"
            )
            connection.execute(f"PRAGMA user_version = {_FORMAT}")


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < 1 << 20
    except OSError:
        return False


def _wait_while_busy(work: Callable[[], None]) -> None:
    """Retry what SQLite's own timeout does not cover: the switch to WAL when several begin at once."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() > end:
                raise
            time.sleep(0.02)
