"""One pass over codes: statistics of each fold, and the codes of a sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cnncodes.heads.folds import Rows
from cnncodes.heads.statistics import ColumnSums
from cnncodes.heads.streamed_rows import StreamedRows

Array = npt.NDArray[Any]


class Gatherer(Protocol):
    """Takes in block after block; several do so at the same time."""

    def add(self, codes: Array, part: slice) -> None:
        """Take in codes ``[n, D]``, which are those of a part of the rows."""


@dataclass(eq=False)
class AllColumns:
    """What standardising needs to know of all rows."""

    rows: Rows
    found: ColumnSums

    def add(self, codes: Array, part: slice) -> None:
        """Take in codes."""
        self.found.add(codes.astype(np.float64), self.rows.weight[part])


def gather(
    stream: StreamedRows, drawn: Array, make: Callable[[Array], Sequence[Gatherer]], n_jobs: int
) -> tuple[Sequence[Any], Array]:
    """Go through all codes once.

    Parameters
    ----------
    stream : StreamedRows
    drawn : bool ``[n]``
        Rows whose codes are kept.
    make : callable
        Of the first block's codes makes what takes in all blocks.
    n_jobs : int
        Threads.

    Returns
    -------
    gatherers : sequence of Gatherer
    X : float32 ``[number drawn, D]``
    """
    X, filled = np.empty((int(drawn.sum()), stream.n_features), np.float32), 0
    gatherers: Sequence[Gatherer] = ()
    running: list[Future[None]] = []
    with ThreadPoolExecutor(n_jobs) as pool:
        for start, codes in stream.read():
            gatherers = gatherers or make(codes)
            part = slice(start, start + len(codes))
            kept = codes[drawn[part]]
            X[filled : filled + len(kept)] = kept
            filled += len(kept)
            _wait(running)  # each sum is one thread's at a time, block after block
            running = [pool.submit(one.add, codes, part) for one in gatherers]
        _wait(running)
    return gatherers, X


def _wait(running: list[Future[None]]) -> None:
    for one in running:
        one.result()
