"""Small files that ask for much: of memory, or of time. Each is decoded with a limit of a million pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
from image_mutations import encode, make_chunk, seeds
from PIL import Image

_PNG = b"\x89PNG\r\n\x1a\n"


def _png(width: int, height: int, *chunks: bytes, pixels: bytes = b"") -> bytes:
    header = make_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return _PNG + header + b"".join(chunks) + make_chunk(b"IDAT", pixels) + make_chunk(b"IEND", b"")


def _zeros(mebibytes: int) -> bytes:
    """Return what unpacks to so many MiB."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(mebibytes)) + packer.flush()


def _tiff(*entries: tuple[int, int, int, int], data: bytes = b"", next_at: int = 0) -> bytes:
    """Return a TIFF file with one directory of (tag, type, count, value or place), and data behind it."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + struct.pack("<I", next_at) + data


def _grey_tiff(width: int, height: int, *entries: tuple[int, int, int, int], data: bytes = b"") -> bytes:
    shape = ((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1))
    return _tiff(*shape, *entries, data=data)


def huge_tile() -> bytes:
    """Ten by ten pixels in a tile of 16,384 by 16,384, packed into a quarter of a megabyte."""
    packed = _zeros(256)
    start = 8 + 2 + 12 * 10 + 4
    tile = ((322, 4, 1, 16384), (323, 4, 1, 16384), (324, 4, 1, start), (325, 4, 1, len(packed)))
    return _grey_tiff(10, 10, (259, 3, 1, 8), *tile, data=packed)


def huge_strip() -> bytes:
    """Ten by ten pixels in one strip that unpacks to 256 MiB."""
    packed = _zeros(256)
    start = 8 + 2 + 12 * 9 + 4
    strip = ((273, 4, 1, start), (278, 4, 1, 2**28 // 10), (279, 4, 1, len(packed)))
    return _grey_tiff(10, 10, (259, 3, 1, 8), *strip, data=packed)


def shared_tags() -> bytes:
    """Sixty thousand tags that all lie in the same place: 40 GB of values."""
    count = 60_000
    entries = [(1000 + i, 7, count * 12, 8) for i in range(count)]
    return _tiff(*entries)


def many_fractions() -> bytes:
    """A resolution of a million fractions."""
    start = 8 + 2 + 12 * 7 + 4
    return _grey_tiff(10, 10, (282, 5, 10**6, start), (273, 4, 1, start), data=bytes(8 * 10**6))


def looping_directories() -> bytes:
    """A directory whose next one is itself."""
    data = bytearray(seeds()["tiff"])
    start = int.from_bytes(data[4:8], "little")
    end = start + 2 + 12 * int.from_bytes(data[start : start + 2], "little")
    data[end : end + 4] = data[4:8]
    return bytes(data)


def many_directories() -> bytes:
    """A chain of a hundred thousand directories behind one picture."""
    data = bytearray(seeds()["tiff"])
    start = int.from_bytes(data[4:8], "little")
    end = start + 2 + 12 * int.from_bytes(data[start : start + 2], "little")
    data[end : end + 4] = struct.pack("<I", len(data))
    first = len(data)
    for i in range(100_000):
        data += struct.pack("<HHHIII", 1, 256, 4, 1, 1, first + 18 * (i + 1))
    return bytes(data)


def shared_exif() -> bytes:
    """Exif in sixteen segments of a JPEG file, whose tags all lie in the same place."""
    body = shared_tags()
    parts = [body[i : i + 65_000] for i in range(0, len(body), 65_000)]
    segments = [b"\xff\xe1" + struct.pack(">H", len(part) + 8) + b"Exif\0\0" + part for part in parts]
    return b"\xff\xd8" + b"".join(segments) + seeds()["jpeg-grey"][2:]


def many_scans() -> bytes:
    """A progressive JPEG of a million pixels whose last scan comes ten thousand times."""
    picture = Image.fromarray(np.zeros((1000, 1000, 3), np.uint8))
    data = encode(picture, "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * 10_000 + data[-2:]


def hidden_icon(width: int = 12_000) -> bytes:
    """An icon of 16 by 16 pixels that is a PNG of 144 million."""
    rows = zlib.compress(bytes((3 * width + 1) * width), 9)
    picture = _png(width, width, pixels=rows)
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(picture), 22) + picture


def hidden_avif() -> bytes:
    """An AVIF of nine million pixels whose container claims 64 by 64."""
    data = encode(Image.new("RGB", (3000, 3000)), "AVIF", speed=10)
    return data.replace(struct.pack(">II", 3000, 3000), struct.pack(">II", 64, 64))


def hidden_jp2() -> bytes:
    """A JPEG 2000 of nine million pixels whose container claims 64 by 64."""
    data = encode(Image.new("RGB", (3000, 3000)), "JPEG2000")
    at = data.index(b"ihdr") + 4
    return data[:at] + struct.pack(">II", 64, 64) + data[at + 8 :]


def many_tiles() -> bytes:
    """A JPEG 2000 of a million pixels in sixty thousand tiles."""
    return encode(Image.new("L", (1000, 1000)), "JPEG2000", tile_size=(4, 4), num_resolutions=1)


def long_comment() -> bytes:
    """A GIF with forty megabytes of comment, in blocks of 255 bytes."""
    data = seeds()["gif"]
    at = data.index(b"\x21\xfe")
    return data[:at] + b"\x21\xfe" + (b"\xff" + b"x" * 255) * 160_000 + b"\0" + data[at:]


def many_frames() -> bytes:
    """A GIF of ten thousand frames."""
    data = seeds()["gif"]
    at = data.rindex(b"\x2c")
    return data[:-1] + data[at:-1] * 10_000 + data[-1:]


def many_webp_frames() -> bytes:
    """An animated WebP of twenty thousand frames."""
    data = seeds()["webp-animated"]
    at = data.rindex(b"ANMF")
    body = data[12:] + data[at:] * 20_000
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def long_profile() -> bytes:
    """A JPEG with a colour profile in five hundred segments of 64 KB."""
    part = b"\xff\xe2" + struct.pack(">H", 65_535) + b"ICC_PROFILE\0\1\1" + bytes(65_519)
    return b"\xff\xd8" + part * 500 + seeds()["jpeg-grey"][2:]


def _huge_webp() -> bytes:
    data = bytearray(seeds()["webp-animated"])
    data[24:30] = (16_382).to_bytes(3, "little") * 2
    return bytes(data)


BOMBS: dict[str, Callable[[], bytes]] = {
    "png-size": lambda: _png(60_000, 60_000, pixels=_zeros(64)),
    "png-size-within-pillows-limit": lambda: _png(12_000, 12_000, pixels=_zeros(412)),
    "png-pixels": lambda: _png(100, 100, pixels=_zeros(256)),
    "png-text": lambda: _png(8, 8, *[make_chunk(b"zTXt", b"a%d\0\0" % i + _zeros(1)) for i in range(900)]),
    "png-one-text": lambda: _png(8, 8, make_chunk(b"zTXt", b"a\0\0" + _zeros(256))),
    "png-international-text": lambda: _png(8, 8, make_chunk(b"iTXt", b"a\0\1\0\0\0" + _zeros(256))),
    "png-profile": lambda: _png(8, 8, make_chunk(b"iCCP", b"a\0\0" + _zeros(256))),
    "png-exif": lambda: _png(8, 8, make_chunk(b"eXIf", shared_tags()), pixels=zlib.compress(bytes(25 * 8))),
    "png-many-chunks": lambda: _png(8, 8, make_chunk(b"tEXt", b"a\0b") * 200_000),
    "gif-size": lambda: seeds()["gif"][:6] + b"\xff\xff\xff\xff" + seeds()["gif"][10:],
    "gif-comment": long_comment,
    "gif-frames": many_frames,
    "webp-size": _huge_webp,
    "webp-frames": many_webp_frames,
    "tiff-size": lambda: _grey_tiff(10**6, 10**6, (273, 4, 1, 8), (259, 3, 1, 8)),
    "tiff-samples": lambda: _grey_tiff(1000, 1000, (277, 3, 1, 65_535), (273, 4, 1, 8)),
    "tiff-tile": huge_tile,
    "tiff-strip": huge_strip,
    "tiff-shared-tags": shared_tags,
    "tiff-fractions": many_fractions,
    "tiff-loop": looping_directories,
    "tiff-directories": many_directories,
    "jpeg-size": lambda: seeds()["jpeg-grey"].replace(b"\0\x28\0\x38", b"\xff\xff\xff\xff", 1),
    "jpeg-exif": shared_exif,
    "jpeg-scans": many_scans,
    "jpeg-profile": long_profile,
    "bmp-size": lambda: seeds()["bmp"][:18] + struct.pack("<ii", 10**5, -(10**5)) + seeds()["bmp"][26:],
    "ppm-size": lambda: b"P6 100000 100000 255 \0",
    "ppm-comment": lambda: b"P6 #" + b"x" * 10**7 + b"\n8 8 255 " + bytes(192),
    "qoi-size": lambda: b"qoif" + struct.pack(">IIBB", 10**6, 10**6, 3, 0) + bytes(100),
    "ico-hidden": hidden_icon,
    "avif-hidden": hidden_avif,
    "jp2-hidden": hidden_jp2,
    "jp2-tiles": many_tiles,
}  # fmt: skip
Image.init()
if "AVIF" not in Image.SAVE:
    del BOMBS["avif-hidden"]
