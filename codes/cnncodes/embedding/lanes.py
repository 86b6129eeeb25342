"""Lanes: threads that each take a chunk of images from reading to codes.

Decoding, resizing and the network all release Python's lock, so threads cost what processes cost
and share one session. One lane a core, each with a one-thread session, beats one pipeline with a
many-thread session.
"""

from __future__ import annotations

import atexit
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from numbers import Integral
from typing import Any, TypeVar

from cnncodes.errors import UsageError
from cnncodes.machine import count_cores

T = TypeVar("T")
R = TypeVar("R")

#: Images in one piece of work, at most and towards the end: long enough to fill batches, short enough for
#: even progress, and for lanes to end together.
CHUNK, LAST_CHUNK = 32, 8

#: Seconds that lanes have to finish what they have begun when nobody wants it any more. What takes longer,
#: such as a read from a disk that does not answer, is left behind.
LIMIT = 10.0


def count_lanes(n_jobs: int | None) -> int:
    """Return how many lanes `n_jobs` stands for: None and -1 are one for each usable core.

    Examples
    --------
    >>> count_lanes(3)
    3
    """
    if n_jobs is None or n_jobs == -1:
        return count_cores()
    if not isinstance(n_jobs, Integral) or isinstance(n_jobs, bool) or n_jobs < 1:
        raise UsageError(f"n_jobs must be a positive whole number, -1 or None. Got {n_jobs!r} instead.")
    return int(n_jobs)


def run_lanes(
    work: Callable[[Sequence[T]], list[R]],
    items: Sequence[T],
    n_jobs: int | None,
    *,
    most: int = CHUNK,
    stop: threading.Event | None = None,
) -> Iterator[R]:
    """Apply `work` to chunks of `items` in several threads and yield the results in order.

    Only a few chunks are under way at once, so that a slow consumer bounds the memory. Where the
    consumer stops early, or is interrupted, work that has not begun is cancelled, and what has is waited for
    no longer than `LIMIT`.

    Parameters
    ----------
    work : callable
    items : sequence
    n_jobs : int or None
    most : int
        Items in a chunk; fewer where each takes long, since results come a chunk at a time.
    stop : threading.Event, optional
        Set once no result is wanted any more, for work that can stop earlier.
    """
    lanes = count_lanes(n_jobs)
    chunks = (items[part] for part in divide(len(items), lanes, most))
    pool = _Lanes(lanes, stop or threading.Event())
    try:
        waiting: deque[Future[list[R]]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(work, chunk))
            if len(waiting) > 2 * lanes:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.end()


def divide(count: int, lanes: int, most: int = CHUNK) -> Iterator[slice]:
    """Yield the parts that lanes take one after another, smaller ones towards the end, which none waits for.

    None is larger than `most`.

    Examples
    --------
    >>> [part.stop - part.start for part in divide(170, 2)]
    [32, 32, 24, 16, 16, 8, 8, 8, 8, 8, 8, 2]
    """
    least = max(1, min(LAST_CHUNK, -(-count // (2 * lanes))))
    start = 0
    while start < count:
        even = (count - start) // (2 * lanes) // LAST_CHUNK * LAST_CHUNK  # of which batches are filled
        size = min(most, max(least, even), count - start)
        yield slice(start, start + size)
        start += size


class _Lanes:
    """Threads that take work from a queue; daemons, since Python would wait for one that hangs as it ends."""

    def __init__(self, count: int, stop: threading.Event) -> None:
        self._most, self._stop = count, stop
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], Any] | None] = (
            queue.SimpleQueue()
        )
        self._threads: list[threading.Thread] = []
        _AT_WORK.add(self)

    def submit(self, work: Callable[[Sequence[T]], list[R]], chunk: Sequence[T]) -> Future[list[R]]:
        future: Future[list[R]] = Future()
        self._tasks.put((future, work, chunk))
        if len(self._threads) < self._most:
            thread = threading.Thread(target=self._serve, name="cnncodes-lane", daemon=True)
            thread.start()
            self._threads.append(thread)
        return future

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, work, chunk = task
            if self._stop.is_set():
                continue
            try:
                future.set_result(work(chunk))
            except BaseException as error:  # whatever it is, the consumer must hear of it
                future.set_exception(error)
            del task, future, chunk  # while the lane waits, the codes are the consumer's alone

    def end(self) -> None:
        """Let the lanes end, and wait for them."""
        self._stop.set()
        for _ in self._threads:
            self._tasks.put(None)
        deadline = time.monotonic() + LIMIT
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))


#: Those that a job has not ended itself.
_AT_WORK: weakref.WeakSet[_Lanes] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """End lanes of a job in a daemon thread: one that came back from C++ later would abort the process."""
    for lanes in list(_AT_WORK):
        lanes.end()
