"""Files that ask for more than their pixels need are refused; unusual but honest ones are not."""

from __future__ import annotations

import io
import struct
import time
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from cnncodes.errors import UnreadableImage
from cnncodes.images import Decoding, decode
from cnncodes.images.hazards import (
    FEW_TILES,
    MAX_FRACTIONS,
    MAX_SCANS,
    MAX_TILE,
    _is_one_scan,
    check_file,
    find_icon_sizes,
)

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))


def encode(kind: str, image: Image.Image = PICTURE, **options: Any) -> bytes:
    file = io.BytesIO()
    image.copy().save(file, kind, **options)
    return file.getvalue()


def refuse(data: bytes, match: str) -> None:
    with pytest.raises(UnreadableImage, match=match) as caught:
        decode(data)
    assert caught.value.stage == "decode"


def test_a_jpeg_of_too_many_scans_is_refused_and_one_of_many_is_not() -> None:
    data = encode("JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    scans = data.count(b"\xff\xda")

    def with_scans(count: int) -> bytes:
        return data[:-2] + data[last:-2] * (count - scans) + data[-2:]

    assert decode(with_scans(MAX_SCANS)).size == PICTURE.size
    refuse(with_scans(MAX_SCANS + 1), match="more than 500 scans, which would take too long")


@pytest.mark.parametrize("where", ["behind", "comment", "padding"])
def test_scans_are_those_of_the_picture_itself(where: str) -> None:
    noise = b"\xff\xda" * (2 * MAX_SCANS)
    data = encode("JPEG", **({"comment": noise} if where == "comment" else {}))
    if where == "behind":
        data += noise  # as a video that a telephone puts there
    elif where == "padding":
        data = data.replace(b"\xff\xda", b"\xff\xff\xff\xda") + noise
    assert decode(data).size == PICTURE.size


def make_icon(width: int, height: int, *, png: bool = True) -> bytes:
    picture = encode("PNG", Image.new("RGB", (width, height)))
    if not png:
        picture = encode("BMP", Image.new("RGB", (width, 2 * height)))[14:]
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 24, len(picture), 22) + picture


@pytest.mark.parametrize("is_png", [True, False])
def test_an_icon_is_as_large_as_its_picture(is_png: bool) -> None:
    icon = make_icon(200, 150, png=is_png)
    assert list(find_icon_sizes(icon)) == [(200, 150)]
    with pytest.raises(UnreadableImage, match="200 x 150 pixels are more than the limit of 29999"):
        decode(icon, Decoding(max_pixels=29_999))


def test_an_icon_larger_than_any_is_refused() -> None:
    refuse(make_icon(1025, 1024), match="an icon of 1025 x 1024 pixels: larger than any there is")


def test_an_icon_of_several_sizes_is_decoded() -> None:
    icon = encode("ICO", sizes=[(16, 12), (64, 48)])
    assert list(find_icon_sizes(icon)) == [(16, 12), (64, 48)]
    assert decode(icon, Decoding(max_pixels=64 * 48)).size == (64, 48)


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}])
@pytest.mark.parametrize("side", [16, 4096])
def test_tiles_of_an_honest_file_are_decoded(options: dict[str, Any], side: int) -> None:
    file = io.BytesIO()
    tifffile.imwrite(
        file, np.asarray(PICTURE), tile=(side, side), compression="zlib", photometric="rgb", **options
    )
    np.testing.assert_array_equal(np.asarray(decode(file.getvalue())), np.asarray(PICTURE))


@pytest.mark.parametrize(
    "options", [{}, {"bigtiff": True}, {"byteorder": ">"}, {"byteorder": ">", "bigtiff": True}]
)
def test_a_tile_far_larger_than_the_picture_is_refused(options: dict[str, Any]) -> None:
    file = io.BytesIO()
    side = 16 + int(MAX_TILE**0.5)
    tifffile.imwrite(file, np.zeros((8, 8), np.uint8), tile=(side, side), compression="zlib", **options)
    refuse(file.getvalue(), match=f"tiles of {side * side} pixels")


