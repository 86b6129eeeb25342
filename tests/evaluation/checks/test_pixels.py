"""Copies of a photograph, and other photographs."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cnncodes.evaluation.checks.looking import look_at
from cnncodes.evaluation.checks.pixels import Likeness, compare_pictures

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
TEXTURES = ("brick", "camera", "coins", "grass", "gravel", "moon")
Change = Callable[[Image.Image], Image.Image]


def open_photo(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)())


def see_through_oval(image: Image.Image, background: int) -> Image.Image:
    """Cut one outline out of the middle, faint against a plain background, as parts and cells are shown."""
    y, x = np.mgrid[-1:1:224j, -1:1:224j]
    faint = 100 + np.asarray(image.convert("L").resize((224, 224))) // 4
    return Image.fromarray(np.where((x / 0.6) ** 2 + (y / 0.8) ** 2 < 1, faint, background).astype(np.uint8))


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


CHANGES = (recompress, shrink, cut, mirror, dim)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", PHOTOS)
def test_a_copy_is_alike_in_structure_and_tone(name: str, change: Change) -> None:
    photo = open_photo(name)
    found = compare(photo, change(photo))
    assert found.structure[0] > 0.9 and found.tone[0] < 0.2


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("background", [0, 255])
def test_a_copy_is_so_on_a_plain_background(background: int, change: Change) -> None:
    picture = see_through_oval(open_photo("coins"), background)
    found = compare(picture, change(picture))
    assert found.structure[0] > 0.9 and found.tone[0] < 0.2


@pytest.mark.parametrize(("first", "second"), [(a, b) for a in PHOTOS for b in PHOTOS if a < b])
def test_other_photographs_are_not(first: str, second: str) -> None:
    assert compare(open_photo(first), open_photo(second)).structure[0] < 0.5


@pytest.mark.parametrize("background", [0, 255])
def test_an_outline_alone_makes_no_copy(background: int) -> None:
    pictures = [see_through_oval(open_photo(name), background) for name in TEXTURES]
    thumbnails = np.stack([look_at(picture).thumbnail for picture in pictures])
    first, second = np.triu_indices(len(thumbnails), 1)
    assert compare_pictures(thumbnails[first], thumbnails[second]).structure.max() < 0.85


def test_what_differs_in_one_place_is_told() -> None:
    photo = open_photo("coffee")
    other = photo.copy()
    other.paste(mirror(photo.crop((0, 0, 150, 100))).rotate(180), (0, 0))
    found = compare(photo, other)
    assert found.structure[0] < 0.9 and found.tone[0] > 0.2


def test_the_order_of_two_pictures_changes_little() -> None:
    photo = open_photo("astronaut")
    there, back = compare(photo, cut(photo)), compare(cut(photo), photo)
    assert there.structure[0] == pytest.approx(back.structure[0], abs=0.05)
    assert there.tone[0] == pytest.approx(back.tone[0], abs=0.05)


def test_pictures_without_contrast_are_like_nothing() -> None:
    flat = np.full((2, 64, 64), 128, np.uint8)
    found = compare_pictures(flat, flat)
    assert (found.structure == -1).all()


def test_no_pairs_are_no_answers() -> None:
    none = np.empty((0, 64, 64), np.uint8)
    assert compare_pictures(none, none).structure.shape == (0,)
