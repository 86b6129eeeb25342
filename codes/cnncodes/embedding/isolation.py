"""Isolation: images are decoded in processes of their own, and one that dies costs the image that it had.

Each lane that needs one takes a process from those at hand. They are started as plain commands and not by
`multiprocessing`, which would run the caller's script again in each, and a pool of which breaks as a
whole when one of its processes is killed.
"""

from __future__ import annotations

import pickle
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing import ProcessError
from numbers import Real
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from cnncodes.embedding.decoding_worker import (
    IN_THE_JOB,
    Choose,
    DecodingWorker,
    describe_end,
    find_executable,
)
from cnncodes.embedding.exchange import GroupOrder, Order
from cnncodes.errors import UnreadableImage, UsageError, WorkerError
from cnncodes.images.switches import Switches
from cnncodes.machine import measure_memory, measure_swap

if TYPE_CHECKING:
    from cnncodes.embedding.cutting import Before, Patches, Task
    from cnncodes.images import ImageRecord

T = TypeVar("T")

#: Seconds after which decoding an image is given up, and where no limit was asked for: a process that hangs
#: outlives a job that is killed.
DECODE_SECONDS, LONGEST_SECONDS = 60.0, 3600.0
#: So many processes that end before they took an image are an error.
_STARTS = 3
#: Seconds beyond its limit after which not the image took so long: the process, or the whole machine, was
#: stopped meanwhile, and the clock went on.
_STOPPED = 1.0
#: Images that a process is given at once, where none is to be blamed for its end; and bytes of their pixels.
_GROUP, _GROUP_BYTES = 16, 2**22
#: What an image may take without its process asking first: so many lanes' share, and so many bytes.
_LANES, _MOST_ALLOWED = 256, 2**25


