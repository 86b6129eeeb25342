"""The library in C: its function that samples pictures by a map, and what it is told."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from cnncodes.views.memory import Memory

if TYPE_CHECKING:
    from PIL.Image import Image

    from cnncodes.views.pixels import Pixels

Pair: TypeAlias = tuple[int, int]

#: Eight numbers of a matrix of 3 x 3, whose last one is 1, from the patch to the picture that is looked at.
Projection: TypeAlias = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Mesh:
    """For each of the boxes that make up the patch, the quadrilateral that it looks at.

    Attributes
    ----------
    boxes : ndarray of int, shape (n, 4)
        Left, top, right, bottom.
    corners : ndarray of float64, shape (n, 8)
        x and y of the upper left, lower left, lower right and upper right one.
    """

    boxes: npt.NDArray[np.int64]
    corners: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """Which part of a picture is looked at, and how far beyond its edges.

    Attributes
    ----------
    spans : tuple of tuple of int
        First and end along x, and along y.
    pads : tuple of tuple of int
        By how much the part is extended, before and after.
    border : {"reflect", "edge", "black"}
        By what it is extended.
    """

    spans: tuple[Pair, Pair]
    pads: tuple[Pair, Pair] = ((0, 0), (0, 0))
    border: str = "reflect"

    def cut(self, picture: Image) -> tuple[Image, Look]:
        """Return the part of a picture, and the same look at it."""
        (left, right), (top, bottom) = self.spans
        spans = (0, right - left), (0, bottom - top)
        return picture.crop((left, top, right, bottom)), Look(spans, self.pads, self.border)


#: Pixels beyond the edge that a bicubic kernel reaches.
_REACH = 2


class _Picture(ctypes.Structure):
    """``Picture`` of ``_warp.c``."""

    _fields_ = [
        ("pixels", ctypes.c_void_p),
        ("stride", ctypes.c_int64),
        ("step", ctypes.c_int32),
        ("last", ctypes.c_int32),
        ("columns", ctypes.c_void_p),
        ("rows", ctypes.c_void_p),
        ("across", ctypes.c_int32),
        ("down", ctypes.c_int32),
    ]


class Sampler:
    """The function of ``_warp.c``.

    Parameters
    ----------
    library : ctypes.CDLL
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        whole, at = ctypes.c_int32, ctypes.c_void_p
        self._sample = library.cnncodes_sample
        self._sample.argtypes = [ctypes.POINTER(_Picture), whole, at, at, whole, whole, at]
        self._sample.restype = None

    def sample(
        self, picture: Image | Pixels, look: Look, size: tuple[int, int], by: Projection | Mesh
    ) -> Pixels:
        """Return what `sampling.sample` does."""
        if not isinstance(picture, np.ndarray):
            try:
                memory = Memory(picture, 0, picture.height)
            except ValueError:  # it is of several blocks
                picture, look = look.cut(picture)
                return self.sample(np.asarray(picture), look, size, by)
            return self._sample_at(memory.at(0), (4 * picture.width, 4), look, size, by)
        if picture.strides[1:] != (3, 1):
            picture = np.ascontiguousarray(picture)
        return self._sample_at(picture.ctypes.data, picture.strides[:2], look, size, by)

    def _sample_at(
        self,
        address: int,
        strides: tuple[int, ...],
        look: Look,
        size: tuple[int, int],
        by: Projection | Mesh,
    ) -> Pixels:
        columns, rows = (find_indices(*axis, look.border) for axis in zip(look.spans, look.pads, strict=True))
        stride, step = strides
        last = (step * look.spans[0][1] - 16) // step  # vectors of 16 bytes do not end beyond it
        counts = len(columns) - 2 * _REACH, len(rows) - 2 * _REACH
        of = _Picture(address, stride, step, last, columns.ctypes.data, rows.ctypes.data, *counts)
        boxes, maps, curved = _arrange(by, size)
        pixels = np.empty((size[1], size[0], 3), np.uint8)
        self._sample(of, len(boxes), boxes.ctypes.data, maps.ctypes.data, curved, size[0], pixels.ctypes.data)
        return pixels


def find_indices(span: tuple[int, int], pads: tuple[int, int], border: str) -> npt.NDArray[np.int32]:
    """Return which pixels along an axis an extended part of a picture is of, and its last ones at either end.

    Parameters
    ----------
    span : tuple of int
        The part, first and end.
    pads : tuple of int
        By how much it is extended, before and after.
    border : {"reflect", "edge", "black"}
        As in `Warp`; -1 stands for black.
    """
    first, end = span
    count = end - first
    before, after = pads
    places = np.arange(-before - _REACH, count + after + _REACH)
    places[:_REACH], places[-_REACH:] = -before, count + after - 1
    if before or after:
        if border == "reflect":
            places %= 2 * count
            np.minimum(places, 2 * count - 1 - places, out=places)
        elif border == "edge":
            np.clip(places, 0, count - 1, out=places)
        else:
            places[(places < 0) | (places >= count)] = -1 - first
    return (places + first).astype(np.int32)


def _arrange(
    by: Projection | Mesh, size: tuple[int, int]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64], bool]:
    """Return boxes, the map of each, and whether these are bilinear, computed in Pillow's order."""
    if not isinstance(by, Mesh):
        return np.array([[0, 0, *size]], np.int32), np.array([by], np.float64), False
    left, top, right, bottom = by.boxes.T
    across, down = 1.0 / (right - left), 1.0 / (bottom - top)
    maps = np.empty((len(by.boxes), 8))
    for axis in range(2):
        start, low, far, high = by.corners[:, axis::2].T
        own = maps[:, 4 * axis :].T
        own[0], own[1], own[2] = start, (high - start) * across, (low - start) * down
        own[3] = (far - low - high + start) * across * down
    return np.ascontiguousarray(by.boxes, np.int32), maps, True
