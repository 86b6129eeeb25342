"""Plans by name: the grammar, and the nearest name for what is no plan."""

from __future__ import annotations

import pytest

from cnncodes import ViewPlan
from cnncodes.errors import UsageError
from cnncodes.views.names import AUGMENTATIONS, FIXED_PLANS, TRAIN


def test_every_name_is_a_plan_of_its_own():
    plans = [ViewPlan.parse(name) for name in FIXED_PLANS]
    plans += [ViewPlan.parse(f"{name}:1") for name in AUGMENTATIONS]
    assert len(set(plans)) == len(FIXED_PLANS) + len(AUGMENTATIONS)
    assert [plan.count for plan in plans[: len(FIXED_PLANS)]] == [1, 2, 10, 50]


def test_names_compose():
    plan = ViewPlan.parse("tencrop, rotation + pca+flip : 3", random_state=5)
    assert plan.count == 13
    assert plan.random is not None
    assert plan.random.random_state == 5
    assert plan.random.flip == 0.5
    assert plan.columns == ("angle", "color_offset")
    assert ViewPlan.parse("train:2") == ViewPlan.parse(f"{'+'.join(TRAIN)}:2")
    assert ViewPlan.parse("train+rotation:2").columns == ("angle",)


def test_each_augmentation_alone_varies_what_it_says():
    varied = {name: ViewPlan.parse(f"{name}:1").columns for name in AUGMENTATIONS}
    assert varied.pop("lens") == ("k1", "k2")
    assert varied == {
        "flip": (),
        "scale-crop": (),
        "area-crop": (),
        "brightness": ("brightness",),
        "contrast": ("contrast",),
        "saturation": ("saturation",),
        "pca": ("color_offset",),
        "translation": ("translation",),
        "rotation": ("angle",),
        "stretching": ("stretch",),
        "shearing": ("shear",),
        "perspective": ("perspective",),
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tencorp", "Did you mean 'tencrop'"),
        ("", "a view plan without a name. Expected fixed views, .* as in 'center, train:4'. Got '' instead"),
        (" ", "without a name.* Got ' ' instead"),
        (",", "nothing on either side of the comma.* Got ',' instead"),
        (", train:4", "nothing before the comma.* Got ', train:4' instead"),
        ("center, ", "nothing after the comma.* Got 'center, ' instead"),
        ("center,center", "one kind of fixed views. Got 'center' and 'center'"),
        ("center, tencrop", "one kind of fixed views. Got 'center' and 'tencrop'"),
        (
            "center, flip:2, lens:2",
            "one comma at most.* Got 'center, flip:2, lens:2' instead",
        ),
        ("center,,flip", "one comma at most"),
        ("rotation", "say how many of each image, as in 'rotation:4'"),
        ("train", "as in 'train:4'"),
        ("rotation+lens", "as in 'rotation\\+lens:4'"),
        ("rotatoin:4", "unknown augmentation 'rotatoin'. Did you mean 'rotation'"),
        ("train:", "need a number of views"),
        ("train:-1", "need a number of views"),
        ("train:2.5", "need a number of views"),
        ("train:0", "must be 1 to 10000"),
        ("train:1000000", "must be 1 to 10000"),
        ("train:4, center", "fixed views first and its random ones second"),
        ("center, flip", "one kind of fixed views. Got 'center' and 'flip'.* as in 'center, flip:4'"),
        ("center, lens", "need a number of views, as in 'lens:4'. Got 'lens'"),
        ("center, center:4", "unknown augmentation 'center'"),
        ("train+area-crop:2", "scale-crop and area-crop both choose the crop"),
        ("missing.toml", "cannot read the view plan 'missing.toml': No such file"),
    ],
)
def test_what_is_no_plan_is_refused(name, message):
    with pytest.raises(UsageError, match=message):
        ViewPlan.parse(name)


def test_what_is_no_name_is_refused():
    for value in (None, 4, ["flip"]):
        with pytest.raises(UsageError, match="must be a plan's name"):
            ViewPlan.parse(value)