@dataclass(frozen=True)
class Isolation:
    """Limits of the processes that decode.

    Parameters
    ----------
    seconds : float
        After which decoding an image is given up.
    memory : int
        Bytes that a process may take for an image that needs no more.
    in_groups : bool
        Whether processes read files themselves, some at once, which is faster. Where one ends, its images are
        tried again one by one.
    """

    seconds: float
    memory: int
    in_groups: bool = False

    def __post_init__(self) -> None:
        is_number = isinstance(self.seconds, Real) and not isinstance(self.seconds, bool)
        if not is_number or not 0 < self.seconds < 2**31:
            raise UsageError(
                f"decode_seconds must be a number above 0 and below {2**31}. Got {self.seconds!r} instead."
            )

    def check(self) -> None:
        """Raise where no process can be started, or not be set up like this one.

        Raises
        ------
        WorkerError
            If there is no interpreter to start.
        UsageError
            If Pillow has a plugin that another process cannot import.
        """
        find_executable()
        pickle.dumps(Switches.read())

    def start(self, task: Task) -> Workers:
        """Return processes for a task, none of which is started yet."""
        orders = pickle.dumps((Switches.read(), task, float(self.seconds), self.memory))
        group = max(1, min(_GROUP, _GROUP_BYTES // max(1, task.room))) if self.in_groups else 1
        allowance = min(self.memory // _LANES, _MOST_ALLOWED)
        return Workers(orders, self.seconds, group * task.room, allowance, group)


class _EndedError(Exception):
    """That a process ended with an image in hand; holds its status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(eq=False)
class Workers:
    """Processes that do one task in the place of lanes; a context manager, shared by threads.

    Parameters
    ----------
    orders : bytes
        What each is sent first.
    seconds : float
        After which each gives up an image.
    room : int
        Bytes of pixels that an answer has at most.
    allowance : int
        Bytes that an image may take without asking.
    group : int
        Images that `work_all` is to be given at once; it is of no use for less than two.
    """

    orders: bytes
    seconds: float
    room: int
    allowance: int
    group: int = 1
    _idle: deque[DecodingWorker] = field(default_factory=deque, repr=False)
    _busy: set[DecodingWorker] = field(default_factory=set, repr=False)

    def work(
        self, data: bytes, content: str, before: Before | None = None, *, again: bool = True
    ) -> tuple[dict[str, Any], Patches | None]:
        """Return what a task makes of an image's bytes; `again` where that took too long for another reason.

        Raises
        ------
        UnreadableImage
            Also where the image ended the process.
        WorkerError
            If no process starts.
        """
        trims = before is not None and before(len(data) + self.allowance)  # its bytes are in both processes
        order = Order(content, self.allowance, trims, data)
        started = time.monotonic()
        try:
            answer = self._run(lambda worker: worker.ask(order, before))
        except _EndedError as error:
            was_late = time.monotonic() - started > self.seconds + _STOPPED
            if not (again and was_late and error.status == -signal.SIGALRM):
                raise self._explain(error.status) from None
            return self.work(data, content, before, again=False)
        if "refused" in answer:
            stage, reason, limit = answer["refused"]
            met = None if limit is None else (str(limit[0]), float(limit[1]))
            raise UnreadableImage(stage, reason, met)
        return answer["found"], answer["patches"]

    def work_all(self, records: Sequence[ImageRecord], choose: Choose) -> list[dict[str, Any]] | None:
        """Return what a task makes of some images' files; None where the process ended meanwhile.

        Parameters
        ----------
        records : sequence of ImageRecord
            Of files.
        choose : callable
            Called once, with ``stat`` and ``content`` of each image, or ``later`` where its file cannot be
            read or is large; returns which are to be decoded.

        Returns
        -------
        list of dict
            For each image that was chosen ``found`` and ``patches`` or ``refused``, as above; or ``later``,
            where it takes more memory than is allowed. Else it is empty.
        """
        order = GroupOrder(tuple(records), self.allowance)
        try:
            return self._run(lambda worker: worker.ask_all(order, choose))
        except _EndedError:
            return None

    def _run(self, ask: Callable[[DecodingWorker], T]) -> T:
        """Return what a process says; one that ended before it took anything is not to be blamed on that."""
        starts = 0
        while True:
            worker, is_new = self._take()
            starts += is_new
            given = worker.given
            self._busy.add(worker)
            try:
                answer = ask(worker)
            except (EOFError, OSError, ValueError, ProcessError) as error:
                # It is gone, or what it says is no sense, or it is stopped, and its clock could not end it.
                status = self._end(worker, is_stopped=isinstance(error, BlockingIOError))
                if worker.taken > given:
                    raise _EndedError(status) from None
                if starts >= _STARTS:
                    raise self._give_up(status) from None
                continue
            except BaseException:
                worker.end()
                raise
            finally:
                self._busy.discard(worker)
            self._idle.append(worker)
            return answer

    def _end(self, worker: DecodingWorker, *, is_stopped: bool) -> int:
        """End a process; one whose time is over has the status that its own clock would have given it."""
        if not is_stopped:
            return worker.end()
        worker.kill()
        worker.end()
        return -signal.SIGALRM

    def _explain(self, status: int) -> UnreadableImage:
        """Return what is to be said of the image whose process has ended."""
        if status == -signal.SIGALRM:
            reason = (
                f"decoding it took more than {self.seconds:g} s (--decode-seconds, in Python decode_seconds,"
                " raises it)"
            )
            return UnreadableImage("decode", reason, ("decode_seconds", self.seconds))
        reason = f"the process that decoded it {describe_end(status)}"
        if status == -signal.SIGKILL:  # tried again with no more memory, it might end a job that isolates not
            return UnreadableImage("memory", reason, ("machine_memory", measure_memory() + measure_swap()))
        return UnreadableImage("decode", reason)

    def _take(self) -> tuple[DecodingWorker, bool]:
        """Return a process that is idle and there, and False; else a new one and True."""
        while True:
            try:
                worker = self._idle.pop()
            except IndexError:
                return self._start(), True
            if worker.is_there:
                return worker, False
            worker.end()

    def _start(self) -> DecodingWorker:
        for _ in range(_STARTS):
            worker = DecodingWorker(self.room, self.seconds)
            if worker.greet(self.orders):
                return worker
            status = worker.end()
        raise self._give_up(status)

    def _give_up(self, status: int) -> WorkerError:
        return WorkerError(
            f"{_STARTS} processes in a row that were to decode images ended before their first image;"
            f" the last {describe_end(status)}. What they said, if anything, stands above. {IN_THE_JOB}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in list(self._busy):  # lanes that were left behind have them
            worker.kill()
        for worker in self._idle:
            worker.close()
        while self._idle:
            self._idle.pop().end()
