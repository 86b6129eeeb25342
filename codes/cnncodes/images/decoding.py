"""From encoded bytes to upright RGB pixels, and never from a hostile file to a crash."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cnncodes.errors import UnreadableImage, UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image as pillow

    from cnncodes.images.records import Pixels

#: A quarter of a gigabyte of RGB: Pillow's own limit for a warning.
MAX_PIXELS = 89_478_485

_ORIENTATION = 0x0112
_LIMIT_LOCK = threading.Lock()


@dataclass(frozen=True)
class Decoding:
    """How files are decoded.

    Parameters
    ----------
    mode : {"exact", "fast"}
        ``"fast"`` decodes a JPEG at 1/2, 1/4 or 1/8 of its size where that leaves at least twice what
        is needed. Its codes are of another space.
    max_pixels : int
        Images with more pixels than that are refused before they are decoded.
    """

    mode: Literal["exact", "fast"] = "exact"
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.mode not in ("exact", "fast"):
            raise UsageError(f"decode must be 'exact' or 'fast'. Got {self.mode!r} instead.")
        if self.max_pixels < 1:
            raise UsageError(f"max_pixels must be at least 1. Got {self.max_pixels!r} instead.")


def decode(data: Pixels, decoding: Decoding = Decoding(), *, short_side: int | None = None) -> pillow.Image:
    """Return an image as upright RGB: alpha over white, 16 bits scaled to 8, the first frame of many.

    Parameters
    ----------
    data : bytes, PIL image, or ndarray of uint8 with shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
    decoding : Decoding
    short_side : int, optional
        The shorter side that is needed, in pixels; only ``"fast"`` uses it.

    Returns
    -------
    PIL.Image.Image
        Mode RGB.

    Raises
    ------
    UnreadableImage
        With stage ``"decode"`` and the reason in one line.
    """
    from PIL import Image as pillow

    try:
        if isinstance(data, bytes):
            with _open(data, decoding) as image:
                return _decode_file(image, decoding, short_side)
        image = data if isinstance(data, pillow.Image) else _from_array(data)
        _check_pixels(image, decoding)
        return _to_rgb(_upright(image))
    except (UnreadableImage, MemoryError):
        raise
    except Exception as error:  # Pillow's plugins raise whatever a broken header leads them to
        raise UnreadableImage("decode", _reason(error)) from error


def _open(data: bytes, decoding: Decoding) -> pillow.Image:
    import warnings

    from PIL import Image as pillow
    from PIL import UnidentifiedImageError

    if not data:
        raise UnreadableImage("decode", "the file is empty")
    if decoding.max_pixels > (pillow.MAX_IMAGE_PIXELS or decoding.max_pixels):
        with _LIMIT_LOCK:  # who asks for more than Pillow's limit means it; it is never lowered again
            pillow.MAX_IMAGE_PIXELS = max(pillow.MAX_IMAGE_PIXELS or 0, decoding.max_pixels)
    # Above our limit it becomes an error below. The filter is set for the whole process, since
    # catch_warnings is not safe where several lanes decode at once.
    warnings.filterwarnings("ignore", category=pillow.DecompressionBombWarning)
    try:
        image = pillow.open(io.BytesIO(data))
    except UnidentifiedImageError:
        raise UnreadableImage("decode", "not an image of a known format") from None
    except pillow.DecompressionBombError as error:
        raise UnreadableImage(
            "decode", f"more pixels than the limit of {decoding.max_pixels} (max_pixels raises it): {error}"
        ) from None
    _check_pixels(image, decoding)
    return image


def _check_pixels(image: pillow.Image, decoding: Decoding) -> None:
    if image.width * image.height > decoding.max_pixels:
        raise UnreadableImage(
            "decode",
            f"{image.width} x {image.height} pixels are more than the limit of {decoding.max_pixels}"
            " (max_pixels raises it)",
        )


def _decode_file(image: pillow.Image, decoding: Decoding, short_side: int | None) -> pillow.Image:
    if decoding.mode == "fast" and short_side is not None and image.format == "JPEG":
        _draft(image, 2 * short_side)
    image.load()
    return _to_rgb(_upright(image))


def _draft(image: Any, least: int) -> None:
    """Ask libjpeg for the largest power of two that leaves the shorter side at least `least` pixels."""
    for scale in (8, 4, 2):
        width, height = -(-image.width // scale), -(-image.height // scale)
        if min(width, height) >= least:
            image.draft(None, (width, height))
            return


def _upright(image: pillow.Image) -> pillow.Image:
    from PIL import ImageOps

    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # broken metadata; the pixels are fine
        return image
    return ImageOps.exif_transpose(image) if orientation in range(2, 9) else image


def _to_rgb(image: pillow.Image) -> pillow.Image:
    from PIL import Image as pillow

    if image.mode == "F":
        raise UnreadableImage("decode", "pixels are floating-point numbers: their range cannot be known")
    if image.mode.startswith("I"):
        image = _scale_16_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        return pillow.alpha_composite(pillow.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _scale_16_bits(image: pillow.Image) -> pillow.Image:
    """Scale grey of 16 bits to 8; Pillow's own conversion would clip it to white."""
    import numpy as np
    from PIL import Image as pillow

    values = np.asarray(image)
    if values.size and (values.min() < 0 or values.max() > 0xFFFF):
        raise UnreadableImage("decode", "grey values of more than 16 bits: their range cannot be known")
    return pillow.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _from_array(array: npt.NDArray[np.uint8]) -> pillow.Image:
    import numpy as np
    from PIL import Image as pillow

    if array.dtype != np.uint8:
        hint = "; multiply by 255 and convert" if array.dtype.kind == "f" else "; convert it"
        raise UnreadableImage("decode", f"expected an array of uint8, got {array.dtype}{hint} to uint8")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))) or array.size == 0:
        raise UnreadableImage(
            "decode", f"expected shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), got {array.shape}"
        )
    return pillow.fromarray(np.ascontiguousarray(array))


def _reason(error: Exception) -> str:
    text = str(error).split("<_io")[0].strip() or type(error).__name__
    return text if not text.endswith("file") else f"{text} is damaged"
