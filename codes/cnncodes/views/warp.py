"""Geometry: one map of coordinates for all of it, after at most one antialiased shrink."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnncodes.errors import UnreadableImage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    from cnncodes.backbones.frame import Frame
    from cnncodes.views.pixels import Pixels

#: Extreme maps, several at once, may look far beyond the picture: more than this is no view any more.
MAX_SEEN_PIXELS = 32_000_000
#: Pixels beyond the patch's own that a bicubic kernel reaches, and one for rounding.
_MARGIN = 3
#: Curved maps are approximated by quadrilaterals: the largest of these sides that is so few pixels off.
_CELLS = (32, 16, 8, 4)
_TOLERANCE = 0.15
_MILDER = "Let the plan vary stretching, shearing, perspective and lens less."


@dataclass(frozen=True, slots=True)
class Warp:
    """The geometry of one view: how a patch is moved, turned and bent about its centre.

    From the patch to the picture: lens, perspective, shear, stretch, rotation, translation.

    Attributes
    ----------
    translation : tuple of float
        Shift of what is seen, right and down, as a share of the patch's side.
    angle : float
        Degrees by which what is seen turns counter-clockwise.
    stretch : tuple of float
        Factors by which what is seen grows, along x and y.
    shear : tuple of float
        Degrees by which the x axis and the y axis lean.
    perspective : tuple of float, length 8
        For the corners top left, top right, bottom right, bottom left: where in the picture they look,
        as shifts in x and y, in shares of the patch's side. Empty: nowhere else.
    k1, k2 : float
        Radial distortion; the corner of the patch is at distance 1.
    border : {"reflect", "edge", "black"}
    """

    translation: tuple[float, float] = (0.0, 0.0)
    angle: float = 0.0
    stretch: tuple[float, float] = (1.0, 1.0)
    shear: tuple[float, float] = (0.0, 0.0)
    perspective: tuple[float, ...] = ()
    k1: float = 0.0
    k2: float = 0.0
    border: str = "reflect"

    @property
    def keeps_scale(self) -> bool:
        """Whether it makes nothing larger or smaller at the patch's centre."""
        return self.stretch == (1, 1) and self.shear == (0, 0) and not self.perspective

    def matrix(self, box: tuple[float, float, float, float], frame: Frame) -> npt.NDArray[np.float64]:
        """Return the 3 x 3 matrix from the patch's pixels to the picture's, without the lens.

        Parameters
        ----------
        box : tuple of float
            Left, top, right and bottom of what the patch shows unwarped, in the picture's pixels.
        frame : Frame
        """
        import numpy as np

        left, top, right, bottom = box
        width, height = frame.width, frame.height
        center = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
        turn = math.radians(self.angle)
        rotation = np.array(
            [[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]]
        )
        lean_x, lean_y = (math.tan(math.radians(angle)) for angle in self.shear)
        # One after the other: both at once would be singular where the leans' product is 1.
        shear = np.array([[1, lean_x, 0], [0, 1, 0], [0, 0, 1.0]]) @ [[1, 0, 0], [lean_y, 1, 0], [0, 0, 1]]
        stretch = np.diag([1 / self.stretch[0], 1 / self.stretch[1], 1])
        shift = np.array(
            [[1, 0, -self.translation[0] * width], [0, 1, -self.translation[1] * height], [0, 0, 1.0]]
        )
        across, down = (right - left) / width, (bottom - top) / height
        to_box = np.array([[across, 0, (left + right) / 2], [0, down, (top + bottom) / 2], [0, 0, 1]])
        whole: npt.NDArray[np.float64] = (
            to_box @ shift @ rotation @ stretch @ shear @ center @ self._homography(width, height)
        )
        return whole

    def _homography(self, width: int, height: int) -> npt.NDArray[np.float64]:
        """Return the matrix that takes the patch's corners to where they look."""
        import numpy as np

        if not any(self.perspective):
            return np.eye(3)
        corners = [(0, 0), (width, 0), (width, height), (0, height)]
        rows, targets = [], []
        for (x, y), dx, dy in zip(corners, self.perspective[::2], self.perspective[1::2], strict=True):
            u, v = x + dx * width, y + dy * height
            rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
            rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
            targets += [u, v]
        solution = np.linalg.solve(np.array(rows, dtype=np.float64), np.array(targets))
        return np.append(solution, 1.0).reshape(3, 3)

    def map_points(
        self, points: npt.NDArray[np.float64], box: tuple[float, float, float, float], frame: Frame
    ) -> npt.NDArray[np.float64]:
        """Return where in the picture points of the patch look.

        Parameters
        ----------
        points : ndarray of float64, shape (..., 2)
            x and y in the patch's pixels, whose centres are at halves.
        box, frame
            As in `matrix`.

        Returns
        -------
        ndarray of float64, shape (..., 2)
            In the picture's pixels; may lie outside of it.
        """
        return _project(self.matrix(box, frame), self._bend(points, frame))

    def _bend(self, points: npt.NDArray[np.float64], frame: Frame) -> npt.NDArray[np.float64]:
        import numpy as np

        if not (self.k1 or self.k2):
            return points
        center = np.array([frame.width / 2, frame.height / 2])
        offset = points - center
        square = (offset**2).sum(axis=-1, keepdims=True) / (center**2).sum()
        bent: npt.NDArray[np.float64] = center + offset * (1 + self.k1 * square + self.k2 * square**2)
        return bent

    def render(
        self,
        image: Image,
        box: tuple[float, float, float, float],
        frame: Frame,
        shrink: Callable[[tuple[int, int]], Pixels] | None = None,
    ) -> Pixels:
        """Return the warped patch, shape (height, width, 3).

        Where the view makes the picture smaller, it is first shrunk along each axis by Pillow's antialiased
        filter, until a pixel of it is about one of the patch: the whole of it by `shrink`, which may know it
        in that size already, or without one the part that is seen.
        """
        import numpy as np

        from cnncodes.views.sampling import sample
        from cnncodes.views.warp_library import Look, Mesh

        matrix = self.matrix(box, frame)
        grid = self._grid(frame)
        bent = self._bend(grid, frame)
        _check_horizon(matrix, bent)
        shrunk = _shrunken_size(image.size, matrix, frame)
        matrix = np.diag([shrunk[0] / image.width, shrunk[1] / image.height, 1.0]) @ matrix
        seen = _project(matrix, bent)
        spans, pads = _spans(seen, shrunk)
        corner = spans[0][0] - pads[0][0], spans[1][0] - pads[1][0]
        matrix = np.array([[1, 0, -corner[0]], [0, 1, -corner[1]], [0, 0, 1.0]]) @ matrix
        picture: Image | Pixels
        if shrink is not None or shrunk == image.size:
            picture = image if shrink is None else shrink(shrunk)
        else:
            picture = _shrink_part(image, shrunk, spans, frame)
            spans = (0, picture.shape[1]), (0, picture.shape[0])
        look = Look(spans, pads, self.border)
        size = (frame.width, frame.height)
        if self.k1 or self.k2:
            return sample(picture, look, size, Mesh(*_mesh(grid, _project(matrix, bent))))
        return sample(picture, look, size, tuple((matrix / matrix[2, 2]).reshape(-1)[:8].tolist()))

    def _grid(self, frame: Frame) -> npt.NDArray[np.float64]:
        """Return the corners of cells that cover the patch, whole numbers, shape (rows, columns, 2)."""
        sides = frame.width, frame.height
        grid, _ = _cells(*sides, max(sides))
        for size in _CELLS if self.k1 or self.k2 else ():
            grid, middles = _cells(*sides, size)
            between = _middles(self._bend(grid, frame))
            # Pillow interpolates between a cell's corners: at its middle that is furthest from the truth.
            if abs(self._bend(middles, frame) - between).max() <= _TOLERANCE:
                break
        return grid


