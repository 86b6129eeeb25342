"""The process that decodes: a loop that takes images from a lane until the lane's end of the pipe is closed.

It imports little, since one is started anew for each image that ends its predecessor.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import resource
import signal
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from cnncodes.embedding.exchange import GroupOrder, SharedMemory, read_order
from cnncodes.embedding.memory import release_free_memory
from cnncodes.errors import UnreadableImage
from cnncodes.images import FileStat, content_hash

if TYPE_CHECKING:
    from cnncodes.embedding.cutting import Patches, Task
    from cnncodes.images import ImageRecord

#: Address space beyond what a picture takes: the interpreter's own, and stacks of a decoder's threads.
_ROOM = 2**28 + 2**25 * (os.cpu_count() or 1)
#: Limits of address space as they were found, and the largest that the system takes for one.
_GIVEN, _MOST = resource.getrlimit(resource.RLIMIT_AS), 2**62


def serve(descriptor: int, memory_descriptor: int) -> None:
    """Work for a lane: first what to do and the limits, then images, each with its answer."""
    _shield()
    shared = SharedMemory(memory_descriptor)
    with Connection(descriptor) as pipe, contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        switches, task, seconds, memory = pickle.loads(pipe.recv_bytes())
        switches.set()
        worker = _Worker(pipe, shared, task, seconds, memory)
        signal.alarm(0)  # it was to end a start that hangs
        pipe.send_bytes(b"ready")
        while True:
            worker.take()


def _shield() -> None:
    """Let nothing end the process but the lane and what an image does to it.

    Whoever ends the job by a signal to all of its processes must not make failures of the images in hand.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # A core file for each damaged picture would fill the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


class _Later(BaseException):
    """An image of several takes more than is allowed, which is no fault of it as an `Exception` would be."""


#: The answer for one that is the lane's to see to.
_LATER: dict[str, Any] = {"later": True}


class _Worker:
    def __init__(
        self, pipe: Connection, shared: SharedMemory, task: Task, seconds: float, memory: int
    ) -> None:
        self._pipe, self._shared = pipe, shared
        self._task, self._seconds, self._memory = task, seconds, memory
        self._trims, self._allowance, self._is_alone = False, 0, True

    def take(self) -> None:
        """Wait for an image, or several, and answer."""
        order = read_order(self._pipe.recv_bytes())
        if isinstance(order, GroupOrder):
            self._answer_all(order)
            return
        self._shared.take()
        self._trims, self._allowance, self._is_alone = order.trims, order.allowance, True
        answer, pixels = self._work(order.data, order.content)
        if pixels is not None:
            self._shared.pixels(pixels.shape)[...] = pixels
        self._pipe.send_bytes(json.dumps(answer).encode())
        if self._trims:
            del order, pixels
            release_free_memory()

    def _answer_all(self, order: GroupOrder) -> None:
        """Read images, hear which are wanted, and answer; those that take much are the lane's to see to."""
        self._trims, self._is_alone = False, False
        files: list[bytes | None] = []
        seen, held = [], 0
        for record in order.records:
            self._shared.take()
            data = _read(record, order.allowance // 2 - held)
            files.append(None if data is None else data[1])
            held += 0 if data is None else len(data[1])
            seen.append(_LATER if data is None else {"stat": data[0], "content": content_hash(data[1])})
        self._pipe.send_bytes(json.dumps(seen).encode())
        wanted = self._pipe.recv_bytes()
        if not any(wanted):
            return
        self._allowance = order.allowance - held
        answers, start = [], 0
        for is_wanted, file, one in zip(wanted, files, seen, strict=True):
            answer, pixels = (
                self._work(file, str(one["content"])) if is_wanted and file is not None else ({}, None)
            )
            if pixels is not None:
                self._shared.pixels(pixels.shape, start)[...] = pixels
                start += pixels.nbytes
            answers.append(answer)
        self._pipe.send_bytes(json.dumps(answers).encode())

    def _work(self, data: bytes, content: str) -> tuple[dict[str, Any], Patches | None]:
        try:
            with _limited_memory(self._memory), self._limited_time():
                found, pixels = self._task.work(data, content, self._ask)
        except _Later:
            return _LATER, None
        except UnreadableImage as error:
            limit = error.limit or (self._find_limit() if error.stage == "memory" else None)
            return {"refused": [error.stage, error.reason, limit]}, None
        except MemoryError:
            return {"refused": ["memory", "not enough memory to decode it", self._find_limit()]}, None
        except Exception:  # a bug of ours, which the lane raises
            return {"error": traceback.format_exc()}, None
        return {"found": found, "patches": None if pixels is None else pixels.shape}, pixels

    def _find_limit(self) -> tuple[str, float] | None:
        """Return the limit that an image met which got no memory; None where it may be the whole job's."""
        return ("max_memory", self._memory) if _GIVEN[0] == resource.RLIM_INFINITY else None

    def _ask(self, size: int) -> bool:
        """Wait for the lane until there is memory, which is no time that the image takes."""
        if size <= self._allowance:
            return self._trims
        if not self._is_alone:
            raise _Later
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._pipe.send_bytes(json.dumps({"needs": size}).encode())
        self._trims = self._pipe.recv_bytes() == b"1"
        _limit_address_space(max(self._memory, size))
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        return self._trims

    @contextlib.contextmanager
    def _limited_time(self) -> Iterator[None]:
        # The kernel ends the process, also in the middle of native code and when nobody waits for it.
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def _read(record: ImageRecord, room: int) -> tuple[FileStat, bytes] | None:
    """Return size and time of a file, and what is in it; None where it is larger, or cannot be read."""
    try:
        stat = record.stat()
        if stat.size > room:
            return None
        data = record.read()
    except UnreadableImage:
        return None
    assert isinstance(data, bytes)
    return (stat, data) if len(data) <= room else None


@contextlib.contextmanager
def _limited_memory(amount: int) -> Iterator[None]:
    _limit_address_space(amount)
    try:
        yield
    finally:
        _limit_address_space(None)


def _limit_address_space(amount: int | None) -> None:
    """Let the process take so many bytes more than it holds now; None takes the limit away."""
    limit, hard = _GIVEN
    if amount is not None:
        with contextlib.suppress(OSError):  # only Linux says it
            with open("/proc/self/statm", "rb", buffering=0) as file:  # for each image: a Path takes longer
                pages = int(file.read().split()[0])
            wanted = min(pages * resource.getpagesize() + amount + _ROOM, _MOST)
            limit = wanted if limit == resource.RLIM_INFINITY else min(limit, wanted)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
