"""A picture that is decoded while it is resized."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, eq=False)
class EncodedJpeg:
    """A JPEG whose header is read; it is decoded each time that it is resized, and only as far as that takes.

    Parameters
    ----------
    data : bytes
        The file.
    size : tuple of int
        Width and height in pixels: those of the file, divided by `scale` and rounded up.
    scale : {1, 2, 4, 8}
    load : callable
        Returns the picture as it is decoded otherwise, or raises `UnreadableImage`.
    """

    data: bytes
    size: tuple[int, int]
    scale: int
    load: Callable[[], Image]
    mode = "RGB"

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return self.size[0]

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return self.size[1]


#: What can be resized.
Picture: TypeAlias = "Image | EncodedJpeg"
