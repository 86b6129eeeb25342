"""What a small file may ask of its decoder beyond the size that its header states: found before it is opened.

Pillow looks at a picture's width and height. It decodes icons before anybody can, tiles of TIFF whole
whatever the picture's own size, as many passes over a JPEG as the file holds, and a comment in a portable
bitmap byte by byte.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from cnncodes.errors import UnreadableImage

#: Passes over a picture: a progressive JPEG has ten, and never needs more than a few hundred.
MAX_SCANS = 500
#: Pixels of an icon, which nobody can ask for room before it is decoded: sixteen times the largest there are.
MAX_ICON = 2**20
#: Pixels of a tile of TIFF, where that is more than the picture has itself.
MAX_TILE = 2**24
#: Numbers in one tag of TIFF that Pillow makes objects of, at a hundred bytes each.
MAX_FRACTIONS = 2**16
#: Tiles of JPEG 2000 cost ten kilobytes each, so they must not be smaller than that on average.
TILE_PIXELS = 64 * 64
FEW_TILES = 256
#: Bytes of the header of a portable bitmap (PBM, PGM, PPM, PFM).
MAX_HEADER = 2**16

_PORTABLE = (b"P0", b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"Pf", b"Py")
_COMMENT = re.compile(rb"#[^\r\n]*[\r\n]?")
_ICON = b"\0\0\1\0"
#: Bytes that are looked through at once.
_PART = 2**16
#: Bytes of one value of each type of TIFF.
_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_FRACTIONS, _NUMBERS = (5, 10), {1: "B", 3: "H", 4: "I", 16: "Q"}
_TILE_WIDTH, _TILE_HEIGHT, _WIDTH, _HEIGHT = 322, 323, 256, 257


def check_file(data: bytes) -> None:
    """Raise `UnreadableImage` if a file asks for far more than its pixels need."""
    if data.startswith(b"\xff\xd8"):
        _check_scans(data)
    elif data[:2] in (b"II", b"MM") and (b"*" in data[2:4] or b"+" in data[2:4]):
        _check_directory(data)
    elif data.startswith(_ICON):
        for width, height in find_icon_sizes(data):
            if width * height > MAX_ICON:
                raise UnreadableImage(
                    "decode", f"an icon of {width} x {height} pixels: larger than any there is"
                )
    elif data.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP")):
        _check_tiles(data)
    elif data[:2] in _PORTABLE and len(data) > MAX_HEADER:
        _check_header(data[:MAX_HEADER])


def _check_header(begin: bytes) -> None:
    """Raise where a portable bitmap's sizes come later: Pillow reads comments and spaces byte by byte."""
    told = _COMMENT.sub(b"", begin).split(maxsplit=4)
    if len(told) < (3 if begin[:2] in (b"P1", b"P4") else 4):  # without the most that a value may be
        raise UnreadableImage(
            "decode", f"a header of more than {MAX_HEADER:,} bytes: longer than any picture needs"
        )


