"""Fixed views: crops at given scales and places, the same for every image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnncodes.views.view import Grid, View, locate_patch, resized_size

if TYPE_CHECKING:
    from cnncodes.backbones.frame import Frame

_CORNERS = ("top-left", "top-right", "bottom-left", "bottom-right")
#: Which places a plan's `crops` stands for.
POSITIONS: dict[str, tuple[str, ...]] = {"center": ("center",), "five": (*_CORNERS, "center"), "none": ()}
# Mirroring the picture swaps its sides: the top-left crop of the mirror is the mirrored top-right.
_MIRRORED = {
    "top-left": "top-right",
    "top-right": "top-left",
    "bottom-left": "bottom-right",
    "bottom-right": "bottom-left",
    "center": "center",
}


@dataclass(frozen=True, slots=True)
class FixedView:
    """One fixed view of a plan for one backbone, before any image is known.

    Attributes
    ----------
    index : int
        Its number in the plan, from 0.
    short_side : int
        Length in pixels to which the image's shorter side is resized.
    position : str
        ``"center"``, ``"top-left"``, ``"top-right"``, ``"bottom-left"`` or ``"bottom-right"``,
        in the picture as it is seen: in the mirrored one where `flip` is true.
    flip : bool
        Whether the picture is mirrored left to right.
    """

    index: int
    short_side: int
    position: str
    flip: bool

    @property
    def name(self) -> str:
        """The view's name, the same for every image: ``"256/center/mirror"``."""
        return f"{self.short_side}/{self.position}" + ("/mirror" if self.flip else "")

    def locate(self, size: tuple[int, int], frame: Frame) -> View:
        """Return this view of an image of that width and height.

        Raises
        ------
        UnreadableImage
            If the image is too narrow to be resized.
        """
        width, height = resized_size(size, self.short_side)
        right, bottom = width - frame.width, height - frame.height
        position = _MIRRORED[self.position] if self.flip else self.position
        if position == "center":
            left, top = round(right / 2), round(bottom / 2)
            if self.flip:
                left = right - left  # the mirrored picture's centre, where an odd margin is not symmetric
        else:
            left = right if position.endswith("right") else 0
            top = bottom if position.startswith("bottom") else 0
        grid = Grid(self.short_side, left, top)
        box, scale = locate_patch(size, grid, frame)
        return View(self.index, self.name, box, scale, self.flip, grid)
