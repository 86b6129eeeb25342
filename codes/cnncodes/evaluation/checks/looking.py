"""What an image is at a glance: its file, its size, a small grey picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cnncodes.images import Decoding, ImageRecord, content_hash, decode
from cnncodes.images.opening import open_image, opening

if TYPE_CHECKING:
    from cnncodes.images.records import Pixels

#: Side of the thumbnails, in pixels; the whole picture is squeezed into it, whatever its shape.
SIDE = 64


@dataclass(frozen=True)
class Look:
    """What is known of an image without the network.

    Attributes
    ----------
    content : str
        Hash of its content.
    width, height : int
        Pixels, as the file's header says: before it is turned upright.
    n_bytes : int
        Size of the file; 0 for what is in memory as pixels.
    format, mode : str
        Pillow's names, ``"JPEG"`` and ``"RGB"``; the format of what is in memory is ``"pixels"``.
    thumbnail : ndarray of uint8, shape (64, 64)
        Grey, the whole picture squeezed into a square.
    border : tuple of float
        Mean red, green and blue of the thumbnail's outermost pixels, 0 to 255.
    brightness : float
        Mean of the thumbnail, 0 to 255.
    spread : float
        Standard deviation over the thumbnail of the channel that varies most.
    """

    content: str
    width: int
    height: int
    n_bytes: int
    format: str
    mode: str
    thumbnail: npt.NDArray[np.uint8]
    border: tuple[float, float, float]
    brightness: float
    spread: float


@dataclass(frozen=True, slots=True, eq=False)
class WatchedRecord(ImageRecord):
    """A record that is looked at when it is first read, so that whatever reads it need not read it twice.

    Attributes
    ----------
    looks : dict
        Where the look goes, under the record's key.
    decoding : Decoding
        JPEGs are decoded at a reduced scale where that is ``"fast"``.
    """

    looks: dict[str, Look] = field(default_factory=dict)
    decoding: Decoding = field(default_factory=lambda: Decoding("fast"))

    def read(self) -> Pixels:
        """Return what the record holds.

        Raises
        ------
        UnreadableImage
            If it cannot be read, or not be decoded.
        """
        data = ImageRecord.read(self)
        if self.key not in self.looks:
            self.looks[self.key] = look_at(data, self.decoding)
        return data


def watch(
    records: Sequence[ImageRecord], looks: dict[str, Look], *, max_pixels: int | None = None
) -> list[WatchedRecord]:
    """Return records that leave a look in `looks` when they are read."""
    decoding = Decoding.make("fast", max_pixels)
    return [
        WatchedRecord(r.key, r.data, r.label, r.split, r.group, looks=looks, decoding=decoding)
        for r in records
    ]


def look_at(data: Pixels, decoding: Decoding = Decoding("fast")) -> Look:
    """Return what an image is at a glance.

    Raises
    ------
    UnreadableImage
        If it cannot be decoded.

    Examples
    --------
    >>> look = look_at(np.full((40, 60, 3), 200, np.uint8))
    >>> look.width, look.height, look.format, look.brightness, look.spread
    (60, 40, 'pixels', 200.0, 0.0)
    """
    from PIL import Image

    image = decode(data, decoding, short_side=SIDE)
    small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    grey = np.asarray(small.convert("L"))
    colors = np.asarray(small, dtype=np.float64)
    ring = np.concatenate([colors[0], colors[-1], colors[1:-1, 0], colors[1:-1, -1]])
    red, green, blue = (float(value) for value in ring.mean(axis=0))
    facts = _read_header(data, decoding.max_pixels)
    spread = float(colors.std(axis=(0, 1)).max())
    return Look(content_hash(data), *facts, grey, (red, green, blue), float(grey.mean()), spread)


def _read_header(data: Pixels, max_pixels: int) -> tuple[int, int, int, str, str]:
    """Return width, height, bytes, format and mode of what is known to be a picture."""
    if isinstance(data, bytes):
        with opening(max_pixels), open_image(data, max_pixels) as image:
            return image.width, image.height, len(data), str(image.format), image.mode
    if isinstance(data, np.ndarray):
        channels = data.shape[2] if data.ndim == 3 else 1
        return data.shape[1], data.shape[0], 0, "pixels", {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    return data.width, data.height, 0, "pixels", data.mode
