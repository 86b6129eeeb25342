"""The library in C: its functions that resize pictures."""

from __future__ import annotations

import ctypes
import functools
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from cnncodes.views.axis import Axis
from cnncodes.views.encoded import UPRIGHT, EncodedJpeg, Picture
from cnncodes.views.jpeg_library import JpegDecoder
from cnncodes.views.memory import Memory
from cnncodes.views.pixels import Box, Part, Pixels
from cnncodes.views.warp_library import Sampler

if TYPE_CHECKING:
    from PIL.Image import Image

#: How far each filter reaches, in pixels of the smaller picture.
REACH = {"bilinear": 1.0, "bicubic": 2.0}

#: Pixels in a strip of a picture that Pillow does not keep in one block of memory.
_STRIP = 2**18

#: Rows, and pixels in a row, that the library works on at once, and so the least number that it takes.
_LEAST = 4

#: Of what the number of an axis' weights is a multiple, by direction.
_ACROSS, _DOWN = 4, 2

#: Weights of an axis at most, which take 20 bytes each: those of 64 axes are kept.
_MOST = 2**17


class Library:
    """The functions of ``_resize.c``, and what holds that of ``_warp.c``.

    Parameters
    ----------
    library : ctypes.CDLL

    Attributes
    ----------
    source : str
        The hash of the sources that it is of.
    runs_here : bool
        Whether the processor has the instructions that it needs.
    sampler : Sampler
    decoder : JpegDecoder
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        library.cnncodes_source.restype = ctypes.c_char_p
        self.source = bytes(library.cnncodes_source()).decode()
        self.runs_here = bool(library.cnncodes_runs_here())
        whole, long, real, at = ctypes.c_int32, ctypes.c_int64, ctypes.c_float, ctypes.c_void_p
        self._weigh = library.cnncodes_weigh
        self._weigh.argtypes = [whole, real, real, *[whole] * 5, at, at, at]
        self._shrink_rows = library.cnncodes_shrink_rows
        self._shrink_rows.argtypes = [at, long, whole, at, whole, whole, at, at]
        self._arrange = library.cnncodes_arrange
        self._arrange.argtypes = [at, long, at]
        self._shrink_columns = library.cnncodes_shrink_columns
        self._shrink_columns.argtypes = [at, long, long, at, at, whole, whole, at]
        self._pack = library.cnncodes_pack
        self._pack.argtypes = [at, long, at]
        self._mirror = library.cnncodes_mirror
        self._mirror.argtypes = [at, long, long, at]
        for function in (self._shrink_rows, self._arrange, self._shrink_columns, self._pack, self._mirror):
            function.restype = None
        self.sampler = Sampler(library)
        self.decoder = JpegDecoder(library)
        # Pictures of a set are of a few sizes, as a rule.
        self._weigh_axis = functools.lru_cache(maxsize=64)(self._find_axis)

    def resize(
        self,
        image: Picture,
        size: tuple[int, int],
        interpolation: str,
        box: Box | None = None,
        part: Part | None = None,
    ) -> Pixels | None:
        """Return what `resize` does; None for few pixels, very long pictures, and what Pillow refuses.

        None, too, for a JPEG that has to be decoded first.
        """
        # Pillow takes a box in single precision.
        left, top, right, bottom = np.array(box or (0, 0, *image.size), np.float32).tolist()
        inside = 0 <= left < right <= image.width and 0 <= top < bottom <= image.height
        if image.mode != "RGB" or not inside:
            return None
        x0, y0, x1, y1 = part or (0, 0, *size)
        turn = image.turn if isinstance(image, EncodedJpeg) else UPRIGHT
        of_x, of_y = (_DOWN, _ACROSS) if turn.swaps else (_ACROSS, _DOWN)
        x = (image.width, (left, right), size[0], interpolation, (x0, x1), of_x, turn.mirrors_x)
        y = (image.height, (top, bottom), size[1], interpolation, (y0, y1), of_y, turn.mirrors_y)
        # From here on rows and columns are those that are stored, which a turned picture has the other way.
        across, down = (self._weigh_axis(*axis) for axis in ((y, x) if turn.swaps else (x, y)))
        if across is None or down is None or across.count < _LEAST or down.count < _LEAST:
            return None
        if down.end - down.first < _LEAST:
            return None
        columns_first = sums_columns_first(image.size, size) != turn.swaps
        small = (self._columns_first if columns_first else self._rows_first)(image, across, down)
        if small is None:
            return None
        if turn.swaps:
            small = np.ascontiguousarray(small.view(np.uint32)[:, :, 0].T)
        pixels = np.empty((*small.shape[:2], 3), np.uint8)
        self._pack(small.ctypes.data, down.count * across.count, pixels.ctypes.data)
        return pixels

    def mirror(self, pixels: Pixels) -> Pixels:
        """Return pixels turned left to right."""
        pixels = np.ascontiguousarray(pixels)
        turned = np.empty_like(pixels)
        height, width, _ = pixels.shape
        self._mirror(pixels.ctypes.data, width, height, turned.ctypes.data)
        return turned

    def _rows_first(self, image: Picture, across: Axis, down: Axis) -> Pixels | None:
        narrow = np.empty((down.end - down.first, across.count, 4), np.uint8)
        if isinstance(image, EncodedJpeg):
            if not self.decoder.shrink(image, across, down, narrow, columns=False):
                return None
        else:
            for row, memory in _look_at_rows(image, down.first, down.end):
                to = narrow[row - down.first :]
                self._shrink_across(memory.at(across.first), 4 * image.width, memory.rows, across, to)
        small = np.empty((down.count, across.count, 4), np.uint8)
        stride = 4 * across.count
        by = (*down.pointers, down.taps, down.count)
        self._shrink_columns(narrow.ctypes.data, stride, stride, *by, small.ctypes.data)
        return small

    def _columns_first(self, image: Picture, across: Axis, down: Axis) -> Pixels | None:
        length = 4 * (across.end - across.first)
        flat = np.empty((down.count, length), np.uint8)
        if isinstance(image, EncodedJpeg):
            if not self.decoder.shrink(image, across, down, flat, columns=True):
                return None
        else:
            self._shrink_down(image, across, down, flat)
        small = np.empty((down.count, across.count, 4), np.uint8)
        self._shrink_across(flat.ctypes.data, length, down.count, across, small)
        return small

    def _shrink_down(self, image: Image, across: Axis, down: Axis, flat: Pixels) -> None:
        length = flat.shape[1]
        for start, count in _cut_output(image, down):
            first, last = int(down.starts[start]), int(down.starts[start + count - 1])
            rows = down.first + first, down.first + last + down.taps
            [(_, memory)] = _look_at_rows(image, *rows, whole=True)
            starts = down.starts[start : start + count] - np.int32(first)
            by = starts.ctypes.data, down.weights[start:].ctypes.data, down.taps, count
            to = flat[start:].ctypes.data
            self._shrink_columns(memory.at(across.first), 4 * image.width, length, *by, to)

    def _shrink_across(self, at: int, stride: int, rows: int, across: Axis, to: Pixels) -> None:
        by = across.pointers[0], across.taps, across.count, across.table.ctypes.data
        self._shrink_rows(at, stride, rows, *by, to.ctypes.data)

    def _find_axis(
        self,
        length: int,
        span: tuple[float, float],
        size: int,
        interpolation: str,
        wanted: tuple[int, int],
        multiple: int,
        mirrored: bool,
    ) -> Axis | None:
        """Return the weights of what is wanted; their number is a multiple, or there are none.

        `mirrored` where pixels are stored from the last to the first: these are the same sums.
        """
        reach = REACH[interpolation] * max(1.0, (span[1] - span[0]) / size)
        taps = min(length, int(2 * reach) + 2)
        taps = -(-taps // multiple) * multiple
        count = wanted[1] - wanted[0]
        if taps > length or taps * count > _MOST:
            return None
        starts, weights, room = np.empty(count, np.int32), np.empty((count, taps), np.int32), np.empty(taps)
        of = length, *span, size, int(interpolation == "bicubic"), wanted[0], count, taps
        if self._weigh(*of, starts.ctypes.data, weights.ctypes.data, room.ctypes.data):
            return None
        if mirrored:
            starts, weights = length - taps - starts, np.ascontiguousarray(weights[:, ::-1])
        table = np.empty(16 * weights.size if multiple == _ACROSS else 0, np.uint8)
        if table.size:
            self._arrange(weights.ctypes.data, weights.size, table.ctypes.data)
        return Axis(starts, weights, table)


def make_noise(width: int, height: int) -> Image:
    """Return a picture of noise, without the module of random numbers, which takes long to load."""
    from PIL import Image as pillow

    values = hashlib.shake_128(b"noise").digest(width * height * 3)
    return pillow.frombytes("RGB", (width, height), values)


def sums_columns_first(of: tuple[int, int], size: tuple[int, int]) -> bool:
    """Tell whether columns are summed before rows, where that is much less work: Pillow does so since 13."""
    shorter = of[1] - size[1]
    return shorter > 0 and shorter > 2 * (of[0] - size[0])


def _look_at_rows(image: Image, first: int, end: int, *, whole: bool = False) -> Iterator[tuple[int, Memory]]:
    """Give the rows of a picture in one piece or several, each with the number of its first row."""
    try:
        yield first, Memory(image, first, end)
        return
    except ValueError:  # it is of several blocks
        pass
    rows = end - first if whole else max(_LEAST, _STRIP // image.width)
    for row in range(first, end, rows):
        row = max(first, min(row, end - rows))  # the last strip may overlap the one before
        strip = image.crop((0, row, image.width, min(end, row + rows)))
        yield row, Memory(strip, 0, strip.height)


def _cut_output(image: Image, down: Axis) -> Iterator[tuple[int, int]]:
    """Give which rows are made at once, the first and how many: what they are made of is one strip."""
    start = 0
    while start < down.count:
        last = int(down.starts[start]) + max(0, _STRIP // image.width - down.taps)
        count = max(1, int(np.searchsorted(down.starts[start:], last, side="right")))
        yield start, count
        start += count
