"""Plans that learn from training images: once, from these alone, and never again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes import ViewPlan, embed, read_codes
from cnncodes.embedding import measure_colors, settle_plans
from cnncodes.errors import SpaceMismatch, UsageError
from cnncodes.images import open_source, records_from
from cnncodes.images.holdout import hold_out

RNG = np.random.default_rng(3)


def draw(path: Path, tint: tuple[int, int, int]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = RNG.integers(-40, 41, (20, 30, 1)) * (np.array(tint) / 100)
    Image.fromarray((128 + noise).round().astype(np.uint8)).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i in range(3):
        draw(tmp_path / f"photos/train/a/{i}.png", (100, 20, 0))
        draw(tmp_path / f"photos/test/a/{i}.png", (0, 20, 100))
    return tmp_path / "photos"


def colors_of(out: Path) -> object:
    return ViewPlan.from_dict(read_codes(out).plan).principal_colors


def test_colours_come_from_the_training_part_alone(photos: Path, tmp_path: Path) -> None:
    embed(photos, tmp_path / "x.codes", views="center, pca:2")
    train = [record for record in open_source(photos).records if record.split == "train"]
    assert colors_of(tmp_path / "x.codes") == measure_colors(train)
    offsets = read_codes(tmp_path / "x.codes").rows.column("color_offset").to_pylist()
    assert offsets[0] is None and max(abs(red) for red, _, _ in filter(None, offsets)) > 0


def test_so_they_do_where_another_part_is_embedded(photos: Path, tmp_path: Path) -> None:
    for part in ("train", "test"):
        embed(photos, tmp_path / f"{part}.codes", views="pca:1", split=part)
    assert colors_of(tmp_path / "train.codes") == colors_of(tmp_path / "test.codes")


def test_new_images_do_not_change_what_is_stored(photos: Path, tmp_path: Path) -> None:
    embed(photos, tmp_path / "x.codes", views="pca:1")
    before = colors_of(tmp_path / "x.codes")
    draw(photos / "train/b/new.png", (100, 100, 100))
    summary = embed(photos, tmp_path / "x.codes", views="pca:1")
    assert (summary.embedded, summary.unchanged) == (1, 6)
    assert colors_of(tmp_path / "x.codes") == before


def test_that_colours_are_computed_is_said_where_they_are(photos: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    for views in ("pca:1", "pca:1", "flip"):
        embed(photos, tmp_path / f"{views}.codes", views=views, on_note=notes.append)
    assert notes == ["the principal colours of the training images are computed first"]
    known = ViewPlan.parse("pca:1").with_colors(measure_colors(open_source(photos).records))
    embed(photos, tmp_path / "known.codes", views=known, on_note=notes.append)
    test = open_source(photos).filter(split="test")
    with pytest.raises(UsageError, match="without 'train'"):
        embed(test, tmp_path / "test.codes", views="pca:1", on_note=notes.append)
    assert len(notes) == 1


def test_a_plan_that_differs_otherwise_is_refused_by_that(photos: Path, tmp_path: Path) -> None:
    embed(photos, tmp_path / "x.codes", views="pca:1")
    with pytest.raises(SpaceMismatch, match=r"plan.random.count: 1 \(stored\) against 2 \(now\)") as caught:
        embed(photos, tmp_path / "x.codes", views="pca:2")
    assert "variances" not in str(caught.value)


def test_parts_without_training_images(photos: Path, tmp_path: Path) -> None:
    source = open_source(photos).filter(split="test")
    with pytest.raises(UsageError, match="without 'train'.*views write"):
        embed(source, tmp_path / "x.codes", views="pca:1")
    plan = ViewPlan.parse("pca:1").with_colors(measure_colors(source.records))
    assert embed(source, tmp_path / "x.codes", views=plan).rows == 3


def test_images_of_one_colour_have_no_principal_colours(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one colour.*leave 'pca' out"):
        embed([np.full((9, 9, 3), 80, np.uint8)], tmp_path / "x.codes", views="pca:1")
    assert not (tmp_path / "x.codes").exists()


def test_colours_are_measured_once_for_all_plans() -> None:
    images = records_from([RNG.integers(0, 256, (9, 9, 3), dtype=np.uint8)])
    first, second, third = settle_plans([ViewPlan.parse(n) for n in ("pca:1", "flip", "pca:3")], images)
    assert first.principal_colors == third.principal_colors == measure_colors(images)
    assert second == ViewPlan.parse("flip")


def test_colours_that_a_plan_has_stay() -> None:
    [image] = records_from([RNG.integers(0, 256, (9, 9, 3), dtype=np.uint8)])
    own = replace(measure_colors([image]), n_images=77)
    plan = ViewPlan.parse("pca:1").with_colors(own)
    assert settle_plans([plan], [image]) == [plan]


def test_training_images_that_become_test_images_are_warned_of(photos: Path, tmp_path: Path) -> None:
    flat = photos / "train"
    embed(hold_out(open_source(flat), 0.3), tmp_path / "held.codes", views="pca:1")
    embed(flat, tmp_path / "x.codes", views="pca:1")
    with pytest.warns(UserWarning, match="1 images are of another part than 'train' now.*another folder"):
        embed(hold_out(open_source(flat), 0.3), tmp_path / "x.codes", views="pca:1")
