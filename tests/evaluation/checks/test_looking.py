"""What an image is at a glance."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes.errors import UnreadableImage
from cnncodes.evaluation.checks.looking import Look, look_at, watch
from cnncodes.images import ImageRecord, content_hash


def encode(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def test_a_file_tells_its_size_type_and_mode() -> None:
    data = encode(Image.new("L", (400, 300), 77), "JPEG")
    look = look_at(data)
    assert (look.width, look.height, look.n_bytes, look.format, look.mode) == (
        400,
        300,
        len(data),
        "JPEG",
        "L",
    )
    assert look.content == content_hash(data) and look.brightness == pytest.approx(77, abs=1)


def test_the_border_is_the_outermost_ring() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1] = ((255, 0, 0),) * 4
    assert look_at(pixels).border == pytest.approx((255, 0, 0))


@pytest.mark.parametrize(("shape", "mode"), [((9, 7), "L"), ((9, 7, 1), "L"), ((9, 7, 4), "RGBA")])
def test_arrays_have_a_mode_too(shape: tuple[int, ...], mode: str) -> None:
    look = look_at(np.full(shape, 255, np.uint8))
    assert (look.width, look.height, look.format, look.mode, look.n_bytes) == (7, 9, "pixels", mode, 0)


def test_a_watched_record_is_read_once_and_looked_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(Image.new("RGB", (20, 10), "red"), "PNG"))
    looks: dict[str, Look] = {}
    [record] = watch([ImageRecord("a", path, "x", "train", "g")], looks)
    assert (record.label, record.split, record.group, record.is_file) == ("x", "train", "g", True)
    assert looks == {} and record.read() == path.read_bytes()
    first = looks["a"]
    record.read()
    assert looks["a"] is first


def test_what_is_no_picture_fails_as_it_is_read() -> None:
    looks: dict[str, Look] = {}
    [record] = watch([ImageRecord("a", b"no picture")], looks)
    with pytest.raises(UnreadableImage, match="not an image"):
        record.read()
    assert looks == {}


def test_the_limit_of_pixels_holds() -> None:
    [record] = watch([ImageRecord("a", np.zeros((20, 20), np.uint8))], {}, max_pixels=100)
    with pytest.raises(UnreadableImage, match="more than the limit"):
        record.read()
