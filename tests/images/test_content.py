"""Content: equal for what shows the same by the same bytes, different for all else."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnncodes.errors import UnreadableImage
from cnncodes.images import ImageRecord, content_hash

ARRAY = np.random.default_rng(0).integers(0, 256, (6, 4, 3), np.uint8)


@given(st.binary(), st.binary())
def test_files_are_equal_where_their_bytes_are(a: bytes, b: bytes) -> None:
    assert re.fullmatch("[0-9a-f]{32}", content_hash(a))
    assert (content_hash(a) == content_hash(b)) == (a == b)
    assert content_hash(bytes(bytearray(a))) == content_hash(a)


def test_a_moved_file_keeps_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"picture")
    (tmp_path / "b.jpg").write_bytes(b"picture")
    assert len({content_hash(ImageRecord(n, tmp_path / n).read()) for n in ("a.jpg", "b.jpg")}) == 1


def test_arrays_differ_by_shape_and_by_each_pixel() -> None:
    others = [ARRAY.reshape(4, 6, 3), ARRAY[:, :, :1], ARRAY[::-1], ARRAY.transpose(1, 0, 2), ARRAY[:5]]
    changed = ARRAY.copy()
    changed[-1, -1, -1] ^= 1
    hashes = {content_hash(array) for array in (ARRAY, changed, *others)}
    assert len(hashes) == 7


def test_arrays_of_other_types_are_not_the_images_of_the_same_bytes() -> None:
    assert len({content_hash(ARRAY.view(kind)) for kind in (np.uint8, np.int8, np.bool_, "S1")}) == 4


def test_how_an_array_lies_in_memory_does_not_matter() -> None:
    assert content_hash(np.asfortranarray(ARRAY)) == content_hash(ARRAY)
    assert content_hash(ARRAY[::-1, ::2]) == content_hash(ARRAY[::-1, ::2].copy())


def test_pictures_differ_by_mode_pixels_palette_and_transparency() -> None:
    picture = Image.fromarray(ARRAY)
    assert content_hash(picture) == content_hash(picture.copy())
    first = Image.new("P", (2, 1))
    first.putpalette([1, 2, 3, 4, 5, 6])
    second = first.copy()
    second.putpalette([1, 2, 3, 4, 5, 7])
    clear = first.copy()
    clear.info["transparency"] = 0
    shapes = [
        Image.new("L", (2, 3)),
        Image.new("L", (3, 2)),
        Image.new("1", (3, 2)),
        Image.new("RGB", (1, 2)),
    ]
    changed = picture.copy()
    changed.putpixel((0, 0), (1, 2, 3))
    pictures = [picture, changed, first, second, clear, *shapes]
    assert len({content_hash(image) for image in pictures}) == len(pictures)


def test_pictures_that_stand_differently_differ() -> None:
    hashes = set()
    for orientation in (1, 3, 6):
        exif = Image.Exif()
        exif[0x0112] = orientation
        file = io.BytesIO()
        Image.fromarray(ARRAY).save(file, "PNG", exif=exif)
        hashes.add(content_hash(Image.open(file)))
    assert len(hashes) == 3


def test_an_opened_picture_that_cannot_be_decoded_is_unreadable() -> None:
    file = io.BytesIO()
    Image.fromarray(ARRAY.repeat(20, 0).repeat(20, 1)).save(file, "JPEG")
    image = Image.open(io.BytesIO(file.getvalue()[:-100]))
    with pytest.raises(UnreadableImage, match="truncated") as caught:
        content_hash(image)
    assert caught.value.stage == "decode"
