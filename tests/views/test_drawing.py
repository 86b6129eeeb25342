"""Random views: within their ranges, spread over them, and independent of all they should not depend on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import stats
from skimage import data

from cnncodes import ViewPlan
from cnncodes.backbones.frame import Frame
from cnncodes.views import ColorJitter, Geometry, RandomCrop, RandomViews, View
from cnncodes.views.names import AUGMENTATIONS
from cnncodes.views.view import Grid, locate_patch, resized_size

FRAME = Frame(224, 224, 256)
SIZE = (600, 400)
EVERYTHING = RandomViews(
    4,
    crop=RandomCrop("area"),
    flip=0.5,
    color=ColorJitter((0.6, 1.4), (0.6, 1.4), (0.6, 1.4)),
    geometry=Geometry(0.1, 15, (0.8, 1.25), 10, 0.1, (-0.2, 0.2), (-0.05, 0.05)),
)


def drawn(name: str | RandomViews, contents: int = 300, size=SIZE) -> list[View]:
    plan = ViewPlan(crops="none", random=name) if isinstance(name, RandomViews) else ViewPlan.parse(name)
    return [view for number in range(contents) for view in plan.locate(size, FRAME, f"{number:04x}")]


@settings(max_examples=60)
@given(
    st.integers(0, 2**64 - 1),
    st.text(),
    st.integers(20, 900),
    st.integers(20, 900),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_a_view_depends_neither_on_the_count_nor_on_views_before_it(
    random_state, content, width, height, few, more
):
    few, more = sorted((few, few + more))
    for name in ("train", "area-crop+rotation+lens+contrast"):
        first = ViewPlan.parse(f"{name}:{few}", random_state=random_state)
        second = ViewPlan.parse(f"{name}:{more}", random_state=random_state)
        after = ViewPlan.parse(f"tencrop, {name}:{few}", random_state=random_state)
        views = first.locate((width, height), FRAME, content)
        assert second.locate((width, height), FRAME, content)[:few] == views
        assert [v.pixels_id for v in after.locate((width, height), FRAME, content)[10:]] == [
            v.pixels_id for v in views
        ]


def test_random_state_and_content_choose_other_views():
    views = [
        view.pixels_id
        for random_state in range(4)
        for content in ("00", "01", "02")
        for view in ViewPlan.parse("train:3", random_state=random_state).locate(SIZE, FRAME, content)
    ]
    assert len(set(views)) == len(views)


def test_one_more_augmentation_leaves_the_others_as_they_were():
    alone = {name: drawn(f"{name}:2", 20) for name in ("rotation", "contrast", "lens", "flip")}
    together = drawn("rotation+contrast+lens+flip:2", 20)
    for one, all_ in zip(alone["rotation"], together, strict=True):
        assert one.warp.angle == all_.warp.angle
    for one, all_ in zip(alone["contrast"], together, strict=True):
        assert one.tint.contrast == all_.tint.contrast
    for one, all_ in zip(alone["lens"], together, strict=True):
        assert (one.warp.k1, one.warp.k2) == (all_.warp.k1, all_.warp.k2)
    assert [view.flip for view in alone["flip"]] == [view.flip for view in together]


def test_parameters_fill_their_ranges():
    views = drawn(EVERYTHING)
    ranges = {
        "angle": (-15, 15), "translation": (-0.1, 0.1), "shear": (-10, 10), "perspective": (-0.1, 0.1),
        "k1": (-0.2, 0.2), "k2": (-0.05, 0.05), "brightness": (0.6, 1.4), "contrast": (0.6, 1.4),
        "saturation": (0.6, 1.4),
    }  # fmt: skip
    for name, (low, high) in ranges.items():
        for values in np.array([view.parameters()[name] for view in views]).reshape(len(views), -1).T:
            assert stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > 1e-4, name
    stretches = np.log([view.parameters()["stretch"] for view in views])
    for values in stretches.T:
        assert stats.kstest(values, stats.uniform(math.log(0.8), math.log(1.25 / 0.8)).cdf).pvalue > 1e-4
    assert abs(np.corrcoef(stretches.T)[0, 1]) < 0.15
    assert 0.4 < np.mean([view.flip for view in views]) < 0.6


def test_scale_crops_are_as_resnet_trains():
    views = drawn("scale-crop:4")
    sides = [round(view.scale * 400) for view in views]
    assert min(sides) >= 256
    assert max(sides) <= 480
    assert stats.kstest(sides, stats.uniform(256, 224).cdf).pvalue > 1e-4
    lefts = [view.box[0] / (600 - (view.box[2] - view.box[0])) for view in views]
    assert stats.kstest(lefts, "uniform").pvalue > 1e-4
    for view in views:
        assert view.box[2] - view.box[0] == pytest.approx(view.box[3] - view.box[1], rel=0.01)


def test_area_crops_are_as_inception_trains():
    views = drawn("area-crop:4")
    boxes = np.array([view.box for view in views])
    assert (boxes == boxes.round()).all()
    widths, heights = (boxes[:, 2:] - boxes[:, :2]).T
    areas = widths * heights / (600 * 400)
    assert areas.min() > 0.075
    assert areas.max() <= 1.0
    # Large areas of extreme shape do not fit and are drawn again, so that only small ones are quite uniform.
    small = areas[areas < 0.5]
    assert stats.kstest(small, stats.uniform(0.08, 0.42).cdf).pvalue > 1e-4
    assert (widths / heights).min() > 0.73
    assert (widths / heights).max() < 1.37


@pytest.mark.parametrize("size", [(3, 3), (1, 200), (2000, 20), (1, 1)])
def test_area_crops_of_odd_pictures_lie_inside(size):
    for view in drawn("area-crop:4", 30, size):
        x0, y0, x1, y1 = view.box
        assert 0 <= x0 < x1 <= size[0]
        assert 0 <= y0 < y1 <= size[1]


@settings(max_examples=12)
@given(st.integers(300, 700), st.integers(300, 700), st.integers(224, 300), st.data())
def test_a_random_crop_has_the_pixels_of_a_slice_of_the_resized_picture(width, height, side, draw):
    photo = Image.fromarray(data.coffee()).resize((width, height))
    w, h = resized_size(photo.size, side)
    left, top = draw.draw(st.integers(0, w - 224)), draw.draw(st.integers(0, h - 224))
    box, _ = locate_patch(photo.size, Grid(side, left, top), FRAME)
    whole = np.asarray(photo.resize((w, h), Image.Resampling.BICUBIC)).astype(int)
    alone = np.asarray(photo.resize((224, 224), Image.Resampling.BICUBIC, box=box)).astype(int)
    difference = np.abs(whole[top : top + 224, left : left + 224] - alone)
    # Pillow rounds between its two passes, whose order depends on the size that is asked for.
    assert difference.max() <= 8
    assert difference.mean() < 0.25


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name != "pca"])
def test_each_augmentation_changes_the_picture(name):
    image = Image.fromarray(data.chelsea())
    plain = ViewPlan().render(image, FRAME).pixels[0].astype(int)
    varied = ViewPlan.parse(f"{name}:8").render(image, FRAME, "00").pixels.astype(int)
    assert max(np.abs(view - plain).mean() for view in varied) > 3
