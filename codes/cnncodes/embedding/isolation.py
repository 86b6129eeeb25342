"""Isolation: images are decoded in processes of their own, and one that dies costs the image that it had.

Each lane that needs one takes a process from those at hand. They are started as plain commands and not by
`multiprocessing`, which would run the caller's script again in each, and a pool of which breaks as a
whole when one of its processes is killed.
"""

from __future__ import annotations

import pickle
import signal
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import ProcessError
from numbers import Real
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from cnncodes.embedding.decoding_worker import DecodingWorker, describe_end, find_executable
from cnncodes.embedding.exchange import GroupOrder, Order
from cnncodes.errors import UnreadableImage, UsageError, WorkerError
from cnncodes.images.switches import Switches

if TYPE_CHECKING:
    from cnncodes.embedding.cutting import Before, Patches, Task
    from cnncodes.images import ImageRecord

#: Seconds after which decoding an image is given up.
DECODE_SECONDS = 60.0
#: So many processes that end before they took an image are an error.
_STARTS = 3
#: Images that a process is given at once, where none is to be blamed for its end; and bytes of their pixels.
_GROUP, _GROUP_BYTES = 16, 2**22
#: What an image may take without its process asking first: so many lanes' share, and so many bytes.
_LANES, _MOST_ALLOWED = 256, 2**25


@dataclass(frozen=True)
class Isolation:
    """Limits of the processes that decode.

    Parameters
    ----------
    seconds : float or None
        After which decoding an image is given up; None is never.
    memory : int
        Bytes that a process may take for an image that needs no more.
    in_groups : bool
        Whether processes read files themselves, some at once, which is faster. Where one ends, its images are
        tried again one by one.
    """

    seconds: float | None
    memory: int
    in_groups: bool = False

    def __post_init__(self) -> None:
        if self.seconds is None:
            return
        is_number = isinstance(self.seconds, Real) and not isinstance(self.seconds, bool)
        if not is_number or not 0 < self.seconds < 2**31:
            raise UsageError(f"decode_seconds must be a number above 0. Got {self.seconds!r} instead.")

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
        orders = pickle.dumps((Switches.read(), task, float(self.seconds or 0), self.memory))
        group = min(_GROUP, _GROUP_BYTES // max(1, task.room)) if self.in_groups else 1
        allowance = min(self.memory // _LANES, _MOST_ALLOWED)
        return Workers(orders, self.seconds, max(1, group) * task.room, allowance, group)


@dataclass(eq=False)
class Workers:
    """Processes that do one task in the place of lanes; a context manager, shared by threads.

    Parameters
    ----------
    orders : bytes
        What each is sent first.
    seconds : float or None
        After which each gives up an image.
    room : int
        Bytes of pixels that an answer has at most.
    allowance : int
        Bytes that an image may take without asking.
    group : int
        Images that `work_all` is to be given at once; it is of no use for less than two.
    """

    orders: bytes
    seconds: float | None
    room: int
    allowance: int
    group: int = 1
    _idle: deque[DecodingWorker] = field(default_factory=deque, repr=False)

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
        trims = before is not None and before(len(data) + self.allowance)  # its bytes are in both processes
        order = Order(content, self.allowance, trims, data)
        answer = self._answer(order, before)
        if "refused" in answer:
            stage, reason, limit = answer["refused"]
            met = None if limit is None else (str(limit[0]), float(limit[1]))
            raise UnreadableImage(stage, reason, met)
        return answer["found"], answer["patches"]

    def work_all(self, records: Sequence[ImageRecord]) -> list[dict[str, Any]] | None:
        """Return what a task makes of some images' files; None where the process ended meanwhile.

        Returns
        -------
        list of dict
            For each image ``stat``, ``content``, and ``found`` and ``patches`` or ``refused``, as above; or
            ``later``, where the image takes more than is allowed, or its file cannot be read.
        """
        worker = self._take()
        try:
            answers = worker.ask_all(GroupOrder(tuple(records), self.allowance))
        except (EOFError, OSError, ValueError, ProcessError):
            worker.end()
            return None
        except BaseException:
            worker.end()
            raise
        self._idle.append(worker)
        return answers

    def _answer(self, order: Order, before: Before | None) -> dict[str, Any]:
        for _ in range(_STARTS):
            worker = self._take()
            try:
                answer = worker.ask(order, before)
            except (EOFError, OSError, ValueError, ProcessError):  # it is gone, or what it says is no sense
                status = worker.end()
                if worker.has_taken:
                    raise self._explain(status) from None
                continue  # it ended between two images, and this one is not to blame
            except BaseException:
                worker.end()
                raise
            self._idle.append(worker)
            return answer
        raise self._give_up(status)

    def _explain(self, status: int) -> UnreadableImage:
        """Return what is to be said of the image whose process has ended."""
        if status == -signal.SIGALRM and self.seconds is not None:
            reason = (
                f"decoding it took more than {self.seconds:g} s (--decode-seconds, in Python decode_seconds,"
                " raises it)"
            )
            return UnreadableImage("decode", reason, ("decode_seconds", self.seconds))
        return UnreadableImage("decode", f"the process that decoded it {describe_end(status)}")

    def _take(self) -> DecodingWorker:
        try:
            return self._idle.pop()
        except IndexError:
            return self._start()

    def _start(self) -> DecodingWorker:
        for _ in range(_STARTS):
            worker = DecodingWorker(self.room)
            if worker.greet(self.orders):
                return worker
            status = worker.end()
        raise self._give_up(status)

    def _give_up(self, status: int) -> WorkerError:
        return WorkerError(
            f"{_STARTS} processes in a row that were to decode images ended before their first image;"
            f" the last {describe_end(status)}. What they said, if anything, stands above. Without --isolate"
            " (isolate=False) and with few lanes (-j 4, n_jobs=4) images are decoded in the job's own"
            " process."
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
