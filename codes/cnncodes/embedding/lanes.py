"""Lanes: threads that each take a chunk of images from reading to codes.

Decoding, resizing and the network all release Python's lock, so threads cost what processes cost
and share one session. One lane a core, each with a one-thread session, beats one pipeline with a
many-thread session.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from cnncodes.errors import UsageError

T = TypeVar("T")
R = TypeVar("R")

#: Images in one piece of work: long enough to fill batches, short enough for even progress.
CHUNK = 32


def count_lanes(n_jobs: int | None) -> int:
    """Return how many lanes `n_jobs` stands for: None and -1 are one for each usable core.

    Examples
    --------
    >>> count_lanes(3)
    3
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    if n_jobs is None or n_jobs == -1:
        return cores
    if not isinstance(n_jobs, int) or isinstance(n_jobs, bool) or n_jobs < 1:
        raise UsageError(f"n_jobs must be a positive whole number, -1 or None. Got {n_jobs!r} instead.")
    return n_jobs


def run_lanes(work: Callable[[Sequence[T]], list[R]], items: Sequence[T], n_jobs: int | None) -> Iterator[R]:
    """Apply `work` to chunks of `items` in several threads and yield the results in order.

    Only a few chunks are under way at once, so that a slow consumer bounds the memory. Where the
    consumer stops early, work that has not begun is cancelled.
    """
    lanes = count_lanes(n_jobs)
    size = max(1, min(CHUNK, -(-len(items) // (2 * lanes))))
    chunks = (items[start : start + size] for start in range(0, len(items), size))
    pool = ThreadPoolExecutor(lanes, thread_name_prefix="cnncodes-lane")
    try:
        waiting: deque[Future[list[R]]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(work, chunk))
            if len(waiting) > 2 * lanes:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
