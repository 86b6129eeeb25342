"""The memory that Pillow keeps a picture in, for the library in C to read."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


class _ArrowArray(ctypes.Structure):
    """The beginning of ``struct ArrowArray`` of Arrow's C data interface."""


_ArrowArray._fields_ = [
    *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowArray))),
]


class Memory:
    """Rows of a picture where Pillow keeps them, four bytes a pixel; they stay there while this lives.

    Raises
    ------
    ValueError
        If they are not one behind the other.
    """

    def __init__(self, image: Image, first: int, end: int) -> None:
        self._schema, self._array = image.__arrow_c_array__()
        pixels = ctypes.cast(_open_capsule(self._array, b"arrow_array"), ctypes.POINTER(_ArrowArray)).contents
        self._address = int(pixels.children[0].contents.buffers[1] or 0) + 4 * image.width * first
        self.rows = end - first

    def at(self, column: int) -> int:
        """Return the address of a pixel of the first row."""
        return self._address + 4 * column


_open_capsule = ctypes.pythonapi.PyCapsule_GetPointer
_open_capsule.argtypes = [ctypes.py_object, ctypes.c_char_p]
_open_capsule.restype = ctypes.c_void_p
