"""A process that decodes, as the lane sees it: how it is started, asked and ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from multiprocessing import Pipe, spawn
from typing import TYPE_CHECKING, Any, TypeAlias

from cnncodes.disk import explain_open_files
from cnncodes.embedding.exchange import GroupOrder, Order, SharedMemory, open_shared
from cnncodes.errors import WorkerError, sentence

if TYPE_CHECKING:
    from cnncodes.embedding.cutting import Before

#: Asked with what a process has read of some images: which of them are to be decoded.
Choose: TypeAlias = Callable[[list[dict[str, Any]]], list[bool]]

#: What helps where processes do not start.
IN_THE_JOB = (
    "Without --isolate (isolate=False) and with no more than four lanes (-j, n_jobs) images are decoded in"
    " the job's own process."
)
#: Seconds that a process may take to start, and to end once its pipe is closed.
_START_SECONDS, _END_SECONDS = 120, 5
#: Seconds beyond its own limit after which the lane gives up a process: one that is stopped keeps to none.
_GRACE = 5.0

# The caller's own search path, since its modules may hold plugins of Pillow.
_COMMAND = """
import signal, sys
signal.alarm({seconds})
sys.path[:] = {path}
from cnncodes.embedding.decoding_process import serve
serve({pipe}, {memory})
"""


class DecodingWorker:
    """A process, the lane's end of the pipe to it, and memory that both see.

    Waiting for it ends with a `BlockingIOError`, some seconds after the limit that it has for an image.
    """

    def __init__(self, room: int, seconds: float) -> None:
        executable = find_executable()
        #: Images that it was given.
        self.given = 0
        self._seconds = seconds
        self._pipe, theirs = Pipe()
        self._limit_waiting(_START_SECONDS)
        with theirs, open_shared(room) as shared:
            self._shared = SharedMemory(shared.fileno())
            path = ascii([entry for entry in sys.path if isinstance(entry, str)])
            code = _COMMAND.format(
                seconds=_START_SECONDS, path=path, pipe=theirs.fileno(), memory=shared.fileno()
            )
            try:
                self._process = subprocess.Popen(
                    [executable, "-P", "-c", code],  # no module is taken from the working folder
                    pass_fds=[theirs.fileno(), shared.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env={"MALLOC_ARENA_MAX": "2", **os.environ},  # else each thread reserves address space
                    start_new_session=True,  # Ctrl-C is for the job, which ends its processes itself
                )
            except OSError as error:
                self._pipe.close()
                told = explain_open_files(error) or f"{sentence(error)} {IN_THE_JOB}"
                raise WorkerError(f"a process that decodes images cannot be started: {told}") from error

    def greet(self, orders: bytes) -> bool:
        """Tell whether the process takes its orders."""
        try:
            self._pipe.send_bytes(orders)
            return self._pipe.recv_bytes() == b"ready"
        except (EOFError, OSError):
            return False

    def _limit_waiting(self, seconds: float) -> None:
        """Let each call that waits for the process end after so many seconds, and a few more."""
        whole, rest = divmod(seconds + _GRACE, 1)
        limit = struct.pack("@ll", int(whole), int(rest * 1e6))
        # Of the pipe itself: to poll it before it is read would leave out what blocks while it is written.
        with socket.socket(fileno=os.dup(self._pipe.fileno())) as pipe:
            for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                pipe.setsockopt(socket.SOL_SOCKET, way, limit)

    @property
    def taken(self) -> int:
        """How many images the process has taken, of those that it was given."""
        return self._shared.taken

    @property
    def is_there(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def ask(self, order: Order, before: Before | None) -> dict[str, Any]:
        """Return the answer to an image, with its patches."""
        self.given += 1
        self._limit_waiting(self._seconds)
        self._pipe.send_bytes(order.to_bytes())
        answer = json.loads(self._pipe.recv_bytes())
        while "needs" in answer:
            trims = before is not None and before(len(order.data) + answer["needs"])
            self._pipe.send_bytes(b"1" if trims else b"0")
            answer = json.loads(self._pipe.recv_bytes())
        self._add_patches([answer])
        return answer  # type: ignore[no-any-return]

    def ask_all(self, order: GroupOrder, choose: Choose) -> list[dict[str, Any]]:
        """Return the answers to some images, with their patches."""
        self.given += len(order.records)
        self._limit_waiting(self._seconds * len(order.records))
        self._pipe.send_bytes(order.to_bytes())
        chosen = choose(json.loads(self._pipe.recv_bytes()))
        self._pipe.send_bytes(bytes(chosen))
        if not any(chosen):
            return [{} for _ in chosen]
        answers: list[dict[str, Any]] = json.loads(self._pipe.recv_bytes())
        self._add_patches(answers)
        return answers

    def _add_patches(self, answers: Sequence[dict[str, Any]]) -> None:
        """Put pixels in the place of their shapes, out of the memory where the next image's come to lie."""
        shapes = [answer["patches"] for answer in answers if answer.get("patches") is not None]
        if shapes:
            pixels = self._shared.pixels((sum(shape[0] for shape in shapes), *shapes[0][1:])).copy()
        start = 0
        for answer in answers:
            if "error" in answer:
                raise RuntimeError(f"in the process that decodes images:\n{answer['error']}")
            if answer.get("patches") is not None:
                stop = start + answer["patches"][0]
                answer["patches"], start = pixels[start:stop], stop

    def kill(self) -> None:
        """End the process at once; whoever waits for its answer hears that it is gone."""
        self._process.kill()

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


def find_executable() -> str:
    """Return Python's interpreter, as `multiprocessing` finds it or was told."""
    executable = os.fsdecode(spawn.get_executable() or "")
    is_frozen = (
        getattr(sys, "frozen", False) and executable == sys.executable
    )  # it would run the program again
    if not executable or is_frozen:
        raise WorkerError(
            "processes that decode need Python's interpreter, and this program is none. Name one with"
            f" multiprocessing.set_executable(path). {IN_THE_JOB}"
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
