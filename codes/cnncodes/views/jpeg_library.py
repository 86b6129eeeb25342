"""The library in C: JPEG files that are decoded by Pillow's libjpeg-turbo as their rows are shrunk."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cnncodes.views.axis import Axis
    from cnncodes.views.encoded import EncodedJpeg

#: libjpeg's functions that are used, as ``_jpeg.c`` lists them.
_FUNCTIONS = (
    "std_error", "CreateDecompress", "mem_src", "read_header", "has_multiple_scans", "start_decompress",
    "crop_scanline", "skip_scanlines", "read_scanlines", "destroy_decompress",
)  # fmt: skip


class _Wanted(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int32) for name in ("width", "height", "scale", "left", "right", "top", "bottom")
    ]


class _Axis(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("starts", "weights", "table")),
        *((name, ctypes.c_int32) for name in ("taps", "count")),
    ]


class JpegDecoder:
    """The function of ``_jpeg.c``.

    Parameters
    ----------
    library : ctypes.CDLL
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._shrink = library.cnncodes_shrink_jpeg
        at, long = ctypes.c_void_p, ctypes.c_int64
        self._shrink.argtypes = [
            at, ctypes.c_char_p, long, ctypes.POINTER(_Wanted), ctypes.POINTER(_Axis), at,
        ]  # fmt: skip
        self._functions: ctypes.Array[ctypes.c_void_p] | None = None

    def connect(self) -> None:
        """Find the functions of the libjpeg-turbo that Pillow decodes with.

        Raises
        ------
        OSError
            If there is none, or it keeps its functions to itself.
        """
        if self._functions is not None:  # another thread may be using them
            return
        from PIL import _imaging, features

        if not features.check_feature("libjpeg_turbo"):
            raise OSError("Pillow has another libjpeg")
        pillow = ctypes.CDLL(_imaging.__file__)  # and what it is linked with
        try:
            found = [ctypes.cast(getattr(pillow, f"jpeg_{name}"), ctypes.c_void_p) for name in _FUNCTIONS]
        except AttributeError as error:
            raise OSError(str(error)) from None
        self._functions = (ctypes.c_void_p * len(found))(*found)

    def shrink(
        self, jpeg: EncodedJpeg, across: Axis, down: Axis, to: npt.NDArray[np.uint8], *, columns: bool
    ) -> bool:
        """Shrink the rows that are wanted, or the columns; False where a file is not simple, or has faults.

        Parameters
        ----------
        jpeg : EncodedJpeg
        across, down : Axis
            Of the columns and rows of the file, however these are turned.
        to : ndarray of uint8
            Shape (n_rows, across.count, 4); of columns (down.count, n_columns, 4) or the like.
        columns : bool
        """
        functions = self._functions
        if functions is None:
            return False
        wanted = _Wanted(*jpeg.stored_size, jpeg.scale, across.first, across.end, down.first, down.end)
        axis = down if columns else across
        table = None if columns else axis.table.ctypes.data
        by = _Axis(*axis.pointers, table, axis.taps, axis.count)
        data = jpeg.data
        return not self._shrink(ctypes.addressof(functions), data, len(data), wanted, by, to.ctypes.data)