@functools.lru_cache(maxsize=64)
def _cells(width: int, height: int, size: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the corners of cells, and their middles; patches of a job are of one size."""
    import numpy as np

    sides = (np.linspace(0, length, 1 + math.ceil(length / size)).round() for length in (width, height))
    corners = np.stack(np.meshgrid(*sides), axis=-1)
    middles = _middles(corners)
    corners.flags.writeable = middles.flags.writeable = False
    return corners, middles


def _middles(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    middles: npt.NDArray[np.float64] = (
        corners[:-1, :-1] + corners[1:, :-1] + corners[:-1, 1:] + corners[1:, 1:]
    ) / 4
    return middles


def _project(matrix: npt.NDArray[np.float64], points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    projected: npt.NDArray[np.float64] = moved[..., :2] / moved[..., 2:]
    return projected


def _shrunken_size(size: tuple[int, int], matrix: npt.NDArray[np.float64], frame: Frame) -> tuple[int, int]:
    """Return the picture's size after a shrink that leaves about one pixel for each of the patch."""
    x, y = frame.width / 2, frame.height / 2
    w = float(matrix[2] @ (x, y, 1.0))
    sides = []
    for axis in range(2):
        # How fast the picture's coordinate changes over the patch, at its centre.
        place = float(matrix[axis] @ (x, y, 1.0)) / w
        step = math.hypot(*((matrix[axis, other] - place * matrix[2, other]) / w for other in range(2)))
        sides.append(size[axis] if step <= 1 else max(1, round(size[axis] / step)))
    return sides[0], sides[1]


def _spans(seen: npt.NDArray[np.float64], size: tuple[int, int]) -> tuple[Any, Any]:
    """Return, for x and y, the part of a picture of that size that is seen, and by how much to extend it."""
    spans, pads = zip(*(_span(seen[..., axis], length) for axis, length in enumerate(size)), strict=True)
    _check_area(spans, pads)
    return spans, pads


def _shrink_part(image: Image, shrunk: tuple[int, int], spans: Any, frame: Frame) -> Pixels:
    """Return a part of the shrunken picture, made from that part of the picture alone."""
    from cnncodes.views.resizing import resize

    (left, right), (top, bottom) = spans
    across, down = image.width / shrunk[0], image.height / shrunk[1]
    box = (left * across, top * down, min(image.width, right * across), min(image.height, bottom * down))
    return resize(image, (right - left, bottom - top), frame.interpolation, box)


def _span(seen: npt.NDArray[np.float64], length: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return, along one axis, the part of the picture that is needed, and by how much to extend it."""
    first, last = math.floor(float(seen.min())) - _MARGIN, math.ceil(float(seen.max())) + _MARGIN
    before, after = max(0, -first), max(0, last - length)
    start, stop = max(0, first), min(length, last)
    # What is mirrored at an edge lies as far inside of it as the mirror image goes beyond.
    if before:
        start, stop = 0, max(stop, min(length, before))
    if after:
        start, stop = min(start, max(0, length - after)), length
    return (start, stop), (before, after)


def _check_horizon(matrix: npt.NDArray[np.float64], bent: npt.NDArray[np.float64]) -> None:
    depth = bent @ matrix[2, :2] + matrix[2, 2]
    if depth.min() < 0.02 * depth.max():
        raise UnreadableImage("views", f"a view looks up to the horizon. {_MILDER}")


def _check_area(spans: Any, pads: Any) -> None:
    sides = [stop - start + sum(pad) for (start, stop), pad in zip(spans, pads, strict=True)]
    if sides[0] * sides[1] > MAX_SEEN_PIXELS:
        raise UnreadableImage(
            "views",
            f"a view reaches over {sides[0]} x {sides[1]} pixels of the picture; the limit is"
            f" {MAX_SEEN_PIXELS}. {_MILDER}",
        )


def _mesh(
    grid: npt.NDArray[np.float64], seen: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the cells of the patch, and the quadrilateral that each looks at."""
    import numpy as np

    boxes = np.concatenate([grid[:-1, :-1], grid[1:, 1:]], axis=-1).reshape(-1, 4).astype(int)
    # Upper left, lower left, lower right, upper right.
    corners = np.concatenate([seen[:-1, :-1], seen[1:, :-1], seen[1:, 1:], seen[:-1, 1:]], axis=-1)
    return boxes, corners.reshape(-1, 8)
