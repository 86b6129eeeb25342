"""Opening pictures with Pillow, whose switches belong to the whole process, as if they were ours alone."""

from __future__ import annotations

import contextlib
import io
import re
import threading
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnncodes.errors import UnreadableImage
from cnncodes.images.endings import SUFFIXES
from cnncodes.images.hazards import check_file, find_icon_sizes
from cnncodes.images.planes import name_planes
from cnncodes.images.plugins import PLUGINS, say_unread
from cnncodes.machine import find_shortage
from cnncodes.pointers import explain_pointer

if TYPE_CHECKING:
    from PIL import Image as pillow

#: Pillow reads more, but some of that runs other programs (EPS: Ghostscript), and some is recognised by
#: nothing, so that any bytes may pass for a picture. HEIF and JXL count where a plugin is registered.
FORMATS = (
    "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "HEIF", "JXL", "ICO", "QOI",
)  # fmt: skip

#: JPEG, alone or with others behind it, as telephones write it.
OF_JPEG = ("JPEG", "MPO")

#: How decoders say that a file is damaged, in words that mean nothing to who sees but the reason.
_OF_DECODERS = (
    "buffer is not", "cannot load this", "could not create decoder", "decoder error", "invalid literal",
    "not enough image",
)  # fmt: skip

#: What a decoder has no way for: TIFF with its colours in planes, among others.
_OF_KINDS = ("unknown raw mode", "unrecognized raw mode", "unknown pixel mode", "unknown data organization")

#: Bytes that tell a format.
_HEAD = 16
#: How those begin that Pillow reads with a plugin alone; telephones name the first .jpg at times.
_OF_PLUGINS = {
    "HEIF": re.compile(rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL),
    "JXL": re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "),
}

#: Bytes that no path has.
_LONG_PATH = 4096

_THREAD = threading.local()


@contextlib.contextmanager
def opening(max_pixels: int) -> Iterator[None]:
    """Let this thread use Pillow without its warnings, and up to `max_pixels`.

    Both are switches of the process. Warnings are ignored in this thread alone. Pillow's limit is
    touched only where `max_pixels` is more than twice as high, and is put back afterwards; meanwhile it
    is higher for the other threads too.
    """
    _put_filter_first()
    _THREAD.is_opening = True
    try:
        with _LIMIT.raised(max_pixels):
            yield
    finally:
        _THREAD.is_opening = False


def open_image(data: bytes, max_pixels: int) -> pillow.Image:
    """Return an image that is recognised and small enough but not decoded yet; call it in `opening`.

    Raises
    ------
    UnreadableImage
    """
    from PIL import Image as pillow
    from PIL import UnidentifiedImageError

    if not data:
        raise UnreadableImage("decode", "the file is empty")
    for size in find_icon_sizes(data):
        check_size(size, max_pixels)
    check_file(data)
    # Most pictures are of these two: the forty other plugins take longer to load than one picture.
    (pillow.preinit if data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) else pillow.init)()
    formats = [name for name in FORMATS if name in pillow.OPEN]
    try:
        image = pillow.open(io.BytesIO(data), formats=formats)
    except UnidentifiedImageError:
        hint = explain_pointer(data)
        if _looks_like_path(data):
            hint = "these bytes look like a path, which is given as text"
        said = "not an image of a known format"
        said = f"{said}: {hint}" if hint else _say_beginning(data) or said
        raise UnreadableImage("decode", said) from None
    except pillow.DecompressionBombError:
        reason = f"more pixels than {_limit(max_pixels)}"
        raise UnreadableImage("decode", reason, ("max_pixels", max_pixels)) from None
    check_pixels(image, max_pixels)
    name_planes(image)
    if image.format in OF_JPEG:
        # All at once, where Pillow hands over 64 KiB and puts what is left before the next.
        image.decodermaxblock = len(data)
    return image


def _looks_like_path(data: bytes) -> bool:
    """Tell whether bytes are the text of one line that ends as the names of pictures do."""
    try:
        text = data.decode() if len(data) < _LONG_PATH else ""
    except UnicodeDecodeError:
        return False
    return text.isprintable() and text.lower().endswith(tuple(SUFFIXES))


def begins_as_image(head: bytes) -> bool:
    """Tell whether a file's first bytes are those of a format that is read."""
    from PIL import Image as pillow

    pillow.init()
    return bool(_find_formats(head))


