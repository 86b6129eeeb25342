"""How much memory a picture takes while it is decoded, from what its header says: measured, rounded up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

#: Bytes a pixel of the picture and of what it becomes: turned upright, laid over white, scaled to 8 bits.
_MODES = {"RGB": 8, "L": 8, "P": 8, "1": 8, "CMYK": 12, "YCbCr": 12, "LAB": 12, "HSV": 12, "RGBX": 12}
_OTHER_MODES = 20

#: Bytes a pixel that decoders hold besides: frames, planes and wavelets.
_DECODERS = {"JPEG": 0, "MPO": 0, "PNG": 0, "GIF": 0, "WEBP": 14, "JPEG2000": 14, "TIFF": 8, "AVIF": 8}
_OTHER_DECODERS = 12

#: Of a progressive JPEG all coefficients are kept, of all its pixels, whatever the scale.
_COEFFICIENT = 2

#: Bytes a pixel of what the decoder of WebP holds from the start.
_CANVASES = 8

_LEAST = 2**20


def estimate_opening(data: bytes) -> int:
    """Return how many bytes opening a file takes before it can be decoded; 0 where that is little.

    The decoder of WebP holds two canvases of four bytes a pixel as soon as the file is opened.

    Examples
    --------
    >>> estimate_opening(b"no picture")
    0
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return 0
    if data[12:16] == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return _CANVASES * width * height


def estimate_memory(image: Image, pixels: int, short_side: int | None = None, *, whole: bool = True) -> int:
    """Return at most how many bytes decoding a picture takes, and resizing it once.

    Parameters
    ----------
    image : PIL.Image.Image
        Opened, and not decoded.
    pixels : int
        Of the file; fewer are decoded at a reduced scale.
    short_side : int, optional
        What the shorter side is resized to.
    whole : bool
        False where it is decoded some rows at a time, while it is resized.

    Examples
    --------
    >>> from PIL import Image
    >>> estimate_memory(Image.new("RGB", (1000, 1000)), 1000 * 1000) // 2**20
    20
    """
    decoded = image.width * image.height
    total = _LEAST
    if whole:
        mode = _OTHER_MODES if "transparency" in image.info else _MODES.get(image.mode, _OTHER_MODES)
        total += decoded * (mode + _DECODERS.get(image.format or "", _OTHER_DECODERS))
        if image.info.get("progressive"):
            total += _COEFFICIENT * len(image.getbands()) * pixels
    if short_side is not None:
        scale = short_side / max(1, min(image.size))
        rows = round(decoded * scale)  # resized in one direction, and then in both
        total += 4 * (rows + round(rows * scale))
    return total
