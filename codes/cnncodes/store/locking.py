"""One writer at a time: a lock on a codes dataset that ends with the process that holds it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from cnncodes.disk import parse_json
from cnncodes.errors import StoreError
from cnncodes.store.files import writing_errors

#: Stays in the folder when nobody holds it: removing it would let two writers in by a race.
LOCK_NAME = ".lock"


class WriterLock:
    """Holds ``flock`` on a dataset's lock file from construction to `release`.

    Raises
    ------
    StoreError
        If another writer holds it; the text names its process and host.
    """

    _handle = -1

    def __init__(self, folder: Path) -> None:
        try:
            import fcntl
        except ImportError as error:
            raise StoreError("writing codes needs flock, which is missing. Use Linux or macOS.") from error
        self._folder = folder
        path = self._path = folder / LOCK_NAME
        if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
            raise StoreError(
                f"{path} is a link, or no ordinary file: what is written to it would go elsewhere. Remove it."
            )
        with writing_errors(path):
            # What is a link by now is an error of the system, and not followed.
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            _lock(fcntl.flock, self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _read_holder(self._handle)
            self.release()
            raise StoreError(
                f"{folder} is being written by {holder}. Wait for it, stop it, or choose another folder."
            ) from error
        except OSError as error:
            self.release()
            self._leave_nothing()
            advice = "Look after the disk" if error.errno == errno.EIO else "Choose another disk"
            raise StoreError(f"cannot lock {path}: {error.strerror}. {advice}.") from error
        try:
            with writing_errors(path):
                os.ftruncate(self._handle, 0)
                os.pwrite(self._handle, _describe_self(), 0)
        except BaseException:
            self.release()
            raise

    def _leave_nothing(self) -> None:
        """Remove the lock's file where there is no more: it would look like a dataset."""
        with contextlib.suppress(OSError):
            if os.listdir(self._folder) == [LOCK_NAME]:
                self._path.unlink()

    @property
    def current(self) -> bool:
        """Whether the locked file is still the one in the folder: its last holder may have removed it."""
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._handle))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def check(self) -> None:
        """Raise unless nobody else can have got the lock meanwhile: asked before anything is put in place.

        Raises
        ------
        StoreError
            If the folder or the locked file was removed, or another is in its place.
        """
        with writing_errors(self._path):
            if self.current:
                return
        if not self._folder.exists():
            raise StoreError(
                f"{self._folder} is gone: it was removed or moved while this job wrote to it. If it was"
                " moved, move it back; then run the same command again."
            )
        raise StoreError(
            f"{self._path} is not the file any more that this job has locked: it was removed or replaced, so"
            f" another job may write to {self._folder}, and this one does so no more. Run the same command"
            " again when no other job does."
        )

    def release(self) -> None:
        """Let the next writer in; harmless when called again."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def __del__(self) -> None:  # an interrupt may have come before anybody could see to it
        self.release()


def _lock(flock: Callable[[int, int], None], handle: int, how: int) -> None:
    """Take the lock, though somebody may hold it for the moment that it takes to ask who writes."""
    for pause in (0.01, 0.02, 0.04, 0.08, 0.16, None):
        try:
            return flock(handle, how)
        except BlockingIOError:
            if pause is None:
                raise
            time.sleep(pause)


def find_writer(folder: Path) -> str | None:
    """Return who holds the lock of a dataset, ``"process 7 on host a"``; None where nobody is known to."""
    try:
        import fcntl

        # A pipe in a stranger's folder is not waited for.
        handle = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)  # given back at once, with the handle
    except BlockingIOError:
        return _read_holder(handle)
    except OSError:
        return None
    finally:
        os.close(handle)
    return None


def _describe_self() -> bytes:
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode()


def _read_holder(handle: int) -> str:
    try:
        holder = parse_json(os.pread(handle, 4096, 0))
        is_self = (holder["pid"], holder["host"]) == (os.getpid(), socket.gethostname())
        return f"{'this very process,' if is_self else 'process'} {holder['pid']} on host {holder['host']}"
    except (OSError, ValueError, TypeError, KeyError):  # it has the lock but has not yet said who it is
        return "another process"