def _find_formats(head: bytes) -> list[str]:
    """Return the formats that are read and begin so; Pillow has to know them."""
    from PIL import Image as pillow

    head = head[:_HEAD]
    accepting = {name: pillow.OPEN[name][1] for name in FORMATS if name in pillow.OPEN}
    return [name for name, accept in accepting.items() if accept is None or accept(head)]


def _say_beginning(data: bytes) -> str:
    """Say what bytes seem to be that no plugin of Pillow could open; empty where nobody can tell."""
    for name, beginning in _OF_PLUGINS.items():
        if beginning.match(data):
            plugin = PLUGINS[name]
            return f"it begins as {plugin.title}, {say_unread('which', plugin)}"
    kinds = _find_formats(data)
    return f"it begins as {kinds[0]}, and is damaged or of a kind that is not read" if kinds else ""


def check_pixels(image: pillow.Image, max_pixels: int) -> None:
    """Raise `UnreadableImage` if an image has no pixels, or more than that."""
    if 0 in image.size:
        raise UnreadableImage("decode", f"the picture has no pixels: {image.width} x {image.height}")
    check_size(image.size, max_pixels)


def check_size(size: tuple[int, int], max_pixels: int) -> None:
    """Raise `UnreadableImage` if a width and height are of more pixels than that."""
    if size[0] * size[1] > max_pixels:
        reason = f"{size[0]} x {size[1]} pixels are more than {_limit(max_pixels)}"
        raise UnreadableImage("decode", reason, ("max_pixels", max_pixels))


def explain_failure(error: Exception) -> UnreadableImage:
    """Return the error of a picture that could not be decoded, in words: damage, or too little memory."""
    if find_shortage(error) == "memory":
        return UnreadableImage("memory", "not enough memory to decode it")
    return UnreadableImage("decode", _to_reason(error))


def _to_reason(error: Exception) -> str:
    text = re.sub(r"\s*<[^<>]* at 0x[0-9a-fA-F]+>", "", str(error)).strip()
    if text.startswith(_OF_DECODERS):
        return f"the file is damaged ({text})"
    if text.startswith(_OF_KINDS):
        return f"of a kind that is not read ({text})"
    if text and isinstance(error, OSError | ValueError | SyntaxError):
        return text if not text.endswith("file") else f"{text}: it is damaged"
    # What a broken header leads a plugin to means nothing without its type: KeyError: 5.
    return f"the file is damaged ({type(error).__name__}{': ' if text else ''}{text})"


def _limit(max_pixels: int) -> str:
    return f"the limit of {max_pixels} (--max-pixels, in Python max_pixels, raises it)"


class _WhileOpening(type):
    """Takes every warning about a picture for a subclass, in a thread that opens one."""

    def __subclasscheck__(cls, category: type) -> bool:
        is_opening = getattr(_THREAD, "is_opening", False)
        return is_opening and issubclass(category, UserWarning | RuntimeWarning)


class _OurWarning(Warning, metaclass=_WhileOpening):
    pass


def _put_filter_first() -> None:
    # `catch_warnings` is not safe where several lanes decode at once, and a plain filter would silence
    # the host program too. Somebody's `catch_warnings` may have thrown ours away: hence each time.
    first = warnings.filters[0] if warnings.filters else None
    if first is None or first[2] is not _OurWarning:
        warnings.filterwarnings("ignore", category=_OurWarning)


class _PixelLimit:
    """Pillow's limit of pixels, higher while a thread needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before: int | None = None
        self._raised: int | None = None

    @contextlib.contextmanager
    def raised(self, max_pixels: int) -> Iterator[None]:
        with self._lock:
            is_needed = self._enter(max_pixels)
        try:
            yield
        finally:
            if is_needed:
                with self._lock:
                    self._leave()

    def _enter(self, max_pixels: int) -> bool:
        from PIL import Image as pillow

        limit = self._before if self._users else pillow.MAX_IMAGE_PIXELS
        if limit is None or max_pixels <= 2 * limit:  # up to twice its limit Pillow only warns
            return False
        if not self._users:
            self._before = self._raised = limit
        self._users += 1
        self._raised = pillow.MAX_IMAGE_PIXELS = max(self._raised or 0, max_pixels)
        return True

    def _leave(self) -> None:
        from PIL import Image as pillow

        self._users -= 1
        if not self._users and self._raised == pillow.MAX_IMAGE_PIXELS:  # else the host has set another
            pillow.MAX_IMAGE_PIXELS = self._before


_LIMIT = _PixelLimit()
