"""A budget of memory that lanes share while they read and decode: bytes, and not a number of images."""

from __future__ import annotations

import contextlib
import ctypes
import re
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from cnncodes.errors import UnreadableImage, UsageError
from cnncodes.machine import measure_memory, measure_resident, measure_swap

#: Share of the machine's memory that pictures may take where nothing else is said.
_SHARE = 4
#: What takes a smaller part of the machine's memory than this is not asked whether it has room.
_NOTICED = 8
#: Bytes; less is no budget, but a number without its unit.
_LEAST = 2**20
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


class MemoryBudget:
    """So much memory for the pictures that all lanes read and decode at the same time.

    A lane waits until what it needs is free. A picture that takes more than all of it is decoded while no
    other is: what may be decoded at all is for the limit of pixels to say, and for the machine, whose system
    would end the job.

    Parameters
    ----------
    limit : int
        Bytes.
    machine : int, optional
        Bytes that all of the process may take; by default what the machine, or container, has with its swap.
    """

    def __init__(self, limit: int, machine: int | None = None) -> None:
        self.limit = limit
        self.machine = measure_memory() + measure_swap() if machine is None else machine
        self._held: dict[int, int] = {}
        self._decoding: set[int] = set()
        self._waiting_to_read: deque[Lease] = deque()
        self._waiting_to_decode: deque[Lease] = deque()
        self._leases = self._lanes = 0
        self._changed = threading.Condition()

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return type(self), (self.limit,)  # who holds what is no part of it

    @classmethod
    def make(cls, memory: Any = None) -> MemoryBudget:
        """Return a budget of ``"2G"``, ``"500M"`` or a number of bytes; None is a quarter of the machine's.

        Raises
        ------
        UsageError
            If that is no amount of memory, or less than 1M.
        """
        return cls(measure_memory() // _SHARE if memory is None else parse_budget(memory))

    @contextlib.contextmanager
    def lease(self) -> Iterator[Lease]:
        """Give one picture's part of the budget, which is given back at the end."""
        lease = Lease(self)
        with self._changed:
            self._leases += 1
            self._lanes = max(self._lanes, self._leases)
        try:
            yield lease
        finally:
            if self._is_large(lease):
                release_free_memory()
            with self._changed:
                self._leases -= 1
                self._held.pop(id(lease), None)
                self._decoding.discard(id(lease))
                self._changed.notify_all()

    def _is_large(self, lease: Lease) -> bool:
        """Tell whether each lane could not keep as much as this one holds."""
        return self._held.get(id(lease), 0) * self._lanes > self.limit

    def _take(self, lease: Lease, amount: int, *, decodes: bool) -> None:
        waiting = self._waiting_to_decode if decodes else self._waiting_to_read
        with self._changed:
            if id(lease) in self._decoding:  # asked again
                self._decoding.discard(id(lease))
                self._held[id(lease)] = lease._read
                self._changed.notify_all()
            waiting.append(lease)
            try:
                self._changed.wait_for(
                    lambda: self._is_next(lease, waiting) and self._fits(lease, amount, decodes=decodes)
                )
                self._held[id(lease)] = amount
                if decodes:
                    self._decoding.add(id(lease))
            finally:
                waiting.remove(lease)
                self._changed.notify_all()

    def _check_room(self, lease: Lease, size: int) -> None:
        """Refuse what decoding takes where the machine has not as much besides what the job holds."""
        if size * _NOTICED < self.machine:  # lest each picture's be measured
            return
        with self._changed:
            others = sum(self._held[one] for one in self._decoding if one != id(lease))
        if size + measure_resident() - others > self.machine:
            release_free_memory()
        held = max(0, measure_resident() - others)
        if size + held > self.machine:
            raise UnreadableImage(
                "memory",
                f"decoding it may take {_count_mebibytes(size)}, and of the {_count_mebibytes(self.machine)}"
                f" that this machine or container has the job holds {_count_mebibytes(held)}: it needs more"
                " memory, or a picture of fewer pixels",
                ("machine_memory", self.machine),
            )

    def _is_next(self, lease: Lease, waiting: deque[Lease]) -> bool:
        """Tell whether it is a lease's turn: who has read a file goes on before others are read."""
        return waiting[0] is lease and (waiting is self._waiting_to_decode or not self._waiting_to_decode)

    def _fits(self, lease: Lease, amount: int, *, decodes: bool) -> bool:
        others = sum(self._held.values()) - self._held.get(id(lease), 0)
        if others + amount <= self.limit:
            return True
        # Lanes that have read their files and wait to decode must not wait for each other.
        return not (self._decoding if decodes else others)


class Lease:
    """One picture's part of a budget."""

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._read = 0

    def read(self, size: int) -> None:
        """Wait until a file of so many bytes may be read.

        Raises
        ------
        UnreadableImage
            If it is larger than the whole budget.
        """
        if size > self._budget.limit:
            raise UnreadableImage(
                "read",
                f"a file of {size} bytes is more than the {self._budget.limit} that pictures may take"
                " (--max-memory, in Python max_memory, raises it)",
            )
        self._read = size
        self._budget._take(self, size, decodes=False)

    def decode(self, size: int) -> bool:
        """Wait until a picture may be decoded that takes so many bytes besides those of its file.

        Asked again it holds nothing for decoding meanwhile, or those that wait would wait for each other.

        Returns
        -------
        bool
            Whether it is so large that what is free afterwards is given back to the system.

        Raises
        ------
        UnreadableImage
            If that is more than the machine has left besides what the job holds.
        """
        self._budget._take(self, self._read + size, decodes=True)
        self._budget._check_room(self, size)
        return self._budget._is_large(self)


def release_free_memory() -> None:
    """Give what is free back to the system: C's library keeps for each thread what that once had.

    It takes time, so it is for pictures of which a lane cannot keep the memory of one each.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone; others give it back themselves
    if trim is not None:
        trim(0)


def _count_mebibytes(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"


def parse_bytes(memory: Any) -> int:
    """Return an amount of memory in bytes.

    Raises
    ------
    UsageError
        If it is none.

    Examples
    --------
    >>> parse_bytes("1.5G") == 1.5 * 2**30, parse_bytes("300 MiB") == 300 * 2**20, parse_bytes(4096)
    (True, True, 4096)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]?)(?:I?B)?", str(memory).strip().upper())
    size = int(float(found[1]) * _UNITS[found[2]]) if found and not isinstance(memory, bool) else 0
    if size < 1:
        raise UsageError(f"expected an amount of memory, such as 2G or 500M. Got {memory!r}.")
    return size


def parse_budget(memory: Any) -> int:
    """Return an amount of memory in bytes that is enough to do something with.

    Raises
    ------
    UsageError
        If it is none, or less than 1M, as a number is whose unit was forgotten.

    Examples
    --------
    >>> parse_budget("1M")
    1048576
    """
    size = parse_bytes(memory)
    if size < _LEAST:
        hint = f"{memory}G or {memory}M" if str(memory).strip().isdigit() and size < 4096 else "2G or 500M"
        raise UsageError(f"expected at least 1M. Got {size:,} bytes: give a unit, as in {hint}.")
    return size
