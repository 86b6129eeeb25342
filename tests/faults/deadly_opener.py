"""A plugin of Pillow, in the place of JPEG XL's, for files that say what is to become of who decodes them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from PIL import Image, ImageFile

_MAGIC = b"DEADLY "


def write_deadly(path: Path, deed: str) -> Path:
    """Write a file of a deed: a signal's name, ``crash``, ``exit``, ``memory``, ``hang`` or ``wait``.

    The last two make a file beside it before they hang, whose name ends in ``.hangs.tmp``.
    """
    path.write_bytes(_MAGIC + f"{deed} {path}.hangs.tmp".encode())
    return path


class DeadlyImage(ImageFile.ImageFile):
    """Opens as a small picture."""

    format = "JXL"

    def _open(self) -> None:
        self._size, self._mode = (64, 48), "RGB"
        self._deed = self.fp.read().decode().split(" ", 2)[1:]

    def load(self) -> Any:
        """Do the deed."""
        if "pytest" in sys.modules:
            raise AssertionError("decoded in the test's own process")
        deed, marker = self._deed
        if deed == "crash":
            ctypes.string_at(8)
        elif deed == "exit":
            os._exit(3)
        elif deed == "memory":
            bytearray(2**40)
        elif deed == "hang":
            Path(marker).touch()
            while True:
                ctypes.PyDLL(None).pause()  # keeps Python's lock, as native code may
        elif deed == "wait":
            Path(marker).touch()
            while True:
                time.sleep(60)  # without Python's lock, as a disk that does not answer
        os.kill(os.getpid(), signal.Signals[deed])


def accept(prefix: bytes) -> bool:
    """Tell whether a file is one of these."""
    return prefix.startswith(_MAGIC)


def register() -> None:
    """Let Pillow open such files in this process."""
    Image.register_open("JXL", DeadlyImage, accept)


def unregister() -> None:
    """Take that back."""
    Image.OPEN.pop("JXL", None)
    Image.ID.remove("JXL")


class Bug:
    """A task that is wrong."""

    room = 0

    def work(self, data: bytes, content: str, before: object = None) -> Any:
        """Raise what no image may."""
        raise KeyError("a bug")


def find_workers(parent: int, least_seconds: float = 0) -> list[int]:
    """Return the processes that decode for another one, and have taken that much of the processor's time."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            if (
                int(fields[1]) == parent
                and seconds >= least_seconds
                and b"decoding_process" in _command(folder)
            ):
                found.append(int(folder.name))
        except OSError:  # it has just ended
            continue
    return found


def _command(folder: Path) -> bytes:
    return (folder / "cmdline").read_bytes()


def is_running(pid: int) -> bool:
    """Tell whether a process has not ended; one that nobody has waited for has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Sleeper:
    """A task that takes a while the first time, once it has made a file."""

    room = 0

    def __init__(self, mark: str) -> None:
        self.mark = Path(mark)

    def work(self, data: bytes, content: str, before: object = None) -> Any:
        """Return nothing of note."""
        if not self.mark.exists():
            self.mark.touch()
            time.sleep(0.3)
        return {"done": True}, None
