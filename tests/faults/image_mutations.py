"""Damaged pictures of every format that is decoded: the n-th of them is always the same."""

from __future__ import annotations

import functools
import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 40, 56

#: Numbers at which sizes and offsets overflow.
ODD = (0, 1, 2, 7, 8, 16, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return a picture as the bytes of a file."""
    file = io.BytesIO()
    if "append_images" in options:
        options["append_images"] = [frame.copy() for frame in options["append_images"]]
    image.copy().save(file, kind, **options)  # a copy: saving leaves settings of one format for the next
    return file.getvalue()


def _pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (3, 6, 8, 3), np.uint8)
    # Smooth with some noise: coefficients of every kind, and runs for the dictionaries.
    return [Image.fromarray(p).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC) for p in small]


@functools.cache
def seeds() -> dict[str, bytes]:
    """Return whole files by name; the name up to the first hyphen is the format."""
    first, *others = _pictures()
    alpha = Image.merge("RGBA", (*first.split(), others[0].convert("L")))
    deep = Image.fromarray((np.asarray(first)[:, :, 0].astype(np.uint16) * 257).astype(np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = {"save_all": True, "append_images": others}
    files = {
        "jpeg": encode(first, "JPEG", exif=exif, icc_profile=b"profile" * 9, comment=b"comment"),
        "jpeg-progressive": encode(first, "JPEG", progressive=True, subsampling=2),
        "jpeg-grey": encode(first.convert("L"), "JPEG"),
        "jpeg-cmyk": encode(first.convert("CMYK"), "JPEG"),
        "jpeg-restart": encode(first, "JPEG", restart_marker_rows=1),
        "jpeg-mpo": encode(first, "MPO", **frames),
        "png": encode(first, "PNG", exif=exif, icc_profile=b"profile" * 9, dpi=(72, 72)),
        "png-palette": encode(first.quantize(16), "PNG", transparency=3),
        "png-alpha": encode(alpha, "PNG"),
        "png-grey16": encode(deep, "PNG"),
        "png-bits": encode(first.convert("1"), "PNG"),
        "png-animated": encode(first, "PNG", **frames),
        "webp": encode(first, "WEBP", exif=exif),
        "webp-lossless": encode(alpha, "WEBP", lossless=True),
        "webp-alpha": encode(alpha, "WEBP"),
        "webp-animated": encode(first, "WEBP", **frames),
        "gif": encode(first, "GIF", comment=b"comment"),
        "gif-transparent": encode(first.quantize(16), "GIF", transparency=3, interlace=1),
        "gif-animated": encode(first, "GIF", **frames),
        "tiff": encode(first, "TIFF", exif=exif),
        "tiff-lzw": encode(first, "TIFF", compression="tiff_lzw"),
        "tiff-deflate": encode(alpha, "TIFF", compression="tiff_adobe_deflate", strip_size=512),
        "tiff-jpeg": encode(first, "TIFF", compression="jpeg"),
        "tiff-packbits": encode(first.quantize(16), "TIFF", compression="packbits"),
        "tiff-fax": encode(first.convert("1"), "TIFF", compression="group4"),
        "tiff-grey16": encode(deep, "TIFF"),
        "tiff-big": encode(first, "TIFF", big_tiff=True),
        "tiff-pages": encode(first, "TIFF", **frames),
        "bmp": encode(first, "BMP"),
        "bmp-palette": encode(first.quantize(16), "BMP"),
        "bmp-bits": encode(first.convert("1"), "BMP"),
        "ppm": encode(first, "PPM"),
        "ppm-grey": encode(first.convert("L"), "PPM"),
        "ppm-text": b"P3 8 6 255 " + b" ".join(b"%d" % (i * 7 % 256) for i in range(144)),
        "jp2": encode(first, "JPEG2000"),
        "jp2-tiles": encode(first, "JPEG2000", tile_size=(16, 16), irreversible=True, quality_layers=[8]),
        "jp2-stream": encode(first, "JPEG2000", no_jp2=True),
        "ico": encode(first, "ICO", sizes=[(32, 32), (16, 16)]),
        "ico-bmp": encode(alpha, "ICO", sizes=[(32, 32)], bitmap_format="bmp"),
        "qoi": encode(first, "QOI"),
    }
    Image.init()
    if "AVIF" in Image.SAVE:
        files["avif"] = encode(first, "AVIF", speed=9, exif=exif)
        files["avif-animated"] = encode(first, "AVIF", speed=9, **frames)
    return files


def mutate(number: int) -> tuple[str, bytes]:
    """Return the name of a whole file, and that file damaged in one of many ways."""
    rng = random.Random(number)
    name = rng.choice(sorted(seeds()))
    data = bytearray(seeds()[name])
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = rng.choice(MUTATORS)(rng, data, name)
    if name.startswith("png") and rng.random() < 0.8:
        data = mend_checksums(data)
    return name, bytes(data)


def make_chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def mend_checksums(data: bytes) -> bytearray:
    """Give each chunk of a PNG file the checksum that it should have: others go no further."""
    mended = bytearray(data)
    for start, length in _chunks(data):
        body = data[start + 4 : start + 8 + length]
        mended[start + 8 + length : start + 12 + length] = struct.pack(">I", zlib.crc32(body))
    return mended


def _chunks(data: bytes) -> Iterator[tuple[int, int]]:
    start = 8
    while start + 12 <= len(data):
        length = int.from_bytes(data[start : start + 4], "big")
        if start + 12 + length > len(data):
            return
        yield start, length
        start += 12 + length


def _body(rng: random.Random, data: bytearray) -> int:
    """Return a place behind the header, wherever that ends."""
    return rng.randrange(min(len(data) * 2 // 5, len(data) - 1), len(data)) if len(data) > 1 else 0


def _change_body(rng: random.Random, data: bytearray, name: str) -> bytearray:
    for _ in range(rng.randrange(1, 9)):
        if data:
            data[_body(rng, data)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return data


def _change_bits(rng: random.Random, data: bytearray, name: str) -> bytearray:
    for _ in range(rng.randrange(1, 5)):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def _change_header(rng: random.Random, data: bytearray, name: str) -> bytearray:
    for _ in range(rng.randrange(1, 4)):
        if data:
            data[rng.randrange(min(96, len(data)))] = rng.randrange(256)
    return data


def _put_odd_number(rng: random.Random, data: bytearray, name: str) -> bytearray:
    width = rng.choice((1, 2, 4))
    number = rng.choice((*ODD, len(data), rng.randrange(2**32))) & (2 ** (8 * width) - 1)
    place = rng.randrange(max(1, len(data) - width))
    data[place : place + width] = number.to_bytes(width, rng.choice(("big", "little")))
    return data


def _cut(rng: random.Random, data: bytearray, name: str) -> bytearray:
    return data[: _body(rng, data) if rng.random() < 0.7 else rng.randrange(len(data) + 1)]


def _drop(rng: random.Random, data: bytearray, name: str) -> bytearray:
    start = _body(rng, data)
    return data[:start] + data[start + rng.randrange(1, 64) :]


def _double(rng: random.Random, data: bytearray, name: str) -> bytearray:
    start = _body(rng, data)
    end = start + rng.randrange(1, 400)
    return data[:end] + data[start:end] * rng.choice((1, 2, 30)) + data[end:]


def _splice(rng: random.Random, data: bytearray, name: str) -> bytearray:
    kind = name.split("-")[0]
    other = seeds()[rng.choice([known for known in sorted(seeds()) if known.split("-")[0] == kind])]
    start, length = rng.randrange(len(other)), rng.randrange(1, 300)
    place = _body(rng, data)
    return data[:place] + other[start : start + length] + data[place + rng.choice((0, length)) :]


def _change_structure(rng: random.Random, data: bytearray, name: str) -> bytearray:
    kind = name.split("-")[0]
    return _STRUCTURES.get(kind, _change_body)(rng, data, name)


def _change_png(rng: random.Random, data: bytearray, name: str) -> bytearray:
    """Change a chunk's order, name or body, or what the pixels' chunks unpack to."""
    chunks = [bytes(data[s : s + 12 + n]) for s, n in _chunks(data)]
    if not chunks:
        return data
    at = rng.randrange(len(chunks))
    name_, body = chunks[at][4:8], bytearray(chunks[at][8:-4])
    if name_ == b"IDAT" and rng.random() < 0.7:
        try:
            raw = bytearray(zlib.decompress(body))
        except zlib.error:
            return data
        body = bytearray(zlib.compress(_change_body(rng, raw[: rng.choice((len(raw), len(raw) // 2))], "")))
    elif body:
        body[rng.randrange(len(body))] = rng.randrange(256)
    chunks[at] = make_chunk(rng.choice((name_, name_, b"IDAT", b"tRNS", b"zTXt", b"fcTL")), bytes(body))
    chunks.insert(rng.randrange(len(chunks) + 1), chunks[rng.randrange(len(chunks))])
    return data[:8] + b"".join(chunks)


def _change_jpeg(rng: random.Random, data: bytearray, name: str) -> bytearray:
    """Change a byte of one of the segments, or copy one of them elsewhere."""
    places = [i for i in range(len(data) - 4) if data[i] == 0xFF and data[i + 1] not in (0, 0xFF)]
    if not places:
        return data
    start = rng.choice(places)
    length = 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    if rng.random() < 0.6:
        place = start + rng.randrange(1, min(length, 40))
        data[min(place, len(data) - 1)] = rng.randrange(256)
        return data
    where = rng.choice(places)
    return data[:where] + data[start : start + length] * rng.choice((1, 3)) + data[where:]


def _change_tiff(rng: random.Random, data: bytearray, name: str) -> bytearray:
    """Change a field of an entry of the first directory, or where the next directory is."""
    order, is_big = "little" if data[:1] == b"I" else "big", data[2:3] == b"+"
    size, at = (20, 8) if is_big else (12, 4)
    start = int.from_bytes(data[at : at + (8 if is_big else 4)], order)  # type: ignore[arg-type]
    head = 8 if is_big else 2
    count = int.from_bytes(data[start : start + head], order)  # type: ignore[arg-type]
    if not 0 < count < 100 or start + head + count * size > len(data):
        return data
    entry = start + head + rng.randrange(count) * size
    fields = ((0, 2), (2, 2), (4, 4), (size - 4, 4), (count * size - (entry - start - head), 4))
    offset, width = rng.choice(fields)
    number = rng.choice((*ODD, start, entry, len(data) - 1, rng.randrange(1, 400)))
    data[entry + offset : entry + offset + width] = (number & (2 ** (8 * width) - 1)).to_bytes(width, order)  # type: ignore[arg-type]
    return data


_Mutator = Callable[[random.Random, bytearray, str], bytearray]
_STRUCTURES: dict[str, _Mutator] = {"png": _change_png, "jpeg": _change_jpeg, "tiff": _change_tiff}
MUTATORS: tuple[_Mutator, ...] = (
    _change_body, _change_body, _change_bits, _change_header, _put_odd_number, _cut, _drop, _double,
    _splice, _change_structure, _change_structure, _change_structure,
)  # fmt: skip
