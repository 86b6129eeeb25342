"""Finding images by content among millions: hashes in order, and those that came since in a dict."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

#: So many that came since are sorted in: putting hashes in order takes the time of a few images.
_RECENT = 65_536

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


class ContentFinder:
    """Finds the places of a hash in a growing array of hashes.

    What it finds was of that hash when it was learned; the caller, who keeps the array, looks again.
    Nothing is put in order before the first question.
    """

    def __init__(self) -> None:
        self._order: Places | None = None
        self._sorted: Hashes = np.empty(0, np.uint64)
        self._recent: dict[int, list[int]] = {}
        self._n_recent = 0

    def learn(self, hashes: Hashes, places: Places) -> None:
        """Note that some places of the array have new hashes."""
        if self._order is None:
            return
        for value, place in zip(hashes[places].tolist(), places.tolist(), strict=True):
            self._recent.setdefault(value, []).append(place)
        self._n_recent += len(places)

    def find(self, hashes: Hashes, wanted: int) -> Iterator[int]:
        """Yield the places where a hash was learned, some of them twice; one by one, for they may be many."""
        if self._order is None or self._n_recent > _RECENT:
            self._order = np.argsort(hashes, kind="stable")
            self._sorted = hashes[self._order]
            self._recent, self._n_recent = {}, 0
        key = np.uint64(wanted)  # a plain int would make it compare floats
        position = int(self._sorted.searchsorted(key))
        while position < len(self._sorted) and self._sorted[position] == key:
            yield int(self._order[position])
            position += 1
        yield from self._recent.get(wanted, ())
