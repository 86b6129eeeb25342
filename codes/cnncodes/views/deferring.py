"""Which pictures are decoded while they are resized: simple JPEG files, where Pillow's own libjpeg is found.

Pillow decodes a whole picture into memory of its own, from which it is resized; of large photos that takes
longer than libjpeg does. Here some rows at a time are decoded and shrunk, of the part that is wanted. What is
not simple (several scans, other colours, a warning of any kind) is decoded as ever, so that which files are
refused, and why, does not depend on this.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from cnncodes.lazy import once
from cnncodes.views.encoded import TURNS, EncodedJpeg
from cnncodes.views.resize_library import REACH, Library, make_noise
from cnncodes.views.resizing import DIFFERENT, open_library, resize_by_pillow

if TYPE_CHECKING:
    from PIL.Image import Image

#: What is compared with Pillow: kinds of files, by how they keep colours and are turned, and sizes and parts.
_KINDS = (("RGB", 0, 1), ("RGB", 1, 1), ("RGB", 2, 1), ("L", 0, 1), ("RGB", 2, 3), ("RGB", 2, 6))
_PROBES = (((60, 52), None), ((70, 61), (17, 11, 50, 40)))
_UPRIGHT = {3: "ROTATE_180", 6: "ROTATE_270"}


def defer(
    data: bytes, image: Image, scale: int, orientation: int, load: Callable[[], Image]
) -> EncodedJpeg | None:
    """Return a JPEG to be decoded while it is resized, or None where it has to be decoded at once.

    Parameters
    ----------
    data : bytes
    image : PIL.Image.Image
        The same, opened and not decoded, and its size already divided by `scale`.
    scale : {1, 2, 4, 8}
    orientation : int
        By EXIF, 1 to 8.
    load : callable
        See `EncodedJpeg`.
    """
    is_possible, _ = can_defer()
    if not is_possible or image.mode not in ("RGB", "L"):
        return None
    size = image.size[::-1] if TURNS[orientation].swaps else image.size
    return EncodedJpeg(data, size, scale, load, orientation)


@once
def can_defer() -> tuple[bool, str]:
    """Return whether JPEG can be decoded while it is resized; and what is to be said of that."""
    library, said = open_library()
    return (False, said) if library is None else compare_decoder(library)


def compare_decoder(library: Library) -> tuple[bool, str]:
    """Return whether a library decodes JPEG as Pillow does; and what is to be said of that."""
    try:
        library.decoder.connect()
    except OSError as error:
        return False, f"not used: {error}"
    if not all(_equals_pillow(library, *kind) for kind in _KINDS):
        return False, DIFFERENT
    return True, "used: its pixels are those of Pillow"


def _equals_pillow(library: Library, mode: str, subsampling: int, orientation: int) -> bool:
    from PIL import Image as pillow

    file = io.BytesIO()
    make_noise(150, 130).convert(mode).save(file, "JPEG", subsampling=subsampling)
    image = pillow.open(file).convert("RGB")
    if orientation != 1:
        image = image.transpose(pillow.Transpose[_UPRIGHT[orientation]])
    jpeg = EncodedJpeg(file.getvalue(), image.size, 1, lambda: image, orientation)
    for interpolation in REACH:
        for size, part in _PROBES:
            ours = library.resize(jpeg, size, interpolation, None, part)
            theirs = resize_by_pillow(image, size, interpolation, None, part)
            if ours is None or not np.array_equal(ours, theirs):
                return False
    return True
