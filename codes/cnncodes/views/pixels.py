"""What is handed on where views are made: pixels, and which of a picture are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: RGB, shape (height, width, 3).
Pixels: TypeAlias = "npt.NDArray[np.uint8]"

#: Left, top, right, bottom, in pixels of the picture as it is.
Box: TypeAlias = tuple[float, float, float, float]

#: Left, top, right, bottom, in pixels of the resized picture.
Part: TypeAlias = tuple[int, int, int, int]
