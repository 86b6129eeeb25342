"""One view of one image: where it lies, and how it was drawn."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnncodes.errors import UnreadableImage
from cnncodes.views.colors import Tint
from cnncodes.views.parameters import list_drawn
from cnncodes.views.warp import Warp

if TYPE_CHECKING:
    from cnncodes.backbones.frame import Frame
    from cnncodes.views.pixels import Box

#: A short side is scaled up for narrow pictures too; beyond this many pixels that is a bomb.
MAX_RESIZED_PIXELS = 64_000_000


@dataclass(frozen=True, slots=True)
class Grid:
    """A patch of the picture resized to one scale: a slice, on whole pixels.

    Attributes
    ----------
    short_side : int
        Length of the shorter side after the resize, in pixels.
    left, top : int
        Corner of the patch in the resized picture.
    """

    short_side: int
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class View:
    """One view of one image.

    Attributes
    ----------
    index : int
        Its number in the plan, from 0.
    name : str
        The same for every image: ``"256/center/mirror"``, ``"random/3"``.
    box : tuple of float
        Left, top, right, bottom in source pixels of what is seen, before it is warped.
    scale : float
        Pixels of the patch for one source pixel.
    flip : bool
        Whether it is mirrored left to right.
    grid : Grid or None
        Where the patch lies in the resized picture; None where it is resized from its box alone.
    warp : Warp or None
    tint : Tint or None
    """

    index: int
    name: str
    box: Box
    scale: float
    flip: bool
    grid: Grid | None = None
    warp: Warp | None = None
    tint: Tint | None = None

    @property
    def pixels_id(self) -> Hashable:
        """Views of one image that are equal here show the same pixels."""
        return self.grid or self.box, self.flip, self.warp, self.tint

    def parameters(self) -> dict[str, Any]:
        """Return what describes this view in a codes dataset; a plan stores those that it varies."""
        return {
            "view": self.index,
            "view_name": self.name,
            "box": self.box,
            "scale": self.scale,
            "flip": self.flip,
            **list_drawn(self.warp, self.tint),
        }


def resized_size(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """Width and height after the shorter side became `short_side`; the longer one is rounded down.

    Raises
    ------
    UnreadableImage
        If that would be more than 64 million pixels: the picture is too narrow.
    """
    width, height = size
    if width <= height:
        resized = short_side, int(short_side * height / width)
    else:
        resized = int(short_side * width / height), short_side
    if resized[0] * resized[1] > MAX_RESIZED_PIXELS:
        raise UnreadableImage(
            "views",
            f"the image is too narrow: {width} x {height} pixels would become {resized[0]} x {resized[1]};"
            f" the limit is {MAX_RESIZED_PIXELS} pixels. Crop it first.",
        )
    return resized


def locate_patch(size: tuple[int, int], grid: Grid, frame: Frame) -> tuple[Box, float]:
    """Return the box in source pixels and the scale of a patch of the resized picture."""
    width, height = resized_size(size, grid.short_side)
    across, down = size[0] / width, size[1] / height
    right, bottom = grid.left + frame.width, grid.top + frame.height
    # The last pixel's end may come out a rounding error beyond the picture, which Pillow refuses.
    box = (
        grid.left * across,
        grid.top * down,
        min(size[0], right * across),
        min(size[1], bottom * down),
    )
    return box, 1 / min(across, down)
