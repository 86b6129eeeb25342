"""Choosing views of stored codes: by number, by name, and by plan."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from samples import SPACE, make

from cnncodes.backbones.frame import Frame
from cnncodes.errors import UsageError
from cnncodes.store import Codes, CodesWriter, StoredViews, read_codes
from cnncodes.views import PrincipalColors, ViewPlan

FRAME = Frame(224, 224, 256)
STORED = ViewPlan.parse("multicrop, train:4")


def write(path: Path, views: StoredViews, count: int) -> Codes:
    plan = ViewPlan.from_dict(views.plan) if "crops" in views.plan else None
    names = plan.names(FRAME) if plan and views.reduce == "none" else ["mean"] * count
    with CodesWriter.open(path, SPACE, views, dtype="float32") as writer:
        for key in "ab":
            image = make(key, views=count)
            for name, view in zip(names, image.views, strict=True):
                view["view_name"] = name  # type: ignore[index]
            writer.add(image)
    return read_codes(path)


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> Codes:
    views = StoredViews(STORED.to_dict(), asdict(FRAME), STORED.columns)
    return write(tmp_path_factory.mktemp("codes") / "x.codes", views, STORED.count)


@pytest.mark.parametrize(
    "name", ["center", "flip", "tencrop", "multicrop", "train:1", "train:4", "flip, train:2"]
)
def test_a_plan_gives_its_views(codes: Codes, name: str) -> None:
    plan = ViewPlan.parse(name)
    for views in (name, plan):
        chosen = codes.select(views=views)
        assert sorted(set(chosen.view_names)) == sorted(plan.names(FRAME))
        assert len(chosen) == 2 * plan.count
        assert ViewPlan.from_dict(chosen.plan) == plan
        np.testing.assert_array_equal(chosen.X, codes.X[np.isin(codes.views, chosen.views)])


def test_a_choice_can_be_narrowed_but_not_widened(codes: Codes) -> None:
    tencrop = codes.select(views="tencrop")
    assert set(tencrop.select(views="center").view_names) == {"256/center"}
    with pytest.raises(UsageError, match="'224/top-left'.*left out"):
        tencrop.select(views="multicrop")


def test_views_by_number_and_name_keep_the_plan(codes: Codes) -> None:
    for views in ([0, "640/center"], (0, "640/center")):
        chosen = codes.select(views=views)
        assert set(chosen.view_names) == {"224/top-left", "640/center"}
        assert chosen.plan == STORED.to_dict()


@pytest.mark.parametrize(
    ("views", "words"),
    [
        ("tencorp", "no view 'tencorp'.*Did you mean 'tencrop'"),
        ("224/centre", "Did you mean '224/center'"),
        ("train:5", "no view 'random/4'"),
        (ViewPlan.parse("train:2", random_state=7), "these settings: random_state is 0 there and 7 here"),
        ("rotation:2", "'random/0' with these settings: flip is 0.5 there and not set here; crop is"),
        (54, "no view 54: they have 0 to 53"),
        ([0, 99], "no view 99"),
        (["256/center", "x"], "no view 'x'"),
    ],
)
def test_what_is_not_there_is_named(codes: Codes, views: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        codes.select(views=views)  # type: ignore[arg-type]


def test_means_have_no_views_to_choose(tmp_path: Path) -> None:
    plan = ViewPlan.parse("tencrop")
    means = write(tmp_path / "x", StoredViews(plan.to_dict(), asdict(FRAME), (), "mean"), 1)
    assert means.reduced and len(means.select(views="mean")) == len(means.select(views=0)) == 2
    for views in ("center", 1, ViewPlan.parse("center")):
        with pytest.raises(UsageError, match="the mean of each image's views"):
            means.select(views=views)


def test_codes_that_do_not_say_how_they_were_cut(tmp_path: Path) -> None:
    codes = write(tmp_path / "x", StoredViews(ViewPlan.parse("flip").to_dict()), 2)
    with pytest.raises(UsageError, match="embed again"):
        codes.select(views="center")
    assert len(codes.select(views="256/center")) == 2


def test_a_plan_by_name_is_drawn_and_coloured_as_the_stored_one(tmp_path: Path) -> None:
    colors = PrincipalColors((9.0, 4.0, 1.0), ((1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0)), 1, 1)
    plan = ViewPlan.parse("center, pca:3", random_state=5).with_colors(colors)
    codes = write(tmp_path / "x", StoredViews(plan.to_dict(), asdict(FRAME), plan.columns), plan.count)
    assert codes.select(views="pca:2").plan["random"] == {**plan.to_dict()["random"], "count": 2}
