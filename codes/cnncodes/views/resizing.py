"""Resizing as Pillow does it, to the bit, by a small library in C where the installation has one.

Pillow resizes all of a picture, pixel by pixel; the library computes what is wanted of it alone, several
pixels at once. It was compiled with the package if there was a compiler. Its pixels are compared with
Pillow's before it is used for the first time, and Pillow does the work where they differ or there is none.
"""

from __future__ import annotations

import ctypes
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnncodes.lazy import once
from cnncodes.views.encoded import EncodedJpeg, Picture
from cnncodes.views.pixels import Box, Part, Pixels
from cnncodes.views.resize_library import REACH, Library, make_noise, sums_columns_first

if TYPE_CHECKING:
    from PIL.Image import Image

#: What is compared with Pillow, of a picture of 83 x 97: sizes and boxes. Some are on either side of where
#: columns come first.
_PROBES: tuple[tuple[tuple[int, int], Box | None], ...] = (
    ((23, 17), None),
    ((99, 130), None),
    ((31, 20), (3, 5, 70, 60.5)),
    ((7, 20), (0, 1 / 7, 20 / 3, 60)),
    ((83, 20), None),
    ((73, 77), None),
    ((73, 76), None),
    ((90, 96), None),
    ((90, 97), (0, 0, 60, 50)),
)

#: What is said of a library that may not be used.
DIFFERENT = "not used: its pixels are not those of this version of Pillow"


def resize(
    image: Picture,
    size: tuple[int, int],
    interpolation: str,
    box: Box | None = None,
    part: Part | None = None,
) -> Pixels:
    """Return a picture's pixels in another size, those of ``Image.resize`` in Pillow 13.

    Parameters
    ----------
    image : PIL.Image.Image or EncodedJpeg
        Mode RGB.
    size : tuple of int
        Width and height to resize to.
    interpolation : str
        A name of ``PIL.Image.Resampling``, in lower case.
    box : tuple of float, optional
        The part of the picture that is resized; by default all of it.
    part : tuple of int, optional
        The part of the resized picture that is wanted; by default all of it.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        Of the part that is wanted.

    Raises
    ------
    UnreadableImage
        If the picture is decoded only now, and cannot be.

    Examples
    --------
    >>> from PIL import Image
    >>> ramp = Image.linear_gradient("L").convert("RGB")
    >>> resize(ramp, (64, 64), "bilinear", part=(0, 10, 64, 12))[:, 0].tolist()
    [[42, 42, 42], [46, 46, 46]]
    """
    library, _ = open_library()
    if library is not None and interpolation in REACH:
        found = library.resize(image, size, interpolation, box, part)
        if found is not None:
            return found
    if isinstance(image, EncodedJpeg):
        return resize(image.load(), size, interpolation, box, part)
    return resize_by_pillow(image, size, interpolation, box, part)


def resize_by_pillow(
    image: Image, size: tuple[int, int], interpolation: str, box: Box | None, part: Part | None
) -> Pixels:
    """Return what `resize` does, without the library."""
    from PIL.Image import Resampling

    filters = Resampling[interpolation.upper()]
    if sums_columns_first(image.size, size) and filters is not Resampling.NEAREST:
        # In two steps: before version 13 rows came first, and their sums are rounded in between.
        left, top, right, bottom = box or (0, 0, *image.size)
        flat = image.resize((image.width, size[1]), filters, box=(0, top, image.width, bottom))
        resized = flat.resize(size, filters, box=(left, 0, right, size[1]))
    else:
        resized = image.resize(size, filters, box=box)
    pixels: Pixels = np.asarray(resized)
    if part is None:
        return pixels
    left, top, right, bottom = part
    return pixels[top:bottom, left:right]


def mirror(pixels: Pixels) -> Pixels:
    """Return pixels turned left to right.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)

    Examples
    --------
    >>> mirror(np.arange(6, dtype=np.uint8).reshape(1, 2, 3)).tolist()
    [[[3, 4, 5], [0, 1, 2]]]
    """
    from PIL import Image as pillow
    from PIL.Image import Transpose

    library, _ = open_library()
    if library is not None:
        return library.mirror(pixels)
    # Not by NumPy, which copies rows backwards an element at a time.
    return np.asarray(pillow.fromarray(pixels).transpose(Transpose.FLIP_LEFT_RIGHT))


@once
def open_library() -> tuple[Library | None, str]:
    """Return the package's library, or None; and what is to be said of it."""
    return load_library(Path(__file__).parent)


def load_library(folder: Path) -> tuple[Library | None, str]:
    """Return the library that lies beside its sources, or None where it is not to be used, and why.

    Parameters
    ----------
    folder : Path
        What holds it, and all files in C that it is of.
    """
    path = folder / "_views.library"  # .so would be a module of Python's
    if not path.exists():
        return None, "none: it was not compiled when the package was installed, which takes a C compiler"
    try:
        library = Library(ctypes.CDLL(str(path)))
    except (OSError, AttributeError) as error:
        return None, f"not used: {error}"
    if library.source != _hash_sources(folder):
        return None, "not used: it is of another version of its sources; install the package again"
    if not library.runs_here:
        return None, "not used: the processor has no AVX2"
    if not _equals_pillow(library):
        return None, DIFFERENT
    return library, "used: its pixels are those of Pillow"


def _hash_sources(folder: Path) -> str:
    """Return what ``hatch_build.py`` told the library when it was compiled."""
    sources = b"".join(path.read_bytes() for path in sorted(folder.glob("_*.[ch]")))
    return hashlib.blake2b(sources, digest_size=16).hexdigest()


def _equals_pillow(library: Library) -> bool:
    """Whether pixels of noisy pictures are those of Pillow, in each way that is used."""
    image = make_noise(83, 97)
    for interpolation in REACH:
        for size, box in _PROBES:
            ours = library.resize(image, size, interpolation, box)
            if ours is None or not np.array_equal(
                ours, resize_by_pillow(image, size, interpolation, box, None)
            ):
                return False
    return True
