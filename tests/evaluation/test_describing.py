"""What becomes of images before a classifier sees them."""

from __future__ import annotations

import numpy as np
import pytest

from cnncodes.evaluation.baselines.describing import (
    CnnCodes,
    RawPixels,
    ShapesAndColors,
    split_rows,
)
from cnncodes.images import ImageRecord


def make_record(value: int, size: tuple[int, int] = (40, 50)) -> ImageRecord:
    return ImageRecord(f"{value} {size}", np.full((*size, 3), value, np.uint8), "label")


def make_stripes(*, upright: bool) -> ImageRecord:
    stripes = np.where(np.arange(64) // 8 % 2 == 0, 0, 255).astype(np.uint8)
    picture = np.broadcast_to(stripes if upright else stripes[:, None], (64, 64))
    return ImageRecord(f"upright {upright}", np.repeat(picture[:, :, None], 3, axis=2), "label")


def test_raw_pixels_are_those_of_a_thumbnail() -> None:
    rows = RawPixels().describe([make_record(0)], [make_record(255), make_record(51)], 1, None)
    assert rows.X.shape == (3, 16 * 16 * 3) and rows.X.dtype == np.float32
    assert [set(row.tolist()) for row in rows.X] == [{0.0}, {1.0}, {np.float32(51) / np.float32(255)}]


def test_shapes_tell_directions_and_colors_tell_colors() -> None:
    upright, lying = make_stripes(upright=True), make_stripes(upright=False)
    dark, light = make_record(10), make_record(240)
    rows = ShapesAndColors().describe([upright, lying], [dark, light], 1, None)
    shapes, colors = rows.X[:, :-216], rows.X[:, -216:]
    np.testing.assert_allclose(colors[0], colors[1])
    assert np.abs(shapes[0] - shapes[1]).max() > 0.1
    np.testing.assert_allclose(shapes[2], shapes[3])
    np.testing.assert_allclose((colors**2).sum(axis=1), 1, atol=1e-6)
    assert colors[2].argmax() == 0 and colors[3].argmax() == 215


def test_what_cannot_be_read_says_why_and_has_no_row() -> None:
    broken = ImageRecord("broken", b"no image", "label")
    seen: list[tuple[int, int, int]] = []
    rows = RawPixels().describe(
        [broken, make_record(0)], [make_record(9)], 1, lambda *numbers: seen.append(numbers)
    )
    assert rows.counts.tolist() == [0, 1, 1] and len(rows.X) == 2
    assert [(failure.key, failure.stage) for failure in rows.failures.values()] == [("broken", "decode")]
    assert rows.contents[0] == "" and rows.contents[1] != rows.contents[2]
    assert seen[-1] == (3, 3, 1)


def test_codes_have_a_row_a_view_and_are_parted_by_image() -> None:
    description = CnnCodes("efficientnet-lite0", "flip")
    assert description.title == "codes of efficientnet-lite0, flip" and description.count_views() == 2
    rng = np.random.default_rng(0)
    records = [
        ImageRecord(str(i), rng.integers(0, 256, (30, 30, 3), dtype=np.uint8), "label") for i in range(3)
    ]
    rows = description.describe(records[:1], records[1:], 1, None)
    train, test = split_rows(rows, 1)
    assert train.X.shape == (2, 1280) and test.X.shape == (4, 1280)
    assert test.counts.tolist() == [2, 2] and [*train.contents, *test.contents] == rows.contents


@pytest.mark.parametrize(
    ("precision", "title"), [(None, "codes of net, center"), ("int8", "codes of net int8, center")]
)
def test_equal_descriptions_are_one(precision: str | None, title: str) -> None:
    first, second = (CnnCodes("net", "center", precision) for _ in range(2))
    assert first == second and len({first, second}) == 1 and first.title == title
    assert first.is_of_the_same_network(CnnCodes("net", "flip", precision))
    assert not first.is_of_the_same_network(CnnCodes("other", "center", precision))
