"""What a lane and the process that decodes for it exchange: an image by a pipe, its patches in shared memory.

Through a pipe, patches would be copied twice, by the kernel, in pieces.
"""

from __future__ import annotations

import math
import mmap
import os
import pickle
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from cnncodes.images import ImageRecord

#: The number of the image that was taken last; pixels come after it.
_TAKEN = struct.Struct("=Q")
_START = 64

_HEADER = struct.Struct("=Q?H")
#: First bytes of messages: one image that the lane has read, or several records.
_ONE, _SEVERAL = b"1", b"+"


@dataclass(frozen=True)
class Order:
    """An image for a process, whose bytes the lane has read.

    Attributes
    ----------
    content : str
        Hash of the image.
    allowance : int
        Bytes that it may take without asking.
    trims : bool
        Whether memory that is free afterwards is given back.
    data : bytes
    """

    content: str
    allowance: int
    trims: bool
    data: bytes

    def to_bytes(self) -> bytes:
        """Return one message.

        Examples
        --------
        >>> order = Order("abc", 2**20, False, b"...")
        >>> Order.from_bytes(order.to_bytes()) == order
        True
        """
        content = self.content.encode()
        return b"".join((_ONE, _HEADER.pack(self.allowance, self.trims, len(content)), content, self.data))

    @classmethod
    def from_bytes(cls, message: bytes) -> Order:
        """Return what `to_bytes` was made of."""
        allowance, trims, length = _HEADER.unpack_from(message, len(_ONE))
        start = len(_ONE) + _HEADER.size
        return cls(message[start : start + length].decode(), allowance, trims, message[start + length :])


@dataclass(frozen=True)
class GroupOrder:
    """Several images that a process reads itself, in one message: each message is one that lanes wait for.

    Attributes
    ----------
    records : tuple of ImageRecord
        Of files.
    allowance : int
        Bytes that each may take, with those of its file. The process leaves those that need more to the lane.
    """

    records: tuple[ImageRecord, ...]
    allowance: int

    def to_bytes(self) -> bytes:
        """Return one message."""
        return _SEVERAL + pickle.dumps((self.records, self.allowance))


def read_order(message: bytes) -> Order | GroupOrder:
    """Return what a message orders."""
    if message.startswith(_SEVERAL):
        return GroupOrder(*pickle.loads(message[len(_SEVERAL) :]))
    return Order.from_bytes(message)


def open_shared(room: int) -> IO[bytes]:
    """Return a file without a name, with room for so many bytes of pixels; in memory, where that can be."""
    file: IO[bytes]
    if hasattr(os, "memfd_create"):
        file = os.fdopen(os.memfd_create("cnncodes"), "r+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115
    file.truncate(_START + room)  # pages are taken as they are written
    return file


class SharedMemory:
    """The memory of an open file, as one of the two processes sees it.

    Parameters
    ----------
    descriptor : int
    """

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, os.fstat(descriptor).st_size)

    @property
    def taken(self) -> int:
        """How many images the process has taken."""
        return int(_TAKEN.unpack_from(self._memory)[0])

    def take(self) -> None:
        """Say that one more was taken, which from now on is to blame for what becomes of the process."""
        _TAKEN.pack_into(self._memory, 0, self.taken + 1)

    def pixels(self, shape: Sequence[int], start: int = 0) -> npt.NDArray[np.uint8]:
        """Return the place of patches of a shape, so many bytes after that of the first.

        Raises
        ------
        ValueError
            If there is no room for them.
        """
        size = math.prod(shape)
        return np.frombuffer(self._memory, np.uint8, size, _START + start).reshape(shape)
