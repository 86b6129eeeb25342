"""Isolation: images are decoded in processes of their own, and one that dies costs the image that it had.

Each lane that needs one takes a process from those at hand. They are started as plain commands and not by
`multiprocessing`, which would run the caller's script again in each, and a pool of which breaks as a
whole when one of its processes is killed.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from multiprocessing import Pipe, ProcessError, spawn
from numbers import Real
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cnncodes.errors import UnreadableImage, UsageError, WorkerError, sentence
from cnncodes.images.switches import Switches

if TYPE_CHECKING:
    from cnncodes.embedding.cutting import Before, Patches, Task

#: Seconds after which decoding an image is given up.
DECODE_SECONDS = 60.0
#: Seconds that a process may take to start, and to end once its pipe is closed.
_START_SECONDS, _END_SECONDS = 120, 5
#: So many processes that end before they took an image are an error.
_STARTS = 3

# The caller's own search path, since its modules may hold plugins of Pillow.
_COMMAND = """
import signal, sys
signal.alarm({seconds})
sys.path[:] = {path}
from cnncodes.embedding.decoding_process import serve
serve({descriptor})
"""


@dataclass(frozen=True)
class Isolation:
    """Limits of the processes that decode.

    Parameters
    ----------
    seconds : float
        After which decoding an image is given up.
    memory : int
        Bytes that a process may take for an image that needs no more.
    """

    seconds: float
    memory: int

    def __post_init__(self) -> None:
        is_number = isinstance(self.seconds, Real) and not isinstance(self.seconds, bool)
        if not is_number or not 0 < self.seconds < 2**31:
            raise UsageError(f"decode_seconds must be a number above 0. Got {self.seconds!r} instead.")

    def start(self, task: Task) -> Workers:
        """Return processes for a task, none of which is started yet."""
        return Workers(pickle.dumps((Switches.read(), task, float(self.seconds), self.memory)), self.seconds)


class Workers:
    """Processes that do one task in the place of lanes; a context manager, shared by threads.

    Parameters
    ----------
    orders : bytes
        What each is sent first.
    seconds : float
        After which each gives up an image.
    """

    def __init__(self, orders: bytes, seconds: float) -> None:
        self._orders, self._seconds = orders, seconds
        self._idle: deque[_Worker] = deque()

    def work(
        self, data: bytes, content: str, before: Before | None = None
    ) -> tuple[dict[str, Any], Patches | None]:
        """Return what a task makes of an image's bytes.

        Raises
        ------
        UnreadableImage
            Also where the image ended the process.
        WorkerError
            If no process starts.
        """
        worker = self._take(data, content)
        try:
            answer = worker.answer(len(data), before)
        except (EOFError, OSError, ValueError, ProcessError):  # it is gone, or what it says is no sense
            raise self._explain(worker.end()) from None
        except BaseException:
            worker.end()
            raise
        self._idle.append(worker)
        if "refused" in answer:
            stage, reason, limit = answer["refused"]
            met = None if limit is None else (str(limit[0]), float(limit[1]))
            raise UnreadableImage(stage, reason, met)
        return answer["found"], answer["patches"]

    def _explain(self, status: int) -> UnreadableImage:
        """Return what is to be said of the image whose process has ended."""
        if status == -signal.SIGALRM:
            reason = (
                f"decoding it took more than {self._seconds:g} s (--decode-seconds, in Python decode_seconds,"
                " raises it)"
            )
            return UnreadableImage("decode", reason, ("decode_seconds", self._seconds))
        return UnreadableImage("decode", f"the process that decoded it {describe_end(status)}")

    def _take(self, data: bytes, content: str) -> _Worker:
        """Return a process that has an image."""
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = self._start()
        if not worker.give(data, content):  # it ended between two images, and this one is not to blame
            worker.end()
            worker = self._start()
            worker.give(data, content)
        return worker

    def _start(self) -> _Worker:
        for _ in range(_STARTS):
            worker = _Worker()
            if worker.greet(self._orders):
                return worker
            status = worker.end()
        raise WorkerError(
            f"{_STARTS} processes in a row that were to decode images ended before their first image;"
            f" the last {describe_end(status)}. What they said, if anything, stands above. Without --isolate"
            " (isolate=False) images are decoded in the job's own process."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._idle:
            worker.close()
        while self._idle:
            self._idle.pop().end()


class _Worker:
    """A process and the lane's end of the pipe to it."""

    def __init__(self) -> None:
        executable = _find_executable()
        self._pipe, theirs = Pipe()
        with theirs:
            path = ascii([entry for entry in sys.path if isinstance(entry, str)])
            code = _COMMAND.format(seconds=_START_SECONDS, path=path, descriptor=theirs.fileno())
            try:
                self._process = subprocess.Popen(
                    [executable, "-c", code],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env={"MALLOC_ARENA_MAX": "2", **os.environ},  # else each thread reserves address space
                    start_new_session=True,  # Ctrl-C is for the job, which ends its processes itself
                )
            except OSError as error:
                self._pipe.close()
                raise WorkerError(
                    f"a process that decodes images cannot be started: {sentence(error)} Without --isolate"
                    " (isolate=False) images are decoded in the job's own process."
                ) from error

    def greet(self, orders: bytes) -> bool:
        """Tell whether the process takes its orders."""
        try:
            self._pipe.send_bytes(orders)
            return self._pipe.recv_bytes() == b"ready"
        except (EOFError, OSError):
            return False

    def give(self, data: bytes, content: str) -> bool:
        """Tell whether the process takes an image."""
        try:
            self._pipe.send_bytes(content.encode())
            self._pipe.send_bytes(data)
            return self._pipe.recv_bytes() == b"taken"
        except (EOFError, OSError):
            return False

    def answer(self, size: int, before: Before | None) -> dict[str, Any]:
        """Return the answer to an image of so many bytes, with its patches."""
        answer = json.loads(self._pipe.recv_bytes())
        if "needs" in answer:
            trims = before is not None and before(size + answer["needs"])  # its bytes are in both processes
            self._pipe.send_bytes(b"1" if trims else b"0")
            answer = json.loads(self._pipe.recv_bytes())
        if "error" in answer:
            raise RuntimeError(f"in the process that decodes images:\n{answer['error']}")
        if answer.get("patches") is not None:
            patches = np.empty(answer["patches"], np.uint8)
            self._pipe.recv_bytes_into(patches.data.cast("B"))
            answer["patches"] = patches
        return answer  # type: ignore[no-any-return]

    def close(self) -> None:
        """Let the process end by itself."""
        self._pipe.close()

    def end(self) -> int:
        """Return the status of a process that has ended, and end it if it has not."""
        self.close()
        try:
            return self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _find_executable() -> str:
    """Return Python's interpreter, as `multiprocessing` finds it or was told."""
    executable = os.fsdecode(spawn.get_executable() or "")
    is_frozen = (
        getattr(sys, "frozen", False) and executable == sys.executable
    )  # it would run the program again
    if not executable or is_frozen:
        raise WorkerError(
            "isolate needs Python's interpreter, and this program is none. Name one with"
            " multiprocessing.set_executable(path), or embed without isolate (--isolate)."
        )
    return executable


def describe_end(status: int) -> str:
    """Say how a process ended.

    Examples
    --------
    >>> describe_end(-11), describe_end(3)
    ('was killed by signal 11 (SIGSEGV)', 'ended with status 3')
    """
    if status >= 0:
        return f"ended with status {status}"
    try:
        name = f" ({signal.Signals(-status).name})"
    except ValueError:  # a real-time signal
        name = ""
    hint = ", as the system does where memory is short" if -status == signal.SIGKILL else ""
    return f"was killed by signal {-status}{name}{hint}"
