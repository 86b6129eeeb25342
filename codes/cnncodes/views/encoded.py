"""A picture that is decoded while it is resized."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from PIL.Image import Image


class Turn(NamedTuple):
    """How an upright picture lies in a file: whether its rows are the columns there, and what runs backwards.

    Attributes
    ----------
    swaps : bool
    mirrors_x, mirrors_y : bool
        Of the upright picture.
    """

    swaps: bool = False
    mirrors_x: bool = False
    mirrors_y: bool = False


UPRIGHT = Turn()

#: By EXIF's orientation.
TURNS = {
    1: UPRIGHT,
    2: Turn(mirrors_x=True),
    3: Turn(mirrors_x=True, mirrors_y=True),
    4: Turn(mirrors_y=True),
    5: Turn(swaps=True),
    6: Turn(swaps=True, mirrors_x=True),
    7: Turn(swaps=True, mirrors_x=True, mirrors_y=True),
    8: Turn(swaps=True, mirrors_y=True),
}


@dataclass(frozen=True, eq=False)
class EncodedJpeg:
    """A JPEG whose header is read; it is decoded each time that it is resized, and only as far as that takes.

    Parameters
    ----------
    data : bytes
        The file.
    size : tuple of int
        Width and height of the upright picture, in pixels: those of the file, divided by `scale` and rounded
        up.
    scale : {1, 2, 4, 8}
    load : callable
        Returns the picture as it is decoded otherwise, or raises `UnreadableImage`.
    orientation : int
        By EXIF, 1 to 8: how the file's rows and columns are turned.
    """

    data: bytes
    size: tuple[int, int]
    scale: int
    load: Callable[[], Image]
    orientation: int = 1
    mode = "RGB"

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return self.size[0]

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return self.size[1]

    @property
    def turn(self) -> Turn:
        """How the picture lies in the file."""
        return TURNS[self.orientation]

    @property
    def stored_size(self) -> tuple[int, int]:
        """Columns and rows of the file, divided by `scale`."""
        return self.size[::-1] if self.turn.swaps else self.size


#: What can be resized.
Picture: TypeAlias = "Image | EncodedJpeg"
