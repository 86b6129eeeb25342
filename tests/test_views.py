"""View plans: golden pixels, order, shared views, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from cnncodes import ViewPlan
from cnncodes.backbones.card import Frame
from cnncodes.errors import UnreadableImage, UsageError

FRAME = Frame(224, 224, 256)


def test_center_is_pillows_resize_and_the_central_slice():
    photo = Image.fromarray(data.coffee())
    resized = photo.resize((int(256 * photo.width / photo.height), 256), Image.Resampling.BICUBIC)
    left, top = round((resized.width - 224) / 2), 16
    expected = np.asarray(resized.crop((left, top, left + 224, top + 224)))
    np.testing.assert_array_equal(ViewPlan().render(photo, FRAME).pixels[0], expected)


def test_mirrored_views_are_the_crops_of_the_mirrored_picture():
    photo = Image.fromarray(data.chelsea())
    mirror = Image.fromarray(np.ascontiguousarray(data.chelsea()[:, ::-1]))
    plan, plain = ViewPlan.parse("tencrop"), ViewPlan(crops="five")
    both, of_mirror = plan.render(photo, FRAME), plain.render(mirror, FRAME)
    difference = both.pixels[both.index][5:].astype(int) - of_mirror.pixels[of_mirror.index].astype(int)
    assert np.abs(difference).max() <= 1  # resizing a mirrored picture rounds the other way


def test_a_square_picture_shares_eight_of_ten_views_at_the_smallest_scale():
    rendered = ViewPlan((224,), 0, "five", True).render(Image.fromarray(data.astronaut()), FRAME)
    assert len(rendered.pixels) == 2
    assert len(rendered.views) == len(rendered.index) == 10


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from(["center", "flip", "tencrop"]))
def test_every_patch_has_the_frames_size_and_lies_inside(width, height, name):
    image = Image.new("RGB", (width, height), (10, 20, 30))
    rendered = ViewPlan.parse(name).render(image, FRAME)
    assert rendered.pixels.shape[1:] == (224, 224, 3)
    for view in rendered.views:
        x0, y0, x1, y1 = view.box
        assert -1e-6 <= x0 < x1 <= width + 1e-6 and -1e-6 <= y0 < y1 <= height + 1e-6


def test_plans_survive_being_written_down():
    for name in ("center", "flip", "tencrop", "multicrop"):
        plan = ViewPlan.parse(name)
        assert ViewPlan.from_dict(plan.to_dict()) == plan
    assert len({ViewPlan.parse(n).id for n in ("center", "flip", "tencrop", "multicrop")}) == 4


def test_bad_plans_are_refused():
    with pytest.raises(UsageError, match="Did you mean 'tencrop'"):
        ViewPlan.parse("tencorp")
    with pytest.raises(UsageError, match="at least 224"):
        ViewPlan((200,)).specs(FRAME)
    with pytest.raises(UnreadableImage, match="too narrow"):
        ViewPlan().render(Image.new("RGB", (1, 5000)), FRAME)
