"""Which thumbnails may show one picture, and in which way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from cnncodes.evaluation.checks.turning import find_fits, turn


def draw(count: int, seed: int = 0) -> np.ndarray:
    """Return thumbnails of tiles of a photograph."""
    photo = data.astronaut()
    corners = np.random.default_rng(seed).integers(0, 512 - 160, (count, 2))
    tiles = [
        Image.fromarray(photo[y : y + 160, x : x + 160]).convert("L").resize((64, 64)) for y, x in corners
    ]
    return np.stack([np.asarray(tile) for tile in tiles])


@pytest.mark.parametrize("way", range(8))
def test_a_turned_copy_is_a_fit_in_its_way(way: int) -> None:
    pictures = draw(12)
    copies = turn(pictures[:3], np.full(3, way))
    fits = find_fits(np.concatenate([pictures, copies]))
    found = dict(zip(map(tuple, fits.pairs.tolist()), fits.ways.tolist(), strict=True))
    for place in range(3):
        # The way back: what was turned by a quarter is turned the other way round.
        back = {5: 6, 6: 5}.get(way, way)
        assert found[place, 12 + place] == back
        assert np.array_equal(turn(copies, np.full(3, back))[place], pictures[place])


def test_turned_is_what_is_neither_upright_nor_mirrored() -> None:
    picture = draw(1)
    for way in range(8):
        fits = find_fits(np.concatenate([picture, turn(picture, np.array([way]))]))
        assert fits.turned.tolist() == [way > 1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.integers(0, 2**16))
def test_each_picture_is_turned_in_its_own_way(ways: list[int], seed: int) -> None:
    pictures = np.random.default_rng(seed).integers(0, 256, (len(ways), 4, 4), np.uint8)
    turned = turn(pictures, np.array(ways))
    for one, way, picture in zip(turned, ways, pictures, strict=True):
        expected = picture[:, ::-1] if way & 1 else picture
        expected = expected[::-1] if way & 2 else expected
        assert np.array_equal(one, expected.T if way & 4 else expected)


@pytest.mark.parametrize("count", [1, 2])
def test_plain_pictures_fit_nothing(count: int) -> None:
    assert not len(find_fits(np.full((count, 64, 64), 200, np.uint8)).pairs)
