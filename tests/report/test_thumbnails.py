"""Thumbnails and the sheet of them."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnncodes.images import ImageRecord
from cnncodes.report.thumbnails import IN_ROW, TILE, choose_tiles, fill_tile, make_sheet, shrink


def ignore(_what: str) -> Callable[[int, int, int], object]:
    return lambda _done, _total, _failed: None


def paint(color: tuple[int, int, int], size: tuple[int, int] = (90, 70)) -> np.ndarray:
    return np.full((size[1], size[0], 3), color, np.uint8)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(2, 30))
def test_as_many_images_as_there_is_room_for_mistakes_before_others(wrong: list[bool], tiles: int) -> None:
    found = choose_tiles(np.array(wrong), tiles)
    assert len(found) == min(len(wrong), tiles) and len(set(found.tolist())) == len(found)
    if len(wrong) > tiles:
        sure = min(sum(wrong), tiles // 2)
        assert np.array(wrong)[found].sum() >= sure and np.array(wrong)[found[:sure]].all()


def test_nothing_is_enlarged_and_nothing_is_larger_than_its_side() -> None:
    assert shrink(Image.new("RGB", (28, 28))).size == (28, 28)
    assert shrink(Image.new("RGB", (3000, 1000))).size == (160, 53)


@pytest.mark.parametrize(("size", "shown"), [((28, 28), (64, 64)), ((10, 5), (64, 32)), ((1, 300), (1, 64))])
def test_a_small_picture_fills_its_tile(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert fill_tile(Image.new("RGB", size)).size == shown


def test_each_tile_shows_its_image_and_what_cannot_be_read_has_none() -> None:
    colors = [(i * 6, 255 - i * 6, 90) for i in range(40)]
    records = [ImageRecord(f"{i}", paint(color)) for i, color in enumerate(colors)]
    records[7] = ImageRecord("7", b"no picture")
    found = make_sheet(records, np.arange(40), max_pixels=10**6, n_jobs=1, watch=ignore)
    assert found is not None and 7 not in found.images and len(found.images) == 39
    sheet = Image.open(io.BytesIO(found.jpeg))
    assert sheet.size == (IN_ROW * TILE, 2 * TILE)
    for tile, image in enumerate(found.images):
        middle = (tile % IN_ROW * TILE + TILE // 2, tile // IN_ROW * TILE + TILE // 2)
        assert np.abs(np.subtract(sheet.getpixel(middle), colors[image])).max() < 12


def test_no_image_that_can_be_read_no_sheet() -> None:
    records = [ImageRecord("a", b"no picture")]
    assert make_sheet(records, np.arange(1), max_pixels=10**6, n_jobs=1, watch=ignore) is None


def test_a_sheet_keeps_within_its_bytes_and_loses_the_last() -> None:
    rng = np.random.default_rng(0)
    records = [ImageRecord(f"{i}", rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for i in range(40)]
    chosen, options = np.arange(40)[::-1], {"max_pixels": 10**6, "n_jobs": 1, "watch": ignore}
    found = make_sheet(records, chosen, **options, max_bytes=20_000)
    assert found is not None and len(found.jpeg) <= 20_000 and 0 < len(found.images) < 40
    assert found.images.tolist() == chosen[: len(found.images)].tolist()
    assert Image.open(io.BytesIO(found.jpeg)).size == found.size
