"""Codes that others count on while the images that they are stored under are replaced."""

from __future__ import annotations

import threading
from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cnncodes.store.index import Index

#: Bytes of replaced rows that are kept, besides those that are promised.
KEPT_BYTES = 64 << 20


class _Block(NamedTuple):
    """Rows that left the disk together, and from where to where those of each content stand."""

    rows: pa.Table
    places: dict[str, tuple[int, int]]


class Loans:
    """Keeps the rows of replaced images in memory for a while: their content may be another's now.

    Files that are renumbered change places: what is stored under each name is replaced, and is what is new
    under another one, sooner or later. The oldest rows go first, but what was promised to a copy stays until
    that is written.

    Parameters
    ----------
    index : Index
        The images that are stored on disk.
    most : int
        Bytes.
    """

    def __init__(self, index: Index, most: int = KEPT_BYTES) -> None:
        self._index, self._most = index, most
        self._lock = threading.Lock()
        self._promised: Counter[str] = Counter()
        self._blocks: list[_Block] = []

    def promise(self, content: str) -> bool:
        """Tell whether there are codes of this content, and see that a copy finds them; threads may ask."""
        with self._lock:
            found = self.has(content) or self._index.find(content) is not None
            if found:
                self._promised[content] += 1
            return found

    def fulfil(self, content: str) -> None:
        """Note that a copy of this content is in hand."""
        with self._lock:
            if self._promised[content] > 1:
                self._promised[content] -= 1
            else:
                del self._promised[content]

    def has(self, content: str) -> bool:
        """Tell whether rows of this content are kept here."""
        return any(content in block.places for block in self._blocks)

    def read(self, content: str) -> pa.Table | None:
        """Return the rows that are kept of a content, if there are any."""
        for block in self._blocks:
            if content in block.places:
                start, stop = block.places[content]
                return block.rows.slice(start, stop - start)
        return None

    def keep(self, rows: pa.Table) -> None:
        """Keep the rows of images that are replaced next; an image's rows stand together."""
        if rows.num_rows:
            keys = np.array(rows.column("image").to_pylist(), object)
            starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
            contents = rows.column("content").take(starts).to_pylist()
            stops: npt.NDArray[np.int64] = np.append(starts[1:], len(keys))
            places = zip(starts.tolist(), stops.tolist(), strict=True)
            block = _Block(rows, {str(one): place for one, place in zip(contents, places, strict=True)})
            with self._lock:
                self._blocks.append(block)

    def trim(self) -> None:
        """Let the oldest rows go that are too many, now that all copies in hand are written."""
        with self._lock:
            left, total = [], 0
            for block in reversed(self._blocks):
                total += block.rows.nbytes
                if total <= self._most or not self._promised.keys().isdisjoint(block.places):
                    left.append(block)
            self._blocks = left[::-1]
