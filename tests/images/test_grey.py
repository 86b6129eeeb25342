"""Grey of more than 8 bits is as bright as its file says."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from cnncodes.errors import UnreadableImage
from cnncodes.images.decoding import decode

LEVELS = np.array([0, 1000, 0x7FFF, 40_000, 0xFFFF])


def make_tiff(values: np.ndarray, bits: int, *, photometric: int = 1, kind: int = 1, turn: int = 1) -> bytes:
    """Build a TIFF of one row by hand: Pillow writes few of those that it reads."""
    if bits == 12:
        packed = "".join(f"{value:012b}" for value in values)
        raw = bytes(int(packed[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(packed), 8))
    else:
        raw = values.astype({1: "<u2", 2: "<i2"}[kind]).tobytes()
    tags = {256: len(values), 257: 1, 258: bits, 259: 1, 262: photometric, 273: 8, 274: turn, 277: 1, 278: 1}
    tags |= {279: len(raw), 339: kind}
    raw += b"\0" * (len(raw) % 2)
    entries = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags.items())
    begin = struct.pack("<2sHI", b"II", 42, 8 + len(raw) + len(raw) % 2)
    return (
        begin + raw + b"\0" * (len(raw) % 2) + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    )


def read(data: bytes) -> list[int]:
    return np.asarray(decode(data))[..., 0].ravel().tolist()


def round_8(shares: np.ndarray) -> list[int]:
    return np.floor(shares * 255 + 0.5).astype(int).tolist()


def test_where_zero_is_white_a_picture_is_no_negative() -> None:
    expected = round_8(LEVELS / 0xFFFF)
    assert read(make_tiff(LEVELS, 16)) == expected
    assert read(make_tiff(0xFFFF - LEVELS, 16, photometric=0)) == expected


def test_it_is_so_too_of_a_picture_that_is_turned_or_was_opened_before() -> None:
    expected = round_8(LEVELS / 0xFFFF)
    data = make_tiff(0xFFFF - LEVELS, 16, photometric=0, turn=3)
    assert read(data) == expected[::-1]
    with Image.open(io.BytesIO(data)) as image:
        assert np.asarray(decode(image))[..., 0].ravel().tolist() == expected[::-1]


def test_12_bits_reach_white() -> None:
    values = np.array([0, 100, 2048, 4095])
    assert read(make_tiff(values, 12)) == round_8(values / 4095)


def test_signed_grey_reaches_white_and_is_refused_below_zero() -> None:
    values = np.array([0, 100, 16_000, 32_767])
    assert read(make_tiff(values, 16, kind=2)) == round_8(values / 32_767)
    with pytest.raises(UnreadableImage, match="negative grey values: their range cannot be known"):
        decode(make_tiff(-values, 16, kind=2))
