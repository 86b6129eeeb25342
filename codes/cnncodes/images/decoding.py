"""From encoded bytes to upright RGB pixels, and never from a hostile file to a crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from cnncodes.choices import DECODE_MODES, NVIMGCODEC_MODES
from cnncodes.errors import CnnCodesError, UnreadableImage, UsageError
from cnncodes.images import nvimgcodec
from cnncodes.images.costs import estimate_memory, estimate_opening
from cnncodes.images.grey import Grey
from cnncodes.images.levels import EXPECTED, advise_levels, describe_levels
from cnncodes.images.opening import OF_JPEG, check_pixels, explain_failure, open_image, opening

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image as pillow

    from cnncodes.images.records import Pixels

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: A quarter of a gigabyte of RGB: Pillow's own limit for a warning.
MAX_PIXELS = 89_478_485

_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Decoding:
    """How files are decoded.

    Parameters
    ----------
    mode : {"exact", "fast", "nvimgcodec", "nvimgcodec-cpu"}
        ``"fast"`` decodes a JPEG at 1/2, 1/4 or 1/8 of its size where that leaves at least twice what
        is needed; ``"nvimgcodec"`` grey and YCbCr JPEG by nvImageCodec on a GPU, and all else exactly;
        ``"nvimgcodec-cpu"`` the same files by that library's own libjpeg, to try it without a GPU. Codes of
        each are of a space of their own.
    max_pixels : int
        Images with more pixels than that are refused before they are decoded.
    """

    mode: Literal["exact", "fast", "nvimgcodec", "nvimgcodec-cpu"] = "exact"
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.mode not in DECODE_MODES:
            known = ", ".join(map(repr, DECODE_MODES[:-1]))
            raise UsageError(f"decode must be {known} or {DECODE_MODES[-1]!r}. Got {self.mode!r} instead.")
        is_whole = isinstance(self.max_pixels, Integral) and not isinstance(self.max_pixels, bool)
        if not is_whole or self.max_pixels < 1:
            raise UsageError(f"max_pixels must be a positive whole number. Got {self.max_pixels!r} instead.")

    @classmethod
    def make(cls, mode: Any, max_pixels: int | None = None) -> Decoding:
        """Return a way of decoding; `max_pixels` None means the default limit."""
        return cls(mode, MAX_PIXELS if max_pixels is None else max_pixels)

    @property
    def is_nvimgcodec(self) -> bool:
        """Whether JPEG is decoded by nvImageCodec."""
        return self.mode in NVIMGCODEC_MODES

    def check(self) -> None:
        """Raise `BackendMissing` if this way of decoding needs what is not there: before an image is read."""
        if self.is_nvimgcodec:
            nvimgcodec.open_decoder(self.mode)


class Defer(Protocol[T_co]):
    """Asked about a JPEG that is opened, at the scale at which it is to be decoded, and how EXIF turns it."""

    def __call__(self, data: bytes, image: pillow.Image, scale: int, orientation: int) -> T_co | None:
        """Return what stands for the picture until it is decoded, or None if that is to be done now."""


def decode(
    data: Pixels,
    decoding: Decoding = Decoding(),
    *,
    short_side: int | None = None,
    before: Callable[[int], object] | None = None,
    defer: Defer[T] | None = None,
) -> pillow.Image | T:
    """Return an image as upright RGB: alpha over white, 12 and 16 bits scaled to 8, the first frame of many.

    Parameters
    ----------
    data : bytes, PIL image, or ndarray of uint8 with shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
    decoding : Decoding
    short_side : int, optional
        The shorter side that is needed, in pixels; only ``"fast"`` uses it.
    before : callable, optional
        Called once the header is read, with the bytes of memory that decoding and resizing take at most, or
        resizing what is deferred; and before with those that opening takes, where that is much.
    defer : callable, optional
        Asked about each JPEG that Pillow would decode; see `Defer`.

    Returns
    -------
    PIL.Image.Image
        Mode RGB; or what `defer` returned.

    Raises
    ------
    UnreadableImage
        With stage ``"decode"``, or ``"memory"``, and the reason in one line.
    BackendMissing
        If the way of decoding needs a library or a device that is not there.

    Notes
    -----
    A truncated file is refused, unless the program has set ``PIL.ImageFile.LOAD_TRUNCATED_IMAGES``,
    which asks for half pictures everywhere; nvImageCodec refuses it all the same.
    """
    from PIL import Image as pillow

    try:
        with opening(decoding.max_pixels):
            if isinstance(data, bytes):
                if before is not None and (size := estimate_opening(data)):
                    before(size)
                with open_image(data, decoding.max_pixels) as image:
                    return _decode_file(data, image, decoding, short_side, before, defer)
            image = data if isinstance(data, pillow.Image) else _from_array(data)
            check_pixels(image, decoding.max_pixels)
            if before is not None:
                before(estimate_memory(image, image.width * image.height, short_side))
            image.load()  # what was opened but not loaded fails here, and not in the first crop
            return _to_rgb(image)
    except CnnCodesError:
        raise
    except Exception as error:  # Pillow's plugins raise whatever a broken header leads them to
        raise explain_failure(error) from error


def _decode_file(
    data: bytes,
    image: pillow.Image,
    decoding: Decoding,
    short_side: int | None,
    before: Callable[[int], object] | None,
    defer: Defer[T] | None,
) -> pillow.Image | T:
    pixels, scale = image.width * image.height, 1
    if decoding.mode == "fast" and short_side is not None and image.format in OF_JPEG:
        scale = _draft(image, 2 * short_side)
    by_library = decoding.is_nvimgcodec and nvimgcodec.takes(image)
    if defer is not None and image.format in OF_JPEG and not by_library:
        deferred = defer(data, image, scale, read_orientation(image))
        if deferred is not None:
            if before is not None:
                before(estimate_memory(image, pixels, short_side, whole=False))
            return deferred
    if before is not None:
        before(estimate_memory(image, pixels, short_side))
    if by_library:
        decoder = nvimgcodec.open_decoder(decoding.mode)
        return _upright(_from_array(decoder.decode(data, image.size)), read_orientation(image))
    image.load()
    check_pixels(image, decoding.max_pixels)  # some formats state a size that their pixels do not keep to
    return _to_rgb(image)


def _draft(image: Any, least: int) -> int:
    """Ask libjpeg to divide by the largest power of two that leaves `least` pixels of the shorter side."""
    for scale in (8, 4, 2):
        if -(-min(image.size) // scale) >= least:  # libjpeg rounds up
            # Pillow takes the scale that leaves at least this; rounded up, it would take the next smaller.
            image.draft(None, (image.width // scale, image.height // scale))
            return scale
    return 1


def read_orientation(image: pillow.Image) -> int:
    """Return the orientation that EXIF gives, 1 to 8; 1 is upright."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
        return int(orientation) if orientation in range(1, 9) else 1
    except Exception:  # broken metadata; the pixels are fine
        return 1


