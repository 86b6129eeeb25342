"""Geometry: points go where the formulas say, pixels follow the points, borders are the picture's own."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from skimage import data

from cnncodes.backbones.frame import Frame
from cnncodes.errors import UnreadableImage
from cnncodes.views.warp import Warp

FRAME = Frame(224, 224, 256)
PHOTO = Image.fromarray(data.coffee())
CENTER = (100.0, 50.0, 450.0, 400.0)  # in a picture of 600 x 400
#: 200 x 200 pixels: the view magnifies a little, and nothing is shrunk.
SMALL = (200.0, 100.0, 400.0, 300.0)

warps = st.builds(
    Warp,
    translation=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
    angle=st.floats(-180, 180),
    stretch=st.tuples(st.floats(0.5, 2), st.floats(0.5, 2)),
    shear=st.tuples(st.floats(-30, 30), st.floats(-30, 30)),
    perspective=st.one_of(st.just(()), st.tuples(*[st.floats(-0.2, 0.2)] * 8)),
    k1=st.floats(-0.2, 0.2),
    k2=st.floats(-0.05, 0.05),
)


def exact(image: np.ndarray, warp: Warp, box, mode: str) -> np.ndarray:
    """Sample every pixel at its own exact place, bilinearly."""
    grid = np.stack(np.meshgrid(np.arange(224) + 0.5, np.arange(224) + 0.5), axis=-1)
    points = warp.map_points(grid, box, FRAME) - 0.5
    places = [points[..., 1], points[..., 0]]
    channels = [
        ndimage.map_coordinates(image[..., c].astype(float), places, order=1, mode=mode) for c in range(3)
    ]
    return np.stack(channels, axis=-1)


def smooth(shape=(400, 600)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    waves = [np.sin(x / 37) + np.cos(y / 29), np.sin((x + y) / 53) * 2, np.cos(x / 41) - np.sin(y / 47)]
    return np.clip(127 + 55 * np.stack(waves, axis=-1), 0, 255).astype(np.uint8)


@pytest.mark.slow
@settings(max_examples=12)
@given(warps)
def test_pixels_are_what_lies_at_the_mapped_points(warp):
    picture = smooth()
    got = warp.render(Image.fromarray(picture), SMALL, FRAME).astype(float)
    difference = np.abs(got - exact(picture, warp, SMALL, "reflect"))
    # A mirrored edge has a kink, at which two interpolations differ.
    assert np.quantile(difference, 0.95) < 3
    assert difference.mean() < 1.5


def test_no_warp_is_nearly_a_resize():
    for box in (CENTER, SMALL):
        plain = np.asarray(PHOTO.resize((224, 224), Image.Resampling.BICUBIC, box=box)).astype(float)
        warped = Warp(angle=1e-7).render(PHOTO, box, FRAME).astype(float)
        # A shrink to whole pixels and then an interpolation: softer than one resize, and nowhere displaced.
        assert np.abs(plain - warped).mean() < 4
        shifts = [
            np.abs(plain[4:-4, 4:-4] - np.roll(warped, s, (0, 1))[4:-4, 4:-4]).mean() for s in (0, 1, -1)
        ]
        assert shifts[0] < 0.8 * min(shifts[1:])


@pytest.mark.parametrize(
    ("warp", "point", "expected"),
    [
        (Warp(), (112, 112), (300, 200)),
        (Warp(), (0, 224), (200, 300)),
        # What is seen moves right by a tenth of the side: the centre looks 20 of 200 pixels to the left.
        (Warp(translation=(0.1, 0.0)), (112, 112), (280, 200)),
        # What is seen grows along x: the edge looks nearer to the centre.
        (Warp(stretch=(2.0, 1.0)), (224, 224), (350, 300)),
        # What is seen turns counter-clockwise by 90°: the upper edge's middle shows what was at the right.
        (Warp(angle=90), (112, 0), (400, 200)),
        # The upper left corner leans 45° along x.
        (Warp(shear=(45.0, 0.0)), (0, 0), (100, 100)),
        (Warp(perspective=(0.1, 0.2, 0, 0, 0, 0, 0, 0)), (0, 0), (220, 140)),
        (Warp(perspective=(0.1, 0.2, 0, 0, 0, 0, 0, 0)), (224, 224), (400, 300)),
        # The corner is at distance 1: it looks 1 + k1 + k2 times as far.
        (Warp(k1=0.2, k2=0.05), (0, 0), (175, 75)),
        (Warp(k1=-0.2), (112, 112), (300, 200)),
    ],
)
def test_points_go_where_the_formulas_say(warp, point, expected):
    assert warp.map_points(np.array(point, float), SMALL, FRAME) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40)
@given(st.floats(-0.2, 0.2), st.floats(-0.05, 0.05))
def test_the_lens_is_no_more_than_a_fraction_of_a_pixel_off(k1, k2):
    warp = Warp(k1=k1, k2=k2)
    grid = warp._grid(FRAME)
    middles = (grid[:-1, :-1] + grid[1:, 1:]) / 2
    corners = warp.map_points(grid, SMALL, FRAME)
    between = (corners[:-1, :-1] + corners[1:, :-1] + corners[:-1, 1:] + corners[1:, 1:]) / 4
    pixels_per_source = 224 / 200
    assert np.abs(warp.map_points(middles, SMALL, FRAME) - between).max() * pixels_per_source < 0.16


def test_borders():
    picture = Image.fromarray(np.full((300, 300, 3), 200, np.uint8))
    whole = (0.0, 0.0, 300.0, 300.0)
    for border, darkest in (("reflect", 200), ("edge", 200), ("black", 0)):
        seen = Warp(angle=45, border=border).render(picture, whole, FRAME)
        assert seen.min() == darkest
        assert seen[112, 112].tolist() == [200] * 3


@settings(max_examples=12)
@given(warps)
def test_the_mirror_image_reaches_as_far_as_is_looked(warp):
    # A picture of 30 x 20, all of which is seen, and much beyond: its mirror images go on and on.
    picture = smooth((200, 300))[::10, ::10]
    box = (-15.0, -10.0, 45.0, 30.0)
    got = warp.render(Image.fromarray(picture), box, FRAME).astype(float)
    difference = np.abs(got - exact(picture, warp, box, "reflect"))
    assert difference.mean() < 6


def test_shrinking_is_antialiased():
    stripes = np.zeros((2000, 2000, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than any pixel of the patch: all that may be left is their mean
    seen = Warp(angle=10).render(Image.fromarray(stripes), (0.0, 0.0, 2000.0, 2000.0), FRAME)
    assert np.abs(seen.astype(int) - 127).max() <= 8


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (1, 5000), (5000, 1), (2, 300)])
def test_small_and_narrow_pictures(size):
    picture = Image.new("RGB", size, (9, 99, 199))
    warp = Warp((0.3, -0.3), 30, (0.7, 1.3), (10, -10), (0.1,) * 8, 0.2, 0.05)
    seen = warp.render(picture, (0.0, 0.0, float(size[0]), float(size[1])), FRAME)
    assert seen.shape == (224, 224, 3)
    assert np.unique(seen.reshape(-1, 3), axis=0).tolist() == [[9, 99, 199]]


SIGNS = st.sampled_from([-1.0, 1.0])


@pytest.mark.slow
@settings(max_examples=100)
@given(st.floats(-180, 180), st.lists(SIGNS, min_size=12, max_size=12), st.sampled_from([0.2, 5.0]))
def test_what_looks_beyond_all_bounds_is_refused_or_small(angle, signs, stretch):
    corners = tuple(0.2 * sign for sign in signs[:8])
    warp = Warp(
        (signs[8], signs[9]), angle, (0.2, stretch), (45 * signs[10], 45 * signs[11]), corners, 0.5, 0.5
    )
    with contextlib.suppress(UnreadableImage):
        assert warp.render(PHOTO, CENTER, FRAME).shape == (224, 224, 3)


@pytest.mark.parametrize(
    ("corners", "k1", "message"),
    [
        ((0.2, 0.2, -0.2, -0.2, 0.2, -0.2, -0.2, 0.2), 0.46, r"reaches over \d+ x \d+ pixels"),
        ((0.2, -0.2, -0.2, 0.2, 0.2, -0.2, 0.2, 0.2), 0.5, "up to the horizon"),
    ],
)
def test_each_limit_is_met(corners, k1, message):
    warp = Warp((-1.0, -1.0), 140, (0.2, 5.0), (45, 45), corners, k1, 0.25)
    with pytest.raises(UnreadableImage, match=message):
        warp.render(PHOTO, CENTER, FRAME)
