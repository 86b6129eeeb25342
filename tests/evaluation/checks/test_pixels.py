"""Copies of a photograph, and other photographs."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cnncodes.evaluation.checks.looking import look_at
from cnncodes.evaluation.checks.pixels import Likeness, compare_pictures

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")


def open_photo(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)())


def recompress(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file)


def shrink(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2))


def cut(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.crop((width // 20, 0, width, height - height // 20))


def mirror(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def dim(image: Image.Image) -> Image.Image:
    return image.point(lambda value: int(0.7 * value + 30))


def compare(first: Image.Image, second: Image.Image) -> Likeness:
    return compare_pictures(*(look_at(image).thumbnail[None] for image in (first, second)))


@pytest.mark.parametrize("change", [recompress, shrink, cut, mirror, dim])
@pytest.mark.parametrize("name", PHOTOS)
def test_a_copy_is_alike_in_every_place(name: str, change: object) -> None:
    photo = open_photo(name)
    found = compare(photo, change(photo))  # type: ignore[operator]
    assert found.whole[0] > 0.95 and found.detail[0] > 0.9 and found.place[0] > 0.6


@pytest.mark.parametrize(("first", "second"), [(a, b) for a in PHOTOS for b in PHOTOS if a < b])
def test_other_photographs_are_not(first: str, second: str) -> None:
    found = compare(open_photo(first), open_photo(second))
    assert found.whole[0] < 0.9 and found.detail[0] < 0.5


def test_what_differs_in_one_place_is_told_by_that_place() -> None:
    photo = open_photo("coffee")
    other = photo.copy()
    other.paste(mirror(photo.crop((0, 0, 150, 100))).rotate(180), (0, 0))
    found = compare(photo, other)
    assert found.place[0] < 0.5 < found.detail[0]


def test_the_order_of_two_pictures_changes_little() -> None:
    photo = open_photo("astronaut")
    there, back = compare(photo, cut(photo)), compare(cut(photo), photo)
    assert there.detail[0] == pytest.approx(back.detail[0], abs=0.05)


def test_pictures_without_contrast_are_like_nothing() -> None:
    flat = np.full((2, 64, 64), 128, np.uint8)
    found = compare_pictures(flat, flat)
    assert (found.detail == -1).all() and np.isfinite(found.whole).all()


def test_no_pairs_are_no_answers() -> None:
    none = np.empty((0, 64, 64), np.uint8)
    assert compare_pictures(none, none).whole.shape == (0,)
