"""One view of one image: where it lies, how it was drawn, and its pixels."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnncodes.errors import UnreadableImage
from cnncodes.views.colors import Tint
from cnncodes.views.encoded import EncodedJpeg
from cnncodes.views.warp import Warp

if TYPE_CHECKING:
    from cnncodes.backbones.card import Frame
    from cnncodes.views.encoded import Picture
    from cnncodes.views.pixels import Box, Part, Pixels

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
        values: dict[str, Any] = {
            "view": self.index,
            "view_name": self.name,
            "box": self.box,
            "scale": self.scale,
            "flip": self.flip,
        }
        if self.warp is not None:
            values |= {
                "translation": self.warp.translation,
                "angle": self.warp.angle,
                "stretch": self.warp.stretch,
                "shear": self.warp.shear,
                "perspective": self.warp.perspective or (0.0,) * 8,
                "k1": self.warp.k1,
                "k2": self.warp.k2,
            }
        if self.tint is not None:
            values |= {
                "brightness": self.tint.brightness,
                "contrast": self.tint.contrast,
                "saturation": self.tint.saturation,
                "color_offset": self.tint.offset,
            }
        return values


class Darkroom:
    """Makes the pixels of one image's views; resizes the image once a scale.

    Parameters
    ----------
    image : PIL.Image.Image or EncodedJpeg
        Mode RGB.
    frame : Frame
        The backbone's input: patch size, interpolation.
    views : sequence of View
        Those that are wanted: no more of the picture is resized than they see.
    """

    def __init__(self, image: Picture, frame: Frame, views: Sequence[View]) -> None:
        self._image = image
        self._frame = frame
        self._parts = _find_parts(views, frame)
        self._resized: tuple[tuple[int, int], Pixels] | None = None
        self._turned: dict[bool, Pixels] = {}

    def develop(self, view: View) -> Pixels:
        """Return a view's pixels, shape (height, width, 3)."""
        import numpy as np
        from PIL import Image as pillow

        from cnncodes.views.resizing import mirror

        if view.grid is not None and view.warp is None and view.tint is None:
            return self._slice(view.grid, view.flip)
        pixels = self._resample(view)
        if view.tint is not None:
            pixels = np.asarray(view.tint.apply(pillow.fromarray(pixels)))
        return mirror(pixels) if view.flip else pixels

    def _slice(self, grid: Grid, flip: bool) -> Pixels:
        from cnncodes.views.resizing import mirror

        size = resized_size(self._image.size, grid.short_side)
        resized = self._resize(size)
        x0, y0, _, _ = self._parts.get(grid.short_side) or (0, 0, *size)
        if flip not in self._turned:
            self._turned[flip] = mirror(resized) if flip else resized
        height, width = self._frame.height, self._frame.width
        left, top = grid.left - x0, grid.top - y0
        if flip:
            left = resized.shape[1] - width - left
        return self._turned[flip][top : top + height, left : left + width]

    def _resample(self, view: View) -> Pixels:
        from cnncodes.views.resizing import resize

        if view.warp is not None:
            # Views that all have one scale share the shrunken picture; others shrink what they see of it.
            shrink = self._resize if _shares_scale(view) else None
            if isinstance(self._image, EncodedJpeg):
                self._image = self._image.load()
            return view.warp.render(self._image, view.box, self._frame, shrink)
        if view.grid is not None:
            return self._slice(view.grid, flip=False)
        size = self._frame.width, self._frame.height
        return resize(self._image, size, self._frame.interpolation, view.box)

    def _resize(self, size: tuple[int, int]) -> Pixels:
        """Return what is wanted of the image in that size; the last one is kept."""
        from cnncodes.views.resizing import resize

        if self._resized is None or self._resized[0] != size:
            part = self._parts.get(min(size))
            self._resized = size, resize(self._image, size, self._frame.interpolation, part=part)
            self._turned = {}
        return self._resized[1]


def _shares_scale(view: View) -> bool:
    """Whether a warped view is made of the whole picture in the size of a fixed one."""
    return view.grid is not None and view.warp is not None and view.warp.keeps_scale


def _find_parts(views: Sequence[View], frame: Frame) -> dict[int, Part]:
    """Return what is seen of the picture in each size, by its short side; nothing where that is all."""
    parts: dict[int, Part] = {}
    if any(map(_shares_scale, views)):
        return parts
    for view in views:
        if view.grid is None or view.warp is not None:
            continue
        side, left, top = view.grid.short_side, view.grid.left, view.grid.top
        x0, y0, x1, y1 = parts.get(side, (left, top, 0, 0))
        right, bottom = left + frame.width, top + frame.height
        parts[side] = min(x0, left), min(y0, top), max(x1, right), max(y1, bottom)
    return parts


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
