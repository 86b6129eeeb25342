"""What an image holds, as a hash: equal images are embedded once and keep their views."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from cnncodes.images.decoding import read_orientation
from cnncodes.images.opening import explain_failure, opening

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

    from cnncodes.images.records import Pixels


def content_hash(data: Pixels) -> str:
    """Return the hash of an image's content: 32 hexadecimal digits.

    Of a file it is that of its bytes; of an array, that of shape, type and pixels; of a PIL image, also that
    of its mode, palette, transparency and orientation.

    Raises
    ------
    UnreadableImage
        If a PIL image was opened but cannot be decoded.

    Examples
    --------
    >>> content_hash(b"abc")
    'cf4ab791c62b8d2b2109c90275287816'
    """
    import numpy as np

    if isinstance(data, bytes):
        return hashlib.blake2b(data, digest_size=16).hexdigest()
    # Of another type than images have the same bytes are other numbers, and are refused.
    kind = _name_type(data) if isinstance(data, np.ndarray) else _describe(data)
    pixels = np.ascontiguousarray(np.asarray(data))
    digest = hashlib.blake2b(f"{kind}{pixels.shape}".encode(), digest_size=16)
    digest.update(pixels.tobytes())
    return digest.hexdigest()


def _name_type(array: npt.NDArray[Any]) -> str:
    return "" if array.dtype == "uint8" else f"{array.dtype.str} "


def _describe(image: Image) -> str:
    """Return what a PIL image shows besides its pixels, as text."""
    try:
        with opening(image.width * image.height):
            image.load()
    except Exception as error:  # opened by the caller, and decoded only now
        raise explain_failure(error) from error
    palette = image.getpalette("RGBA") if image.mode in ("P", "PA") else None
    return f"{image.mode} {palette} {image.info.get('transparency')} {read_orientation(image)} "
