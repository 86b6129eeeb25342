"""Random views are a function of random_state, content and view number, however the job is run."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from small_backbones import write_backbone

from cnncodes import ViewPlan, embed, load_backbone, read_codes
from cnncodes.backbones import Backbone
from cnncodes.images import content_hash
from cnncodes.views import PrincipalColors

RNG = np.random.default_rng(5)
SIZES = ((40, 48), (90, 31), (33, 33), (3, 3), (64, 200), (41, 60))
PICTURES = [RNG.integers(0, 256, (*size, 3), dtype=np.uint8) for size in SIZES]
COLORS = PrincipalColors((900.0, 100.0, 9.0), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), 1, 1)
EVERYTHING = (
    "train+brightness+contrast+saturation+pca+translation+rotation+stretching+shearing+perspective+lens:5"
)
PLANS = {
    "all": ViewPlan.parse(f"tencrop, {EVERYTHING}").with_colors(COLORS),
    "area": ViewPlan.parse("area-crop+flip:3"),
    "fixed": ViewPlan.parse("multicrop"),
}
VIEWS_OF_IMAGE = ("view", "view_name", "box", "scale", "flip", "width", "height")

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return load_backbone(write_backbone(tmp_path_factory.mktemp("small"), "mean"))


def write_pictures(folder: Path, order: list[int], first: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    for name, number in enumerate(order, start=first):
        Image.fromarray(PICTURES[number]).save(folder / f"{name:03}.png")
    return folder


def rows_by_content(out: Path) -> Rows:
    """What is stored of each content, but for the names of the files."""
    found: Rows = {}
    for row in read_codes(out).to_arrow().drop_columns(["image", "size", "mtime"]).to_pylist():
        found.setdefault(str(row["content"]), []).append(row)
    return found


@pytest.fixture(scope="module", params=PLANS)
def reference(
    request: pytest.FixtureRequest, backbone: Backbone, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ViewPlan, Rows]:
    folder = tmp_path_factory.mktemp("reference")
    photos = write_pictures(folder / "photos", list(range(len(PICTURES))))
    plan = PLANS[request.param]
    options: Any = {"views": plan, "backbone": backbone, "dtype": "float32"}
    embed(photos, folder / "x.codes", n_jobs=1, batch_size=1, **options)
    return plan, rows_by_content(folder / "x.codes")


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(len(PICTURES))),
    n_jobs=st.integers(1, 3),
    batch_size=st.integers(1, 40),
    shard_images=st.integers(1, 8),
    before=st.integers(0, len(PICTURES)),
)
def test_rows_do_not_depend_on_order_lanes_batches_shards_or_resuming(
    reference: tuple[ViewPlan, Rows],
    backbone: Backbone,
    order: list[int],
    n_jobs: int,
    batch_size: int,
    shard_images: int,
    before: int,
) -> None:
    plan, expected = reference
    options: Any = {"views": plan, "backbone": backbone, "dtype": "float32", "shard_images": shard_images}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part, first in ((order[:before], 0), (order[before:], before)):
            photos = write_pictures(folder / "photos", part, first)
            if part:
                embed(photos, folder / "x.codes", n_jobs=n_jobs, batch_size=batch_size, **options)
        assert rows_by_content(folder / "x.codes") == expected


@settings(max_examples=25)
@given(number=st.integers(0, len(PICTURES) - 1), few=st.integers(1, 4), state=st.integers(0, 3))
def test_fewer_views_are_the_first_of_more(backbone: Backbone, number: int, few: int, state: int) -> None:
    image = Image.fromarray(PICTURES[number])
    content = content_hash(PICTURES[number])
    short, long = (
        ViewPlan.parse(f"train+rotation+lens:{count}", random_state=state).render(
            image, backbone.frame, content
        )
        for count in (few, 5)
    )
    assert short.views == long.views[:few]
    np.testing.assert_array_equal(short.pixels[short.index], long.pixels[long.index[:few]])


def test_another_state_or_content_gives_other_views(backbone: Backbone) -> None:
    plans = [ViewPlan.parse("train:4", random_state=state) for state in (0, 1)]
    drawn = {
        tuple(view.box for view in plan.locate((300, 200), backbone.frame, content))
        for plan in plans
        for content in ("a", "b")
    }
    assert len(drawn) == 4


def test_the_columns_say_what_was_drawn(reference: tuple[ViewPlan, Rows], backbone: Backbone) -> None:
    plan, stored = reference
    for picture in PICTURES:
        image = Image.fromarray(picture)
        [rows] = [
            rows
            for rows in stored.values()
            if (rows[0]["width"], rows[0]["height"]) == image.size and _is_of(rows[0], picture)
        ]
        views = plan.locate(image.size, backbone.frame, rows[0]["content"])
        for row, view in zip(rows, views, strict=True):
            for name, value in view.parameters().items():
                if name in VIEWS_OF_IMAGE or name in plan.columns:
                    np.testing.assert_array_equal(_as_stored(row[name]), _as_stored(value), name)


def _is_of(row: dict[str, Any], picture: np.ndarray) -> bool:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return content_hash(buffer.getvalue()) == row["content"]


def _as_stored(value: Any) -> Any:
    return value if isinstance(value, str | bool | int) else np.float32(value)
