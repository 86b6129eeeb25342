"""Sampling a picture by a map as Pillow does it, to the bit, by the library in C where it can be used.

Pillow takes a part of the picture, extends it by what its border shows, and maps that; the library looks
at the picture itself, wherever it is kept, by tables of rows and columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnncodes.lazy import once
from cnncodes.views.pixels import Pixels
from cnncodes.views.resize_library import make_noise
from cnncodes.views.resizing import DIFFERENT, open_library
from cnncodes.views.warp_library import Look, Mesh, Projection, Sampler

if TYPE_CHECKING:
    from PIL.Image import Image

_BORDERS = {"reflect": "symmetric", "edge": "edge", "black": "constant"}


def sample(picture: Image | Pixels, look: Look, size: tuple[int, int], by: Projection | Mesh) -> Pixels:
    """Return pixels of a map of a picture, those of ``Image.transform`` with its bicubic filter.

    Parameters
    ----------
    picture : PIL.Image.Image of mode RGB or ndarray of uint8, shape (height, width, 3)
    look : Look
    size : tuple of int
        Width and height of the patch.
    by : tuple of float, length 8, or Mesh
        Where the patch looks in the part that `look` says, extended.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)

    Examples
    --------
    >>> from PIL import Image
    >>> ramp = Image.linear_gradient("L").convert("RGB")
    >>> turned = sample(ramp, Look(((0, 256), (100, 200))), (3, 1), (0, 1, 0, 1, 0, 0, 0, 0))
    >>> turned.tolist()
    [[[100, 100, 100], [101, 101, 101], [102, 102, 102]]]
    """
    sampler, _ = open_sampler()
    if sampler is not None:
        return sampler.sample(picture, look, size, by)
    return _sample_by_pillow(picture, look, size, by)


@once
def open_sampler() -> tuple[Sampler | None, str]:
    """Return what the package's library samples by, or None; and what is to be said of it."""
    library, said = open_library()
    if library is None:
        return None, said
    if not equals_pillow(library.sampler):
        return None, DIFFERENT
    return library.sampler, said


def equals_pillow(sampler: Sampler) -> bool:
    """Whether pixels of a noisy picture are those of Pillow, by maps of each kind, at its edges too."""
    picture = make_noise(40, 30)
    size = 37, 31
    boxes = np.array([[0, 0, 20, 31], [20, 0, 37, 31]])
    corners = np.array([[-3, 2, 1, 34, 25.7, 27, 22, -1.3], [22, -1.3, 25.7, 27, 44, 24, 38, 6.1]])
    maps: tuple[Projection | Mesh, ...] = (
        (0.9, -0.5, 6.0, 0.45, 1 / 1.3, -4.0, 0.0, 0.0),
        (1.1, 0.2, -2.0, -0.1, 0.9, 3.0, 0.004, -0.003),
        Mesh(boxes, corners),
    )
    look = Look(((0, 40), (0, 30)))
    looks = look, Look(((3, 39), (0, 28)), ((0, 4), (5, 0)))
    return all(
        np.array_equal(sampler.sample(of, look, size, by), _sample_by_pillow(of, look, size, by))
        for by in maps
        for look in looks
        for of in (picture, np.asarray(picture))
    )


def _sample_by_pillow(
    picture: Image | Pixels, look: Look, size: tuple[int, int], by: Projection | Mesh
) -> Pixels:
    from PIL import Image as pillow

    part, look = look.cut(pillow.fromarray(picture) if isinstance(picture, np.ndarray) else picture)
    part = _extend(part, look)
    cubic = pillow.Resampling.BICUBIC
    if isinstance(by, Mesh):
        cells = zip(map(tuple, by.boxes.tolist()), map(tuple, by.corners.tolist()), strict=True)
        return np.asarray(part.transform(size, pillow.Transform.MESH, list(cells), cubic))
    return np.asarray(part.transform(size, pillow.Transform.PERSPECTIVE, by, cubic))


def _extend(part: Image, look: Look) -> Image:
    """Return a part of a picture with what a border shows beyond its edges."""
    from PIL import Image as pillow

    across, down = look.pads
    if not (any(across) or any(down)):
        return part
    mode: Any = _BORDERS[look.border]
    return pillow.fromarray(np.pad(np.asarray(part), (down, across, (0, 0)), mode=mode))
