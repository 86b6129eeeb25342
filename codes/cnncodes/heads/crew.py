"""Threads that fit folds side by side, and help each other when there are fewer folds than threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from joblib import Parallel, delayed, effective_n_jobs

from cnncodes.heads.products import Map


class Crew:
    """So many threads, for folds and for what is done within one.

    Threads, not processes: the work is BLAS, which releases the GIL, and starting two processes that import
    scikit-learn costs about as much as a whole search. The caller holds BLAS to one thread.

    Parameters
    ----------
    n_jobs : int, optional
        As in joblib.
    """

    def __init__(self, n_jobs: int | None) -> None:
        self._n_jobs = effective_n_jobs(n_jobs)
        self._busy, self._lock = 0, threading.Lock()
        self._helpers = ThreadPoolExecutor(self._n_jobs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._helpers.shutdown(cancel_futures=True)

    def each(self, work: Callable[..., Any], jobs: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Return what `work` makes of the arguments of each job, in their order."""

        def do(job: tuple[Any, ...]) -> Any:
            self._count(1)
            try:
                return work(*job)
            finally:
                self._count(-1)

        return list(Parallel(n_jobs=self._n_jobs, require="sharedmem")(delayed(do)(job) for job in jobs))

    def _count(self, more: int) -> None:
        with self._lock:
            self._busy += more

    @property
    def run(self) -> Map:
        """The builtin `map`, or where threads have nothing else to do, one that they all take part in."""
        return self._run if self._n_jobs > 1 else map

    def _run(self, function: Callable[..., Any], *items: Iterable[Any]) -> Iterable[Any]:
        return (map if self._busy >= self._n_jobs else self._helpers.map)(function, *items)