def find_icon_sizes(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the sizes of an icon's pictures as they themselves state them; Pillow decodes one unasked.

    Examples
    --------
    >>> list(find_icon_sizes(b"no icon"))
    []
    """
    if not data.startswith(_ICON):
        return
    for start in range(6, 6 + 16 * int.from_bytes(data[4:6], "little"), 16):
        at = int.from_bytes(data[start + 12 : start + 16], "little")
        is_png = data[at : at + 8] == b"\x89PNG\r\n\x1a\n"
        form, where = (">ii", at + 16) if is_png else ("<ii", at + 4)
        if len(data) >= where + 8:
            width, height = struct.unpack_from(form, data, where)
            yield abs(width), abs(height) if is_png else abs(height) // 2  # colours, and a mask below them


def _check_scans(data: bytes) -> None:
    if _is_one_scan(data):
        return
    import numpy as np

    # By NumPy: bytes.count takes as long as a tenth of the decoding, and keeps other lanes waiting. In parts,
    # which take no memory that nobody has counted.
    values, starts = np.frombuffer(data, np.uint8), 0
    for at in range(0, len(values), _PART):
        part = values[at : at + _PART + 1]
        starts += int(np.count_nonzero((part[:-1] == 0xFF) & (part[1:] == 0xDA)))
    # Thumbnails, and videos behind the picture, may hold these bytes too: then they are counted one by one.
    if starts > MAX_SCANS and _count_scans(data) > MAX_SCANS:
        raise UnreadableImage("decode", f"a JPEG of more than {MAX_SCANS} scans, which would take too long")


def _is_one_scan(data: bytes) -> bool:
    """Whether a sequential JPEG's first scan holds all its colours: libjpeg decodes no scan behind it."""
    at, colors = 2, 0
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:
            return 0 < data[at + 4] == colors
        if marker in (0xC0, 0xC1):
            colors = data[at + 9]
        elif 0xC0 < marker < 0xD0 and marker != 0xC4:  # progressive, arithmetic, or no picture's header
            return False
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _count_scans(data: bytes) -> int:
    scans, at = 0, 2
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        if marker == 0xD9:  # the picture's end
            break
        scans += marker == 0xDA
        if marker >= 0xC0 and not 0xD0 <= marker <= 0xD8 and marker != 0xFF:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        else:  # a restart, a byte 255 of a scan, or padding
            at += 1 if marker == 0xFF else 2
    return scans


def _check_directory(data: bytes) -> None:
    order = "<" if data.startswith(b"II") else ">"
    is_big = b"+" in data[2:4]
    head, size, field = ("Q", "HHQ", "Q") if is_big else ("H", "HHI", "I")
    try:
        (start,) = struct.unpack_from(order + field, data, 8 if is_big else 4)
        (count,) = struct.unpack_from(order + head, data, start)
        first, step = start + struct.calcsize("=" + head), struct.calcsize("=" + size + field)
        count = min(count, (len(data) - first) // step)
        total = 0
        numbers: dict[int, int] = {}
        for at in range(first, first + count * step, step):
            tag, kind, values = struct.unpack_from(order + size, data, at)
            if kind in _FRACTIONS and values > MAX_FRACTIONS:
                raise UnreadableImage(
                    "decode", f"tag {tag} holds {values} numbers, which would take too long"
                )
            length = values * _SIZES.get(kind, 0)
            total += length if length <= len(data) else 0  # Pillow passes over what the file cannot hold
            if kind in _NUMBERS and values == 1:
                value = struct.unpack_from(order + _NUMBERS[kind], data, at + step - struct.calcsize(field))[
                    0
                ]
                numbers[tag] = max(value, numbers.get(tag, 0))
    except struct.error:
        return  # cut off: Pillow says so
    if total > 2 * len(data):
        raise UnreadableImage("decode", "its tags lie on top of each other: it was made to take memory")
    tile = numbers.get(_TILE_WIDTH, 0) * numbers.get(_TILE_HEIGHT, 0)
    if tile > max(MAX_TILE, 4 * numbers.get(_WIDTH, 0) * numbers.get(_HEIGHT, 0)):
        raise UnreadableImage("decode", f"tiles of {tile} pixels, far more than the picture has")


def _check_tiles(data: bytes) -> None:
    for found in re.finditer(rb"\xff\x4f\xff\x51", data):
        if len(data) < found.end() + 36:
            return
        right, bottom, left, top, width, height, first_x, first_y = struct.unpack_from(
            ">8I", data, found.end() + 4
        )
        if width and height:
            tiles = max(0, -(-(right - first_x) // width)) * max(0, -(-(bottom - first_y) // height))
            pixels = max(0, right - left) * max(0, bottom - top)
            if tiles > max(FEW_TILES, pixels // TILE_PIXELS):
                raise UnreadableImage("decode", f"{tiles} tiles, far more than so many pixels need")