def _upright(image: pillow.Image, orientation: int) -> pillow.Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(orientation)
    if turn is None:
        return image
    upright = image.transpose(turn)
    # The orientation is used up. Transparency is part of the pixels.
    upright.info = {key: value for key, value in image.info.items() if key == "transparency"}
    return upright


def _to_rgb(image: pillow.Image) -> pillow.Image:
    """Return a picture as upright RGB."""
    from PIL import Image as pillow

    grey = Grey.read(image)
    image = _upright(image, read_orientation(image))
    if image.mode == "F":
        raise UnreadableImage("decode", "pixels are floating-point numbers: their range cannot be known")
    if image.mode.startswith("I"):
        image = grey.scale(image)
    if image.mode == "La":
        image = image.convert("LA")  # the only conversion that Pillow has for it
    if image.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        return pillow.alpha_composite(pillow.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _from_array(array: npt.NDArray[np.uint8]) -> pillow.Image:
    import numpy as np
    from PIL import Image as pillow

    if array.dtype != np.uint8:
        advice = advise_levels(array, "a") or f"give {EXPECTED}"
        reason = f"expected an array of uint8, got {describe_levels(array)}: {advice}"
        raise UnreadableImage("decode", reason)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))) or array.size == 0:
        raise UnreadableImage(
            "decode", f"expected shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), got {array.shape}"
        )
    return pillow.fromarray(np.ascontiguousarray(array))
