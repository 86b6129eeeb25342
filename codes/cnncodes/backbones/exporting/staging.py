"""Files that come into a folder together: all of them, or the folder is as it was."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from cnncodes.disk import explain_failed_write, sync_folder
from cnncodes.errors import BackboneError

#: Of a stage's folder; one that a killed process left goes with the next stage in the same place.
_PREFIX = ".cnncodes-new-"


class Stage:
    """Files that are written under a hidden folder first; made by `stage_files`.

    Parameters
    ----------
    folder : Path
        Where they are to be.

    Attributes
    ----------
    path : Path
        Where they are until then, by the same names.
    """

    def __init__(self, folder: Path, path: Path) -> None:
        self.folder = folder
        self.path = path

    def write(self, name: str, data: bytes) -> None:
        """Write a file; `BackboneError` names the one that it is to be where it cannot be written."""
        with _saying(self.folder / name), open(self.path / name, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def commit(self, names: Iterable[str], gone: Iterable[str]) -> None:
        """Put files among the folder's own, one after the other, and remove others.

        Parameters
        ----------
        names : iterable of str
            Of files that have been written; what is there by these names goes.
        gone : iterable of str
            Files of the folder that go as well.

        Raises
        ------
        BackboneError
            If one cannot be put there. The folder has its old files then.
        """
        names = list(names)
        kept = self.path / "kept"
        with _saying(self.folder):
            kept.mkdir()
        for name in names:
            with _saying(self.folder / name):
                _keep(self.folder / name, kept / name)
        done: list[str] = []
        try:
            for name in names:
                with _saying(self.folder / name):
                    os.replace(self.path / name, self.folder / name)
                done.append(name)
        except BaseException:
            for name in reversed(done):
                _put_back(self.folder / name, kept / name)
            raise
        for name in gone:
            with contextlib.suppress(OSError):
                (self.folder / name).unlink()
        with _saying(self.folder):
            sync_folder(self.folder)


@contextlib.contextmanager
def stage_files(folder: Path) -> Iterator[Stage]:
    """Give a stage for a folder, which is made if need be; however the block ends, nothing else is left."""
    new = not folder.exists()
    with _saying(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.ExitStack() as ends:
            with _saying(folder), _locked(folder):
                _remove_abandoned(folder)
                # Within it, since a folder may be a disk of its own, and files are not renamed to another.
                space = tempfile.TemporaryDirectory(dir=folder, prefix=_PREFIX, ignore_cleanup_errors=True)
                path = Path(ends.enter_context(space))
                ends.enter_context(_locked(path))
            yield Stage(folder, path)
    finally:
        if new:
            with contextlib.suppress(OSError):  # it has files: all is well
                folder.rmdir()


@contextlib.contextmanager
def _locked(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a folder's lock, which ends with the process; gives whether there was one to be had."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield False
        return
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            held = True
        except OSError:  # somebody has it, or the disk knows no locks
            held = False
        yield held
    finally:
        os.close(handle)


def _remove_abandoned(folder: Path) -> None:
    """Remove the stages of processes that were killed: those that nobody holds."""
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), _locked(path, wait=False) as abandoned:
            if abandoned:
                shutil.rmtree(path, ignore_errors=True)


def _keep(path: Path, kept: Path) -> None:
    """Keep what is at a path under a second name, so that it can be put back."""
    if not os.path.lexists(path):
        return
    try:
        os.link(path, kept, follow_symlinks=False)
    except (OSError, NotImplementedError):  # a file system without hard links, or a folder
        shutil.copy2(path, kept, follow_symlinks=False)


def _put_back(path: Path, kept: Path) -> None:
    with contextlib.suppress(OSError):
        if os.path.lexists(kept):
            os.replace(kept, path)
        else:
            path.unlink()


@contextlib.contextmanager
def _saying(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackboneError(explain_failed_write(path, error)) from error
