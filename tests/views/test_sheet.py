"""Contact sheets: the network's own pixels at their place, and captions that fit."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cnncodes import ViewPlan
from cnncodes.backbones.frame import Frame
from cnncodes.errors import UsageError
from cnncodes.views import PrincipalColors, Rendered
from cnncodes.views.names import AUGMENTATIONS, FIXED_PLANS
from cnncodes.views.sheet import check_count, count_columns, describe_view, draw_sheet, first_equal

FRAME, SMALL = Frame(224, 224, 256), Frame(32, 32, 36, "bilinear")
COLORS = PrincipalColors((9000.0, 1000.0, 100.0), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
EVERYTHING = f"multicrop, {'+'.join(name for name in AUGMENTATIONS if name != 'area-crop')}:3"


@functools.cache
def render(name: str, frame: Frame = FRAME) -> tuple[ViewPlan, Rendered]:
    plan = ViewPlan.parse(name).with_colors(COLORS)
    return plan, plan.render(Image.fromarray(data.chelsea()), frame, "00")


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        *((name, SMALL) for name in FIXED_PLANS),
        *((f"center, {name}:4", SMALL) for name in AUGMENTATIONS),
        ("tencrop", FRAME),
        (EVERYTHING, FRAME),
    ],
)
def test_every_patch_lies_on_the_sheet_bit_for_bit(name: str, frame: Frame) -> None:
    plan, rendered = render(name, frame)
    sheet = draw_sheet(rendered, plan.columns, f"{name} of chelsea")
    pixels = np.asarray(sheet.image)
    assert len(sheet.corners) == len(set(sheet.corners)) == plan.count
    for number, (left, top) in enumerate(sheet.corners):
        shown = pixels[top : top + frame.height, left : left + frame.width]
        np.testing.assert_array_equal(shown, rendered.pixels[rendered.index[number]])


def test_patches_need_not_be_square() -> None:
    plan, rendered = render("flip", Frame(32, 300, 320))
    sheet = draw_sheet(rendered, plan.columns, "wide")
    for number, (left, top) in enumerate(sheet.corners):
        shown = np.asarray(sheet.image)[top : top + 32, left : left + 300]
        np.testing.assert_array_equal(shown, rendered.pixels[number])


@pytest.mark.parametrize("title", ["short", "word " * 200, "x" * 900, "", "控\x1b[31m\n名前.png"])
@pytest.mark.parametrize("name", ["center", EVERYTHING])
def test_nothing_is_written_beyond_the_margins(name: str, title: str) -> None:
    plan, rendered = render(name)
    pixels = np.asarray(draw_sheet(rendered, plan.columns, title).image)
    paper = np.array([255, 255, 255])
    for margin in (pixels[:8], pixels[-8:], pixels[:, :8], pixels[:, -8:]):
        assert (margin == paper).all()


@pytest.mark.parametrize("frame", [FRAME, SMALL], ids=["224", "32"])
def test_captions_touch_neither_the_next_cell_nor_the_next_row(frame: Frame) -> None:
    plan, rendered = render(EVERYTHING, frame)
    sheet = draw_sheet(rendered, plan.columns, "everything at once")
    pixels = np.asarray(sheet.image)
    columns = sorted({left for left, _ in sheet.corners})
    rows = sorted({top for _, top in sheet.corners})
    below_title = rows[0]
    for left in columns[1:]:  # a bracket may begin a pixel before its place
        assert (pixels[below_title:, left - 6 : left - 2] == 255).all()
    for top in rows[1:]:
        assert (pixels[top - 4 : top] == 255).all()


def test_each_view_says_what_was_drawn_for_it() -> None:
    plan, rendered = render("center, flip+area-crop+rotation+lens+perspective+brightness+pca:1")
    assert describe_view(rendered, 0, plan.columns) == (
        "view 0: 256/center",
        ["box x 94-357 y 18.8-281.2", "scale 0.853", "flip no"],
    )
    heading, parts = describe_view(rendered, 1, plan.columns)
    assert heading == "view 1: random/0"
    view = rendered.views[1]
    assert view.warp is not None and view.tint is not None
    assert parts[3] == f"angle {view.warp.angle:+.1f}°"
    assert [part.split(" ")[0] for part in parts] == [
        "box", "scale", "flip", "angle", "perspective", "k1", "k2", "brightness", "colour",
    ]  # fmt: skip
    assert f"brightness {view.tint.brightness:.3f}" in parts


@pytest.mark.parametrize("name", [*AUGMENTATIONS])
def test_every_parameter_has_a_form_of_its_own(name: str) -> None:
    plan, rendered = render(f"{name}:1")
    _, parts = describe_view(rendered, 0, plan.columns)
    assert len(parts) == 3 + len(plan.columns)
    assert not any(character in part for part in parts for character in "[]_")


def test_equal_views_name_the_first() -> None:
    plan, rendered = render("multicrop")
    equal = {number: first_equal(rendered, number) for number in range(plan.count)}
    assert {number: first for number, first in equal.items() if first is not None} == {2: 0, 3: 1, 7: 5, 8: 6}
    assert describe_view(rendered, 7, ())[1][0] == "= view 5"
    assert not any(part.startswith("=") for part in describe_view(rendered, 5, ())[1])


def test_a_ten_crop_fills_its_rows() -> None:
    assert [count_columns(number) for number in (1, 2, 5, 10, 50)] == [1, 2, 5, 5, 10]


def test_more_views_than_a_sheet_holds_are_refused() -> None:
    check_count(996, (224, 224))
    with pytest.raises(UsageError, match="has room for 996 views of 224 x 224 pixels. Got 997"):
        check_count(997, (224, 224))
    check_count(1, (100_000, 100_000))
