"""Sampling by the library in C: Pillow's pixels, whatever the map, and no library that is not right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cnncodes.views import sampling
from cnncodes.views.resize_library import Library
from cnncodes.views.resizing import load_library, open_library
from cnncodes.views.sampling import equals_pillow, open_sampler, sample
from cnncodes.views.warp_library import Look, Mesh, find_indices

BORDERS = {"reflect": "symmetric", "edge": "edge", "black": "constant"}

sides = st.integers(1, 40)
borders = st.sampled_from(list(BORDERS))


def noise(width: int, height: int, *, hard: bool = False) -> Image.Image:
    """Return noise; with `hard` of extremes alone, from which cubics go furthest."""
    rng = np.random.default_rng(width * 1000 + height)
    pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(np.where(pixels < 128, np.uint8(0), np.uint8(255)) if hard else pixels)


def by_pillow(picture: Image.Image, look: Look, size: tuple[int, int], by: Any) -> Any:
    (left, right), (top, bottom) = look.spans
    pads: Any = (look.pads[1], look.pads[0], (0, 0))
    mode: Any = BORDERS[look.border]
    part = Image.fromarray(np.pad(np.asarray(picture)[top:bottom, left:right], pads, mode=mode))
    method, data = Image.Transform.PERSPECTIVE, by
    if isinstance(by, Mesh):
        cells = zip(map(tuple, by.boxes.tolist()), map(tuple, by.corners.tolist()), strict=True)
        method, data = Image.Transform.MESH, list(cells)
    return np.asarray(part.transform(size, method, data, Image.Resampling.BICUBIC))


@st.composite
def looks(draw: st.DrawFn, width: int, height: int) -> Look:
    spans, pads = [], []
    for length in (width, height):
        first = draw(st.integers(0, length - 1))
        spans.append((first, draw(st.integers(first + 1, length))))
        pads.append(draw(st.tuples(st.integers(0, 50), st.integers(0, 50)) | st.just((0, 0))))
    return Look((spans[0], spans[1]), (pads[0], pads[1]), draw(borders))


numbers = st.floats(-3, 3) | st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0, 1e300])


@st.composite
def projections(draw: st.DrawFn) -> tuple[float, ...]:
    """Draw turns and stretches of all sizes, up to the horizon and beyond it."""
    far = st.floats(-60, 60)
    depths = st.sampled_from([0.0, 0.001, -0.01, 0.05]) | st.floats(-0.2, 0.2)
    return tuple(draw(what) for what in (numbers, numbers, far, numbers, numbers, far, depths, depths))


@st.composite
def meshes(draw: st.DrawFn, size: tuple[int, int]) -> Mesh:
    """Draw cells that cover a patch, each of which looks anywhere."""
    edges = [sorted({0, *draw(st.lists(st.integers(0, n), max_size=3)), n}) for n in size]
    boxes = [
        (left, top, right, bottom)
        for top, bottom in zip(edges[1][:-1], edges[1][1:], strict=True)
        for left, right in zip(edges[0][:-1], edges[0][1:], strict=True)
    ]
    corners = draw(st.lists(st.floats(-20, 90), min_size=8 * len(boxes), max_size=8 * len(boxes)))
    return Mesh(np.array(boxes), np.array(corners).reshape(-1, 8))


@settings(max_examples=60)
@given(data=st.data(), width=sides, height=sides, to_width=st.integers(1, 90), to_height=sides)
def test_each_pixel_is_that_of_pillow(
    library: Library, data: st.DataObject, width: int, height: int, to_width: int, to_height: int
) -> None:
    picture = noise(width, height, hard=data.draw(st.booleans()))
    look = data.draw(looks(width, height))
    size = to_width, to_height
    by = data.draw(projections() | meshes(size))
    expected = by_pillow(picture, look, size, by)
    for kind in (picture, np.asarray(picture), np.asarray(picture)[::-1].copy()[::-1]):
        np.testing.assert_array_equal(library.sampler.sample(kind, look, size, by), expected)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 4), (6, 6)])
def test_tiny_pictures_are_sampled_too(library: Library, size: tuple[int, int], border: str) -> None:
    picture = noise(*size)
    look = Look(((0, size[0]), (0, size[1])), ((4, 9), (3, 7)), border)
    by = (0.3, -0.2, 5.0, 0.25, 0.31, 2.0, 0.001, 0.002)
    expected = by_pillow(picture, look, (40, 30), by)
    np.testing.assert_array_equal(library.sampler.sample(picture, look, (40, 30), by), expected)
    np.testing.assert_array_equal(library.sampler.sample(np.asarray(picture), look, (40, 30), by), expected)


def test_a_picture_that_pillow_keeps_in_several_blocks_is_sampled_in_part(library: Library) -> None:
    picture = Image.new("RGB", (3001, 1501))
    picture.paste(noise(50, 60), (1990, 1000))
    with pytest.raises(ValueError, match="memory|blocks"):
        picture.__arrow_c_array__()  # type: ignore[attr-defined]
    look = Look(((1980, 2040), (1010, 1060)), ((0, 7), (2, 0)))
    by = (0.9, -0.3, 8.0, 0.3, 0.9, -3.0, 0.0, 0.0)
    np.testing.assert_array_equal(
        library.sampler.sample(picture, look, (64, 48), by), by_pillow(picture, look, (64, 48), by)
    )


@given(
    span=st.tuples(st.integers(0, 9), st.integers(1, 9)).map(lambda both: (both[0], sum(both))),
    pads=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    border=borders,
)
def test_a_border_is_that_of_numpy(span: tuple[int, int], pads: tuple[int, int], border: str) -> None:
    mode: Any = BORDERS[border]
    extended = np.pad(
        np.arange(*span), pads, mode=mode, **({"constant_values": -1} if border == "black" else {})
    )
    found = find_indices(span, pads, border)
    np.testing.assert_array_equal(found[2:-2], extended)
    np.testing.assert_array_equal(found[[0, 1, -2, -1]], extended[[0, 0, -1, -1]])


def test_without_a_library_pixels_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, look = noise(70, 50), Look(((3, 70), (0, 44)), ((0, 9), (8, 0)), "edge")
    by = (0.8, -0.3, 1.0, 0.3, 0.8, -4.0, 0.001, 0.0)
    with_it = sample(picture, look, (61, 33), by)
    np.testing.assert_array_equal(with_it, by_pillow(picture, look, (61, 33), by))
    monkeypatch.setattr(sampling, "open_sampler", lambda: (None, "none"))
    np.testing.assert_array_equal(sample(picture, look, (61, 33), by), with_it)
    np.testing.assert_array_equal(sample(np.asarray(picture), look, (61, 33), by), with_it)


def test_the_installed_library_samples_where_it_resizes() -> None:
    library, said = open_library()
    assert open_sampler() == (library and library.sampler, said)


def test_a_library_that_samples_differently_resizes_alone(shifted: Path) -> None:
    found, said = load_library(shifted)
    if found is None:
        pytest.skip(said)
    assert not equals_pillow(found.sampler)