def test_fractions_and_tags_on_top_of_each_other_are_refused() -> None:
    def make(*entries: tuple[int, int, int, int]) -> bytes:
        packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
        return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + packed + bytes(8 * (MAX_FRACTIONS + 1))

    check_file(make((282, 5, MAX_FRACTIONS, 100)))
    with pytest.raises(
        UnreadableImage, match=f"tag 282 holds {MAX_FRACTIONS + 1} numbers, which would take too long"
    ):
        check_file(make((282, 5, MAX_FRACTIONS + 1, 100)))
    check_file(make(*((tag, 7, 500_000, 8) for tag in (700, 701))))
    with pytest.raises(UnreadableImage, match="on top of each other"):
        check_file(make(*((tag, 7, 500_000, 8) for tag in (700, 701, 702))))


HEADERS = {
    b"P6": b"%s 400 300 %s255\n" + bytes(3 * 400 * 300),
    b"P5": b"%s 400 300 %s255\n" + bytes(400 * 300),
    b"P4": b"%s 4000 300 %s\n" + bytes(500 * 300),
    b"P2": b"%s 200 300 %s255\n" + b"7 " * (200 * 300),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_a_long_comment_of_a_portable_bitmap_is_refused_and_a_short_one_is_not(kind: bytes) -> None:
    for comment in (b"", b"# by a camera # and a man\r\n#\n", b"#" + b"x" * 60_000 + b"\n"):
        data = HEADERS[kind] % (kind, comment)
        assert decode(data).size == Image.open(io.BytesIO(data)).size
    long = b"#" + b"x" * 10**7 + b"\n"
    for before in (long, b" " * 10**7, b"# \n" * 10**6, b"#" * 10**7 + b"\n"):
        started = time.process_time()
        with pytest.raises(UnreadableImage, match="a header of more than 65,536 bytes"):
            decode(kind + b" " + before + HEADERS[kind].removeprefix(b"%s") % b"")
        assert time.process_time() - started < 1


@pytest.mark.parametrize("no_jp2", [True, False])
def test_tiles_of_jpeg_2000_have_a_least_size(no_jp2: bool) -> None:
    picture = Image.new("L", (640, 640))
    data = encode("JPEG2000", picture, tile_size=(40, 40), num_resolutions=1, no_jp2=no_jp2)
    assert decode(data).size == (640, 640)  # as many as are few
    assert FEW_TILES == (640 // 40) ** 2
    many = encode("JPEG2000", picture, tile_size=(32, 32), num_resolutions=1, no_jp2=no_jp2)
    refuse(many, match="400 tiles, far more")


@pytest.mark.parametrize(
    "data", [b"II*\0", b"MM\0+\0\x08\0\0", b"\xff\x4f\xff\x51\0", b"\0\0\1\0\xff\xff", b"\xff\xd8"]
)
def test_what_is_cut_off_is_left_to_the_decoder(data: bytes) -> None:
    check_file(data)
    assert list(find_icon_sizes(data)) == []
    refuse(data, match="not an image of a known format|it begins as")


def test_a_decoders_own_words_are_explained() -> None:
    data = encode("TIFF", compression="tiff_lzw")
    refuse(data[:200] + bytes(2000) + data[2200:], match=r"decode: the file is damaged \(decoder error -2\)$")


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_sequential_picture_of_one_scan_is_known_by_its_header(mode: str) -> None:
    data = encode("JPEG", PICTURE.convert(mode), quality=95, comment=b"\xff\xc2\xff\xda" * 9)
    assert _is_one_scan(data)
    assert not _is_one_scan(encode("JPEG", PICTURE.convert(mode), progressive=True))
    assert not any(_is_one_scan(data[:end]) for end in range(0, data.rindex(b"\xff\xda"), 7))


def test_a_jpeg_whose_first_scan_lacks_a_colour_is_looked_through() -> None:
    data = encode("JPEG")
    at = data.rindex(b"\xff\xda")
    one_color = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + data[at + 14 : -2]
    assert not _is_one_scan(data[:at] + one_color + data[-2:])
    refuse(data[:at] + one_color * (MAX_SCANS + 1) + data[-2:], match="more than 500 scans")
