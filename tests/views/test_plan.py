"""View plans: golden pixels, order, shared views, what is written down, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from cnncodes import ViewPlan
from cnncodes.backbones.frame import Frame
from cnncodes.errors import UnreadableImage, UsageError
from cnncodes.views import Geometry, RandomCrop, RandomViews
from cnncodes.views.names import AUGMENTATIONS
from cnncodes.views.view import MAX_RESIZED_PIXELS

FRAME = Frame(224, 224, 256)
FIXED = ("center", "flip", "tencrop", "multicrop")
RANDOM = tuple(f"{name}:3" for name in ("train", *AUGMENTATIONS) if name != "pca")


def shown(plan: ViewPlan, image: Image.Image, content: str = "00") -> np.ndarray:
    rendered = plan.render(image, FRAME, content)
    return rendered.pixels[rendered.index]


def test_center_is_pillows_resize_and_the_central_slice():
    photo = Image.fromarray(data.coffee())
    resized = photo.resize((int(256 * photo.width / photo.height), 256), Image.Resampling.BICUBIC)
    left, top = round((resized.width - 224) / 2), 16
    expected = np.asarray(resized.crop((left, top, left + 224, top + 224)))
    np.testing.assert_array_equal(ViewPlan().render(photo, FRAME).pixels[0], expected)


@pytest.mark.slow
@pytest.mark.parametrize("photo", ["coffee", "chelsea", "astronaut"])
@pytest.mark.parametrize("portrait", [False, True])
@pytest.mark.parametrize("short_side", [256, 255, 480])
def test_ten_crops_are_torchvisions_pixel_for_pixel(photo, portrait, short_side):
    from torchvision import transforms

    pixels = getattr(data, photo)()
    image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 0, 2) if portrait else pixels))
    resize = transforms.Resize(short_side, interpolation=transforms.InterpolationMode.BICUBIC)
    theirs = np.stack([np.asarray(crop) for crop in transforms.TenCrop(224)(resize(image))])
    np.testing.assert_array_equal(shown(ViewPlan((short_side,), 0, "five", True), image), theirs)


def test_multicrop_is_ten_crops_at_each_of_five_scales():
    photo = Image.fromarray(data.chelsea())
    parts = [shown(ViewPlan((side,), 0, "five", True), photo) for side in (224, 256, 384, 480, 640)]
    np.testing.assert_array_equal(shown(ViewPlan.parse("multicrop"), photo), np.concatenate(parts))


def test_mirrored_views_are_the_crops_of_the_mirrored_picture():
    photo = Image.fromarray(data.chelsea())
    mirror = Image.fromarray(np.ascontiguousarray(data.chelsea()[:, ::-1]))
    difference = shown(ViewPlan.parse("tencrop"), photo)[5:].astype(int) - shown(
        ViewPlan(crops="five"), mirror
    )
    assert np.abs(difference).max() <= 1  # resizing a mirrored picture rounds the other way


def test_identical_views_are_made_once():
    square, landscape = Image.fromarray(data.astronaut()), Image.fromarray(data.coffee())
    smallest = ViewPlan((224,), 0, "five", True)
    assert len(smallest.render(square, FRAME).pixels) == 2
    assert len(smallest.render(landscape, FRAME).pixels) == 6
    rendered = ViewPlan.parse("flip:20").render(square, FRAME, "00")
    assert len(rendered.pixels) == 2
    assert len(rendered.views) == len(rendered.index) == 20
    # What is always the centre is the centre, also where it was asked for as a random view.
    assert len(ViewPlan.parse("flip, flip:20").render(square, FRAME, "00").pixels) == 2


@pytest.mark.slow
@settings(max_examples=15)
@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from([*FIXED, *RANDOM]), st.text(max_size=4))
@example(1, 157, "multicrop", "")
def test_every_patch_has_the_frames_size_and_lies_inside(width, height, name, content):
    image, plan = Image.new("RGB", (width, height), (10, 20, 30)), ViewPlan.parse(name)
    try:
        rendered = plan.render(image, FRAME, content)
    except UnreadableImage:  # refused only where resizing could take too many pixels
        longer = max(width, height) / min(width, height)
        assert plan.largest_short_side(FRAME) ** 2 * longer > MAX_RESIZED_PIXELS
        return
    assert rendered.pixels.shape[1:] == (224, 224, 3)
    for view in rendered.views:
        x0, y0, x1, y1 = view.box
        assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
    if not {"brightness", "contrast", "saturation"} & set(ViewPlan.parse(name).columns):
        assert np.unique(rendered.pixels.reshape(-1, 3), axis=0).tolist() == [[10, 20, 30]]


@pytest.mark.parametrize("name", [*FIXED, *RANDOM, "center, train:8"])
def test_plans_survive_being_written_down(name, tmp_path):
    plan = ViewPlan.parse(name, random_state=7)
    file = tmp_path / "plan.toml"
    file.write_text(plan.to_toml(), encoding="utf-8")
    for again in (ViewPlan.from_dict(plan.to_dict()), ViewPlan.read(file), ViewPlan.parse(str(file))):
        assert again == plan
        assert again.id == plan.id
        assert hash(again) == hash(plan)


@pytest.mark.parametrize("name", ["center", "center, train:8", ViewPlan(), "plan.toml"])
@pytest.mark.parametrize("random_state", [-1, 2**64, 1.5, True])
def test_what_decides_no_draw_is_refused_also_where_nothing_is_drawn(name, random_state):
    with pytest.raises(UsageError, match="random_state must be a whole number between 0 and"):
        ViewPlan.parse(name, random_state=random_state)


def test_different_plans_have_different_ids():
    names = [*FIXED, *RANDOM, "train:4", "center, train:3"]
    plans = [ViewPlan.parse(name) for name in names] + [ViewPlan.parse("train:3", random_state=1)]
    assert len({plan.id for plan in plans}) == len({hash(plan) for plan in plans}) == len(plans)


def test_the_ids_of_plans_that_are_stored_stay_as_they_are():
    # Codes on users' disks carry them.
    assert ViewPlan.parse("flip").to_dict() == {
        "short_sides": [],
        "reference": 0,
        "crops": "center",
        "mirror": True,
    }
    assert ViewPlan.parse("flip").id == "687c6567cffc42f1"
    assert ViewPlan.parse("flip+scale-crop:4").id == "6074998e9b75537e"


def test_short_sides_follow_the_backbones_patch():
    frame = Frame(448, 448, 512)
    assert ViewPlan.parse("multicrop").names(frame)[10] == "512/top-left"
    assert ViewPlan.parse("train:2").largest_short_side(frame) == 960
    assert ViewPlan.parse("tencrop").names(frame)[0] == "512/top-left"
    image = Image.fromarray(data.coffee())
    assert {view.box[3] - view.box[1] for view in ViewPlan.parse("center").locate(image.size, frame)} == {
        350.0
    }


def test_a_plan_is_found_in_a_larger_one():
    stored = ViewPlan.parse("center, train:8")
    assert ViewPlan.parse("center").find_in(stored, FRAME) == [0]
    assert ViewPlan.parse("train:3").find_in(stored, FRAME) == [1, 2, 3]
    assert ViewPlan.parse("tencrop").find_in(ViewPlan.parse("multicrop"), FRAME) == list(range(10, 20))
    assert ViewPlan.parse("center").find_in(ViewPlan.parse("multicrop"), FRAME) == [14]
    with pytest.raises(UsageError, match="no view '256/center/mirror'"):
        ViewPlan.parse("flip").find_in(stored, FRAME)
    with pytest.raises(UsageError, match="'random/0' with these settings"):
        ViewPlan.parse("train:3", random_state=1).find_in(stored, FRAME)
    with pytest.raises(UsageError, match="'random/8'"):
        ViewPlan.parse("train:9").find_in(stored, FRAME)


def test_views_of_equal_pixel_names_show_the_same_pixels():
    image = Image.fromarray(data.chelsea())
    seen: dict[str, np.ndarray] = {}
    for name in ("center", "flip", "tencrop", "multicrop", "train:2", "center, train:4", "lens:1"):
        plan = ViewPlan.parse(name)
        for view, pixels in zip(plan.pixel_names(FRAME), shown(plan, image), strict=True):
            np.testing.assert_array_equal(seen.setdefault(view, pixels), pixels)
    assert len(seen) == 50 + 4 + 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"short_sides": (0,)}, "each of short_sides must be a whole number between 1 and 16384. Got 0"),
        ({"short_sides": "256"}, "short_sides must be a list"),
        ({"short_sides": (256, 256)}, "must differ"),
        ({"reference": -1}, "reference must be a whole number"),
        ({"crops": "fife"}, "Did you mean 'five'"),
        ({"mirror": 1}, "mirror must be true or false"),
        ({"random": 4}, "random must be a RandomViews"),
        ({"crops": "none"}, "no views at all"),
        ({"crops": "none", "mirror": True, "random": RandomViews(1)}, "say nothing where crops is 'none'"),
    ],
)
def test_wrong_plans_are_refused(values, message):
    with pytest.raises(UsageError, match=message):
        ViewPlan(**values)


def test_wrong_tables_are_refused():
    for values, message in [
        ({"crop": "five"}, "unknown key 'crop' in a view plan. Did you mean 'crops'"),
        ({"random": {}}, "must have the key 'count'"),
        ({"random": 3}, "random must be a table"),
        ({"random": {"count": 1, "geometry": {"rotate": 1}}}, "random.geometry. Did you mean 'rotation'"),
        ({"random": {"count": 1, "color": {"contrast": 2}}}, "contrast must be two numbers"),
    ]:
        with pytest.raises(UsageError, match=message):
            ViewPlan.from_dict(values)


def test_crops_larger_than_the_scaled_image_are_refused():
    with pytest.raises(UsageError, match="short side 200: every short side must be at least 224"):
        ViewPlan((200,)).names(FRAME)
    plan = ViewPlan(crops="none", random=RandomViews(1, crop=RandomCrop("scale", (100, 300))))
    with pytest.raises(UsageError, match="short side 100: every short side must be at least 224"):
        plan.render(Image.new("RGB", (300, 300)), FRAME, "00")
    with pytest.raises(UsageError, match="two of them are one"):
        ViewPlan((224, 225), 224).names(Frame(64, 64, 73))


def test_images_too_narrow_to_resize_are_unreadable():
    for name in ("center", "multicrop", "train:1", "rotation:1"):
        with pytest.raises(UnreadableImage, match="too narrow"):
            ViewPlan.parse(name).render(Image.new("RGB", (1, 5000)), FRAME, "00")
    assert shown(ViewPlan.parse("area-crop+rotation:2"), Image.new("RGB", (1, 5000))).shape == (
        2,
        224,
        224,
        3,
    )


def test_random_views_need_the_content():
    with pytest.raises(UsageError, match="hash of the image's content"):
        ViewPlan.parse("train:1").render(Image.new("RGB", (300, 300)), FRAME)


def test_principal_colors_are_asked_for():
    plan = ViewPlan.parse("center, pca:1")
    assert plan.needs_colors
    with pytest.raises(UsageError, match="have not been computed"):
        plan.render(Image.new("RGB", (300, 300)), FRAME, "00")


def test_geometry_leaves_the_crop_as_it_is():
    image = Image.fromarray(data.coffee())
    plain = ViewPlan.parse("scale-crop+flip:4").locate(image.size, FRAME, "00")
    bent = ViewPlan(
        crops="none", random=RandomViews(4, crop=RandomCrop("scale"), flip=0.5, geometry=Geometry(rotation=9))
    ).locate(image.size, FRAME, "00")
    assert [(view.box, view.flip) for view in plain] == [(view.box, view.flip) for view in bent]


@pytest.mark.parametrize(("height", "width"), [(32, 48), (48, 32)])
def test_scales_follow_a_patch_that_is_no_square(height, width):
    frame = Frame(height, width, 56)
    plan = ViewPlan.parse("multicrop, train:2")
    rendered = plan.render(Image.new("RGB", (90, 70)), frame, "content")
    assert rendered.pixels.shape[1:3] == (height, width) and len(rendered.views) == 52
    assert rendered.views[0].name == "48/top-left"
