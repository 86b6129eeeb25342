"""Where the pixels of an image's views are made: each distinct one once, after one resize a scale."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnncodes.views.encoded import EncodedJpeg
from cnncodes.views.view import Grid, View, resized_size

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cnncodes.backbones.frame import Frame
    from cnncodes.views.encoded import Picture
    from cnncodes.views.pixels import Part, Pixels


@dataclass(frozen=True, slots=True)
class Rendered:
    """The pixels of an image's views.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (n_distinct, height, width, 3)
        Each distinct view once.
    index : ndarray of int64, shape (n_views,)
        For each view of the plan, its row in `pixels`.
    views : tuple of View
        One for each view of the plan, in order.
    """

    pixels: npt.NDArray[np.uint8]
    index: npt.NDArray[np.int64]
    views: tuple[View, ...]


def render_views(image: Picture, frame: Frame, views: Sequence[View]) -> Rendered:
    """Return the pixels of an image's views; see `ViewPlan.render`."""
    import numpy as np

    darkroom = Darkroom(image, frame, views)
    distinct: dict[Hashable, int] = {}
    pixels: list[Pixels] = []
    index = np.empty(len(views), dtype=np.int64)
    for number, view in enumerate(views):
        if view.pixels_id not in distinct:
            distinct[view.pixels_id] = len(pixels)
            pixels.append(darkroom.develop(view))
        index[number] = distinct[view.pixels_id]
    patches = pixels[0][np.newaxis] if len(pixels) == 1 else np.stack(pixels)
    return Rendered(patches, index, tuple(views))


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
