"""Resizing by the library in C: Pillow's pixels, whatever the picture, and no library that is not right."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiling import FOLDER, HOOK, build, copy_sources
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from cnncodes.views import resizing
from cnncodes.views.resize_library import Library
from cnncodes.views.resizing import load_library, mirror, open_library, resize


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def by_pillow(image: Image.Image, size: Any, interpolation: str, box: Any = None, part: Any = None) -> Any:
    filters = Image.Resampling[interpolation.upper()]
    left, top, right, bottom = box or (0, 0, *image.size)
    if image.height - size[1] > max(0, 2 * (image.width - size[0])):  # as Pillow does by itself since 13
        image = image.resize((image.width, size[1]), filters, box=(0, top, image.width, bottom))
        top, bottom = 0, size[1]
    pixels = np.asarray(image.resize(size, filters, box=(left, top, right, bottom)))
    left, top, right, bottom = part or (0, 0, *size)
    return pixels[top:bottom, left:right]


sides = st.integers(4, 130)


@st.composite
def ranges(draw: st.DrawFn, length: int, step: int = 1) -> tuple[float, float]:
    """Draw a part of a length that is not empty, in steps of a part of a pixel."""
    first = draw(st.integers(0, length * step - 1))
    return first / step, draw(st.integers(first + 1, length * step)) / step


@given(data=st.data(), width=sides, height=sides, to_width=sides, to_height=sides)
def test_each_pixel_is_that_of_pillow(
    library: Library, data: st.DataObject, width: int, height: int, to_width: int, to_height: int
) -> None:
    interpolation = data.draw(st.sampled_from(["bilinear", "bicubic"]))
    box = part = None
    if data.draw(st.booleans()):
        (left, right), (top, bottom) = (data.draw(ranges(n, 7)) for n in (width, height))
        box = left, top, right, bottom
    if data.draw(st.booleans()):
        (x0, x1), (y0, y1) = (data.draw(ranges(n)) for n in (to_width, to_height))
        part = int(x0), int(y0), int(x1), int(y1)
    image = noise(width, height)
    found = library.resize(image, (to_width, to_height), interpolation, box, part)
    assume(found is not None)  # some are so narrow that they are left to Pillow
    np.testing.assert_array_equal(found, by_pillow(image, (to_width, to_height), interpolation, box, part))


@pytest.mark.parametrize(
    ("width", "height"), [(8, 8), (225, 300), (224, 448), (224, 449), (20, 2000), (2000, 20), (1200, 4000)]
)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_pictures_of_common_sizes_are_taken_by_the_library(
    library: Library, width: int, height: int, interpolation: str
) -> None:
    found = library.resize(noise(width, height), (224, 224), interpolation)
    np.testing.assert_array_equal(found, by_pillow(noise(width, height), (224, 224), interpolation))


@pytest.mark.parametrize("part", [None, (100, 3, 105, 200)])
def test_a_picture_that_pillow_keeps_in_several_blocks_is_taken_in_strips(
    library: Library, part: Any
) -> None:
    image = noise(3001, 1501)
    with pytest.raises(ValueError, match="memory|blocks"):
        image.__arrow_c_array__()  # type: ignore[attr-defined]
    found = library.resize(image, (341, 256), "bicubic", None, part)
    np.testing.assert_array_equal(found, by_pillow(image, (341, 256), "bicubic", None, part))


@pytest.mark.parametrize("interpolation", ["lanczos", "nearest", "box"])
def test_other_filters_are_left_to_pillow(interpolation: str) -> None:
    found = resize(noise(90, 60), (33, 20), interpolation, part=(3, 2, 20, 9))
    np.testing.assert_array_equal(
        found, by_pillow(noise(90, 60), (33, 20), interpolation, None, (3, 2, 20, 9))
    )


def test_a_picture_of_few_pixels_is_left_to_pillow(library: Library) -> None:
    image = noise(2, 3)
    assert library.resize(image, (8, 8), "bicubic") is None
    np.testing.assert_array_equal(resize(image, (8, 8), "bicubic"), by_pillow(image, (8, 8), "bicubic"))


@pytest.mark.parametrize("box", [(0, 0, 31, 20), (-1, 0, 30, 20), (0, 9, 30, 3)])
def test_a_box_beyond_the_picture_is_refused_by_pillow(library: Library, box: Any) -> None:
    assert library.resize(noise(30, 20), (8, 8), "bicubic", box) is None
    with pytest.raises(ValueError, match="[Bb]ox"):
        resize(noise(30, 20), (8, 8), "bicubic", box)


@pytest.mark.parametrize("width", [1, 4, 5, 6, 10, 11, 224])
def test_a_mirror_image_has_all_pixels_of_each_row_in_the_other_order(library: Library, width: int) -> None:
    pixels = np.asarray(noise(width, 7))
    np.testing.assert_array_equal(library.mirror(pixels), pixels[:, ::-1])
    np.testing.assert_array_equal(mirror(pixels), pixels[:, ::-1])
    np.testing.assert_array_equal(
        library.mirror(pixels[1:6, : width // 2 + 1]), pixels[1:6, width // 2 :: -1]
    )


def test_a_picture_that_is_very_long_is_left_to_pillow(library: Library) -> None:
    image = noise(8, 20_000)
    assert library.resize(image, (16, 40_000), "bicubic") is None
    np.testing.assert_array_equal(
        resize(image, (16, 40_000), "bicubic"), by_pillow(image, (16, 40_000), "bicubic")
    )


def test_without_a_library_pixels_are_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    image, part = noise(301, 200), (40, 16, 264, 240)
    with_it = resize(image, (385, 256), "bicubic", part=part)
    nothing = load_library(tmp_path)
    assert nothing[0] is None and "C compiler" in nothing[1]
    monkeypatch.setattr(resizing, "open_library", lambda: nothing)
    np.testing.assert_array_equal(resize(image, (385, 256), "bicubic", part=part), with_it)
    np.testing.assert_array_equal(mirror(with_it), with_it[:, ::-1])


def test_the_installed_library_is_used_where_one_can_be_compiled(library: Library) -> None:
    if not (FOLDER / "_views.library").exists():
        pytest.skip("the package was installed without a compiler, or is not installed")
    assert open_library()[0] is not None, open_library()[1]


@pytest.mark.parametrize("changed", ["_resize.c", "_vectors.h", "_warp.c"])
def test_a_library_of_another_version_of_a_source_is_not_used(
    shifted: Path, tmp_path: Path, changed: str
) -> None:
    shutil.copytree(shifted, tmp_path, dirs_exist_ok=True)
    source = tmp_path / changed
    source.write_text(source.read_text() + "\n")
    found, said = load_library(tmp_path)
    assert found is None and "install the package again" in said


@pytest.mark.slow
def test_a_library_that_rounds_differently_is_not_used(tmp_path: Path) -> None:
    found, said = load_library(build(tmp_path, replace=("HALF = 1 << (PRECISION - 1)", "HALF = 0")))
    assert found is None
    assert "Pillow" in said or "AVX2" in said


def test_what_is_no_library_is_not_used(tmp_path: Path) -> None:
    copy_sources(tmp_path)
    (tmp_path / "_views.library").write_bytes(b"nothing")
    found, said = load_library(tmp_path)
    assert found is None and said.startswith("not used: ")


@pytest.mark.parametrize("compiler", ["/nowhere/cc", "false"])
def test_without_a_compiler_there_is_a_reason_and_no_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiler: str
) -> None:
    monkeypatch.setenv("CC", compiler)
    reason = HOOK.compile_library(FOLDER, tmp_path / "_views.library")
    assert reason and list(tmp_path.iterdir()) == []
