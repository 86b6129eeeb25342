"""Thumbnails: one by one for a gallery, and as one sheet for the map of codes."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.lanes import run_lanes
from cnncodes.errors import UnreadableImage
from cnncodes.images import Decoding, ImageRecord, decode
from cnncodes.plots.layout import Watch

if TYPE_CHECKING:
    from PIL.Image import Image

#: Longer side of a thumbnail in a gallery, and side of a tile of the sheet, in pixels.
SIDE, TILE = 160, 64
#: Tiles of a sheet at most, those in a row, and bytes of the sheet at most.
TILES, IN_ROW, SHEET_BYTES = 1200, 32, 3_000_000

#: Qualities of JPEG that are tried until a sheet is small enough.
_QUALITIES = (80, 65, 50, 35)


def shrink(image: Image, side: int = SIDE) -> Image:
    """Return an image, mode RGB, whose longer side is at most `side`; none is enlarged."""
    from PIL.Image import Resampling

    small = image.copy()
    small.thumbnail((side, side), Resampling.BICUBIC, reducing_gap=2.0)
    return small


def fill_tile(image: Image) -> Image:
    """Return an image, mode RGB, as large as a tile: in the middle of one nothing is seen of a tiny one."""
    from PIL.Image import Resampling

    if max(image.size) >= TILE:
        return shrink(image, TILE)
    scale = TILE / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Resampling.BICUBIC)


def to_jpeg(image: Image, quality: int = 82) -> bytes:
    """Return an image as a JPEG without metadata."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality, optimize=True)
    return stream.getvalue()


@dataclass(frozen=True)
class Sheet:
    """Thumbnails in rows of `IN_ROW`, from the left, then downwards.

    Attributes
    ----------
    jpeg : bytes
    images : ndarray of int64, shape (n_tiles,)
        Which image each tile shows.
    """

    jpeg: bytes
    images: npt.NDArray[np.int64]

    @property
    def columns(self) -> int:
        """Tiles in a row."""
        return min(IN_ROW, len(self.images))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return TILE * self.columns, TILE * -(-len(self.images) // self.columns)


def choose_tiles(wrong: npt.NDArray[np.bool_], tiles: int = TILES) -> npt.NDArray[np.int64]:
    """Choose the images that get a tile: all if there is room, else mistakes first, for up to half of it.

    The rest are drawn at random, always the same ones. Mistakes come first in the answer, too, since a sheet
    that grows too large loses its last tiles.

    Examples
    --------
    >>> choose_tiles(np.array([False, True, False]), 3)
    array([0, 1, 2])
    """
    if len(wrong) <= tiles:
        return np.arange(len(wrong))
    rng = np.random.default_rng(0)
    mistakes = rng.permutation(np.flatnonzero(wrong))[: tiles // 2]
    others = rng.permutation(np.setdiff1d(np.arange(len(wrong)), mistakes))
    return np.concatenate([mistakes, others[: tiles - len(mistakes)]])


def make_sheet(
    records: Sequence[ImageRecord],
    chosen: npt.NDArray[np.int64],
    *,
    max_pixels: int,
    n_jobs: int | None,
    watch: Watch,
    what: str = "thumbnails",
    max_bytes: int = SHEET_BYTES,
) -> Sheet | None:
    """Return the sheet of some images; None where none of them can be read.

    Parameters
    ----------
    records : sequence of ImageRecord
    chosen : ndarray of int64
        Those that get a tile; where there is no room for all, the last go without.
    max_pixels : int
        Images with more are left out.
    n_jobs : int or None
    watch : callable
        Told of progress.
    what : str
        What it is told is done.
    max_bytes : int
    """
    work = functools.partial(_read_tiles, Decoding("fast", max_pixels))
    progress = watch(what)
    tiles: list[Image | None] = []
    for tile in run_lanes(work, [records[i] for i in chosen], n_jobs):
        tiles.append(tile)
        progress(len(tiles), len(chosen), tiles.count(None))
    shown = [(image, tile) for image, tile in zip(chosen, tiles, strict=True) if tile is not None]
    if not shown:
        return None
    jpeg, count = _encode([tile for _, tile in shown], max_bytes)
    return Sheet(jpeg, np.array([image for image, _ in shown[:count]], dtype=np.int64))


def _read_tiles(decoding: Decoding, records: Sequence[ImageRecord]) -> list[Image | None]:
    tiles: list[Image | None] = []
    for record in records:
        try:
            tiles.append(fill_tile(decode(record.read(), decoding, short_side=TILE)))
        except UnreadableImage:  # it was readable a moment ago; the report says how many tiles there are
            tiles.append(None)
    return tiles


def _encode(tiles: list[Image], max_bytes: int) -> tuple[bytes, int]:
    """Return the sheet and how many tiles it holds: at a lower quality, and then fewer, until it is small."""
    while True:
        sheet = _paste(tiles)
        for quality in _QUALITIES:
            data = to_jpeg(sheet, quality)
            if len(data) <= max_bytes:
                return data, len(tiles)
        tiles = tiles[: len(tiles) * 3 // 4]


def _paste(tiles: list[Image]) -> Image:
    from PIL import Image as pillow

    columns = min(IN_ROW, len(tiles))  # as `Sheet.columns`
    sheet = pillow.new("RGB", (TILE * columns, TILE * -(-len(tiles) // columns)), (128, 128, 128))
    for place, tile in enumerate(tiles):
        left, top = TILE * (place % columns), TILE * (place // columns)
        sheet.paste(tile, (left + (TILE - tile.width) // 2, top + (TILE - tile.height) // 2))
    return sheet
