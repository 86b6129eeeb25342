"""The batch job: resuming, what changed, what cannot be read, and what other tools see."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cnncodes import embed, open_codes, read_codes
from cnncodes.embedding import EmbedSummary
from cnncodes.errors import ResultWarning, SourceError, SpaceMismatch, StoreError, UsageError
from cnncodes.images import ImageRecord, open_source
from cnncodes.store.repairing import repair_codes
from cnncodes.store.summary import summarize_codes
from cnncodes.store.verifying import find_problems
from cnncodes.views import ViewPlan


@dataclass(frozen=True, slots=True, eq=False)
class SeenRecord(ImageRecord):
    """A record that tells when it is read."""

    seen: list[str] = field(default_factory=list)

    def read(self) -> Any:
        self.seen.append(self.key)
        return ImageRecord.read(self)


def draw(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for label in ("cat", "dog"):
        for i in range(3):
            draw(folder / label / f"{i}.png", i + 10 * (label == "dog"))
    return folder


def rows(out: Path) -> list[dict[str, object]]:
    return read_codes(out).to_arrow().drop_columns(["mtime"]).to_pylist()


def test_one_row_a_view_in_order_with_labels(photos: Path, tmp_path: Path) -> None:
    summary = embed(photos, tmp_path / "x.codes", views="flip")
    codes = read_codes(tmp_path / "x.codes")
    assert (summary.images, summary.embedded, summary.rows, summary.views_run) == (6, 6, 12, 12)
    keys = [f"{label}/{i}.png" for label in ("cat", "dog") for i in range(3)]
    assert list(codes.images) == [key for key in keys for _ in range(2)]
    assert list(codes.y) == ["cat"] * 6 + ["dog"] * 6
    assert codes.views.tolist() == [0, 1] * 6
    assert codes.X.shape == (12, 1280) and len(np.unique(codes.X, axis=0)) == 12


@pytest.mark.parametrize(("n_jobs", "batch_size"), [(1, 1), (2, 3), (3, 8)])
def test_codes_do_not_depend_on_lanes_and_batches(
    photos: Path, tmp_path: Path, n_jobs: int, batch_size: int
) -> None:
    embed(photos, tmp_path / "plain.codes", views="flip", dtype="float32", n_jobs=1)
    embed(photos, tmp_path / "x.codes", views="flip", dtype="float32", n_jobs=n_jobs, batch_size=batch_size)
    assert rows(tmp_path / "x.codes") == rows(tmp_path / "plain.codes")


def test_identical_views_are_run_once_and_stored_as_all_their_rows(tmp_path: Path) -> None:
    square = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    plan = ViewPlan(short_sides=(224,), crops="five", mirror=True)
    summary = embed([square], tmp_path / "x.codes", views=plan, dtype="float32")
    assert (summary.rows, summary.views_run) == (10, 2)
    codes = read_codes(tmp_path / "x.codes").X
    assert len(codes) == 10 and len(np.unique(codes, axis=0)) == 2


def test_the_same_command_again_does_nothing(photos: Path, tmp_path: Path) -> None:
    embed(photos, tmp_path / "x.codes")
    [shard] = (tmp_path / "x.codes" / "data").iterdir()
    before = shard.stat().st_ino, shard.stat().st_mtime_ns
    summary = embed(photos, tmp_path / "x.codes")
    assert (summary.embedded, summary.unchanged, summary.removed, summary.relabelled) == (0, 6, 0, 0)
    assert (shard.stat().st_ino, shard.stat().st_mtime_ns) == before


def test_changed_new_and_vanished_images_are_followed(photos: Path, tmp_path: Path) -> None:
    embed(photos, tmp_path / "x.codes")
    draw(photos / "cat" / "1.png", 99)
    draw(photos / "bird" / "0.png", 50)
    (photos / "dog" / "2.png").unlink()
    (photos / "dog" / "1.png").rename(photos / "cat" / "new.png")
    summary = embed(photos, tmp_path / "x.codes")
    assert (summary.embedded, summary.unchanged, summary.removed) == (3, 3, 2)
    embed(photos, tmp_path / "fresh.codes")
    assert rows(tmp_path / "x.codes") == rows(tmp_path / "fresh.codes")


def test_a_label_corrected_in_the_table_is_corrected_in_the_codes(photos: Path, tmp_path: Path) -> None:
    def write_table(label: str, split: str) -> Path:
        table = photos / "table.csv"
        with open(table, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["image", "label", "split"])
            writer.writerows([["cat/0.png", label, split], ["dog/0.png", "dog", "train"]])
        return table

    embed(write_table("dgo", "train"), tmp_path / "x.codes")
    summary = embed(write_table("cat", "test"), tmp_path / "x.codes")
    assert (summary.embedded, summary.unchanged, summary.relabelled) == (0, 2, 1)
    codes = read_codes(tmp_path / "x.codes")
    assert list(zip(codes.y, codes.split, strict=True)) == [("cat", "test"), ("dog", "train")]


def write_groups(table: Path, groups: list[str]) -> Path:
    """Write a table of the first pictures, each with its group."""
    rows = [[f"{label}/{i}.png", label] for label in ("cat", "dog") for i in range(3)]
    with open(table, "w", newline="") as file:
        lines = [[*row, group] for row, group in zip(rows, groups, strict=False)]
        csv.writer(file).writerows([["image", "label", "who"], *lines])
    return table


def embed_groups(photos: Path, out: Path, groups: list[str]) -> EmbedSummary:
    return embed(open_source(write_groups(photos / "t.csv", groups), group_column="who"), out, n_jobs=1)


def test_groups_of_a_table_are_stored_and_follow_it(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.codes"
    shutil.copy(photos / "cat" / "2.png", photos / "dog" / "2.png")  # one content, of two groups
    embed_groups(photos, out, ["anna", "otto", "eva", "anna", "", "otto"])
    codes = read_codes(out)
    assert codes.rows.column("group").to_pylist() == ["anna", "otto", "eva", "anna", None, "otto"]
    assert codes.contents[2] == codes.contents[5] and len(set(codes.contents)) == 5
    joined = [min(codes.contents[[0, 3]]), min(codes.contents[[1, 2]]), codes.contents[4]]
    assert list(codes.groups) == [joined[i] for i in (0, 1, 1, 0, 2, 1)]
    summary = embed_groups(photos, out, ["anna", "otto", "eva", "eva", "eva", "otto"])
    assert (summary.embedded, summary.unchanged, summary.relabelled) == (0, 6, 2)
    codes = read_codes(out)
    assert codes.rows.column("group").to_pylist() == ["anna", "otto", "eva", "eva", "eva", "otto"]
    assert len(set(codes.groups)) == 2
    with pytest.warns(ResultWarning, match="the codes lose all of their groups"):
        embed(photos, out, n_jobs=1)  # which knows of no groups
    codes = read_codes(out)
    assert codes.rows.column("group").null_count == 6 and list(codes.groups) == list(codes.contents)


@pytest.mark.parametrize("broken", [False, True])
def test_images_that_keep_their_codes_follow_the_table_too(
    photos: Path, tmp_path: Path, broken: bool
) -> None:
    """What cannot be read, or be decoded, now: its label and group are known all the same."""
    out = tmp_path / "x.codes"
    embed_groups(photos, out, ["anna", "anna", "otto", "otto", "eva", "eva"])
    for path in photos.glob("*/*.png"):
        if broken:
            path.write_bytes(b"")
        elif path.name != "0.png":
            path.unlink()
    groups = ["eva", "eva", "karl", "karl", "anna", "anna"]
    if broken:
        with pytest.raises(StoreError, match="Their codes stay"):
            embed_groups(photos, out, groups)
    else:
        assert embed_groups(photos, out, groups).failed == 4
    codes = read_codes(out)
    assert codes.rows.column("group").to_pylist() == groups and len(codes) == 6


def drop_groups(out: Path) -> None:
    """Leave a dataset as it was written before groups were kept."""
    manifest = json.loads((out / "manifest.json").read_text())
    for shard in manifest["shards"]:
        file = out / "data" / shard["name"]
        pq.write_table(pq.read_table(file).drop_columns("group"), file)
        data = file.read_bytes()
        shard |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (out / "manifest.json").write_text(json.dumps(manifest))


def test_codes_that_were_stored_without_groups_are_gone_on_with(photos: Path, tmp_path: Path) -> None:
    out, groups = tmp_path / "x.codes", ["anna", "anna", "otto", "otto", "eva", "eva"]
    embed_groups(photos, out, groups[:4])
    drop_groups(out)
    for codes in (read_codes(out), open_codes(out)):
        assert len(codes) == 4 and list(codes.groups) == list(codes.contents)
    assert find_problems(out) == [] and summarize_codes(out).groups == 0
    (out / "manifest.json").unlink()
    repaired = repair_codes(out)
    assert repaired is not None and not repaired.left_out and len(read_codes(out)) == 4
    summary = embed_groups(photos, out, groups)
    assert (summary.embedded, summary.unchanged, summary.relabelled) == (2, 4, 4)
    assert read_codes(out).rows.column("group").to_pylist() == groups
    drop_groups(out)
    (photos / "cat" / "0.png").unlink()  # rows go, from a shard that is written anew
    write_groups(photos / "t.csv", [])
    assert embed(photos, out, n_jobs=1).removed == 1
    assert read_codes(out).rows.column("group").null_count == 5


def test_what_cannot_be_read_is_a_row_of_the_failures_until_it_changes(photos: Path, tmp_path: Path) -> None:
    whole = (photos / "cat" / "0.png").read_bytes()
    (photos / "cat" / "0.png").write_bytes(whole[: len(whole) // 2])
    (photos / "dog" / "text.png").write_text("no picture")
    (photos / "dog" / "empty.jpg").touch()
    (photos / "dog" / "gone.jpg").symlink_to(photos / "nowhere.jpg")
    out = tmp_path / "x.codes"
    summary = embed(photos, out)
    assert (summary.images, summary.embedded, summary.failed) == (9, 5, 4)
    codes = read_codes(out)
    failures = {row["image"]: (row["stage"], row["reason"]) for row in codes.failures.to_pylist()}
    assert set(failures) == {"cat/0.png", "dog/text.png", "dog/empty.jpg", "dog/gone.jpg"}
    assert failures["dog/empty.jpg"] == ("decode", "the file is empty")
    assert failures["dog/gone.jpg"][0] == "read"
    assert not set(failures) & set(codes.images)
    (photos / "cat" / "0.png").write_bytes(whole)
    (photos / "dog" / "text.png").unlink()
    again = embed(photos, out)
    assert (again.embedded, again.unchanged, again.failed, again.still_failed) == (1, 5, 2, 1)
    assert {row["image"] for row in read_codes(out).failures.to_pylist()} == {"dog/empty.jpg", "dog/gone.jpg"}


def test_a_picture_without_pixels_is_one_failure(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", size) for size in ((0, 10), (20, 20), (10, 0))]
    summary = embed([*pictures, np.zeros((0, 0, 3), np.uint8)], tmp_path / "x.codes")
    assert (summary.embedded, summary.failed) == (1, 3)
    assert {row["stage"] for row in read_codes(tmp_path / "x.codes").failures.to_pylist()} == {"decode"}


def test_an_array_of_too_many_pixels_is_told_by_these_before_it_is_copied(tmp_path: Path) -> None:
    embed([np.broadcast_to(np.uint8(7), (10**6, 10**6, 3))], tmp_path / "x.codes")
    (failure,) = read_codes(tmp_path / "x.codes").failures.to_pylist()
    assert (failure["stage"], failure["limited_by"]) == ("decode", "max_pixels")
    assert failure["reason"].startswith("1000000 x 1000000 pixels are more than the limit of 89478485")


def test_a_job_of_nothing_but_failures_ends_with_an_empty_dataset(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").touch()
    summary = embed(tmp_path / "in", tmp_path / "x.codes")
    assert (summary.embedded, summary.failed) == (0, 1)
    assert read_codes(tmp_path / "x.codes").X.shape == (0, 1280)


def test_other_tools_open_the_folder_whole_with_failures_beside_it(photos: Path, tmp_path: Path) -> None:
    (photos / "dog" / "text.png").write_text("no picture")
    out = tmp_path / "x.codes"
    embed(photos, out, views="flip", shard_images=2)
    codes = read_codes(out)
    assert len(list((out / "data").iterdir())) > 1 and codes.failures.num_rows == 1
    frame = pd.read_parquet(out / "data").sort_values(["image", "view"])
    polars = pl.read_parquet(out / "data").sort("image", "view")
    ducks = duckdb.sql(
        f"select image, label, code from read_parquet('{out}/data/*.parquet') order by image, view"
    )
    columns = ducks.fetchnumpy()
    for images, labels, vectors in (
        (frame["image"], frame["label"], np.stack(frame["code"].to_list())),
        (polars["image"], polars["label"], polars["code"].to_numpy()),
        (columns["image"], columns["label"], np.stack(columns["code"])),
    ):
        assert list(images) == list(codes.images)
        assert list(labels) == list(codes.y)
        assert np.array_equal(np.asarray(vectors, np.float32), codes.X)


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"views": "flip"}, "mirror"), ({"decode": "fast"}, "decoding"), ({"dtype": "float32"}, "dtype")],
)
def test_another_space_plan_or_precision_is_refused_by_name(
    photos: Path, tmp_path: Path, changed: dict[str, str], named: str
) -> None:
    embed(photos, tmp_path / "x.codes")
    before = rows(tmp_path / "x.codes")
    with pytest.raises(SpaceMismatch, match=named):
        embed(photos, tmp_path / "x.codes", **changed)  # type: ignore[arg-type]
    assert rows(tmp_path / "x.codes") == before


def test_a_source_that_is_gone_leaves_the_codes_alone(photos: Path, tmp_path: Path) -> None:
    embed(photos, tmp_path / "x.codes")
    before = rows(tmp_path / "x.codes")
    shutil.rmtree(photos)
    with pytest.raises(SourceError, match="there is nothing at"):
        embed(photos, tmp_path / "x.codes")
    photos.mkdir()
    with pytest.raises(SourceError, match="no images in"):
        embed(photos, tmp_path / "x.codes")
    assert rows(tmp_path / "x.codes") == before


def test_a_wrong_source_does_not_cost_the_codes(photos: Path, tmp_path: Path) -> None:
    embed(photos, tmp_path / "x.codes")
    before = rows(tmp_path / "x.codes")
    draw(tmp_path / "others" / "bird" / "0.png", 7)
    with pytest.raises(StoreError, match="6 images, and 6 of them are not in .*others.*remove_missing=True"):
        embed(tmp_path / "others", tmp_path / "x.codes")
    with pytest.raises(SourceError, match="no images of the part 'tset'"):
        embed(photos, tmp_path / "x.codes", split="tset")
    assert rows(tmp_path / "x.codes") == before
    summary = embed(tmp_path / "others", tmp_path / "x.codes", remove_missing=True)
    assert (summary.embedded, summary.removed) == (1, 6)


def test_a_part_does_not_cost_the_rest(tmp_path: Path) -> None:
    for i in range(24):
        draw(tmp_path / "in" / ("train" if i % 2 else "test") / "cat" / f"{i}.png", i)
    embed(tmp_path / "in", tmp_path / "x.codes")
    before = rows(tmp_path / "x.codes")
    with pytest.raises(StoreError, match="24 images, and 12 of them are not in"):
        embed(tmp_path / "in", tmp_path / "x.codes", split="train")
    assert rows(tmp_path / "x.codes") == before


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for i in range(24):
        draw(tmp_path / "many" / ("cat" if i % 2 else "dog") / f"{i}.png", i)
    return tmp_path / "many"


def test_a_folder_may_be_renamed(many: Path, tmp_path: Path) -> None:
    embed(many, tmp_path / "x.codes")
    (many / "cat").rename(many / "tiger")
    summary = embed(many, tmp_path / "x.codes")
    assert (summary.embedded, summary.copies, summary.removed, summary.views_run) == (12, 12, 12, 0)
    embed(many, tmp_path / "fresh.codes")
    assert rows(tmp_path / "x.codes") == rows(tmp_path / "fresh.codes")


def test_many_images_that_are_no_renamed_ones_are_not_removed(many: Path, tmp_path: Path) -> None:
    embed(many, tmp_path / "x.codes")
    before = rows(tmp_path / "x.codes")
    (many / "cat").rename(many / "tiger")
    for path in sorted((many / "tiger").iterdir())[:11]:
        path.write_bytes(path.read_bytes() + b"-")
    with pytest.raises(StoreError, match=r"12 of them are not in .*\. 1 of them is there under other names"):
        embed(many, tmp_path / "x.codes")
    assert rows(tmp_path / "x.codes") == before


def test_where_all_names_are_others_it_is_asked_whether_another_folder_was_meant(
    many: Path, tmp_path: Path
) -> None:
    embed(many, tmp_path / "x.codes")
    before = rows(tmp_path / "x.codes")
    (tmp_path / "above").mkdir()
    many.rename(tmp_path / "above" / "many")
    with pytest.raises(StoreError, match=r"All of them are there under other names.*'many/.*above or below"):
        embed(tmp_path / "above", tmp_path / "x.codes")
    assert rows(tmp_path / "x.codes") == before


def test_a_renamed_image_that_cannot_be_read_keeps_its_codes_under_its_old_name(
    many: Path, tmp_path: Path
) -> None:
    embed(many, tmp_path / "x.codes")
    (many / "cat").rename(many / "tiger")
    damaged = many / "tiger" / "1.png"
    stat = damaged.stat()
    damaged.write_bytes(bytes(stat.st_size))
    os.utime(damaged, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    summary = embed(many, tmp_path / "x.codes")
    assert (summary.embedded, summary.removed, summary.failed) == (11, 11, 1)
    names = {str(row["image"]) for row in rows(tmp_path / "x.codes")}
    assert "cat/1.png" in names and sum(name.startswith("tiger/") for name in names) == 11


def test_images_out_of_reach_keep_their_codes(photos: Path, tmp_path: Path) -> None:
    """As links do whose disk is not mounted."""
    links = tmp_path / "links"
    links.mkdir()
    for path in photos.glob("*/*.png"):
        (links / f"{path.parent.name}-{path.name}").symlink_to(path)
    embed(links, tmp_path / "x.codes")
    before = rows(tmp_path / "x.codes")
    photos.rename(tmp_path / "elsewhere")
    summary = embed(links, tmp_path / "x.codes")
    assert (summary.embedded, summary.unchanged, summary.removed, summary.failed) == (0, 0, 0, 6)
    assert summary.failures[0].stage == "read"
    assert rows(tmp_path / "x.codes") == before
    (tmp_path / "elsewhere").rename(photos)
    assert embed(links, tmp_path / "x.codes").unchanged == 6


def test_images_that_only_a_plugin_reads_keep_their_codes_without_it(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where it is not installed
    for path in photos.glob("cat/*.png"):
        path.rename(path.with_suffix(".heic"))
    with monkeypatch.context() as patched:
        patched.setitem(Image.OPEN, "HEIF", Image.OPEN["PNG"])
        embed(photos, tmp_path / "x.codes")
    before = rows(tmp_path / "x.codes")
    (photos / "dog" / "0.png").unlink()
    draw(photos / "cat" / "new.png", 99).rename(photos / "cat" / "new.heic")
    with pytest.warns(ResultWarning) as caught:
        summary = embed(photos, tmp_path / "x.codes")
    assert (summary.images, summary.unchanged, summary.out_of_reach, summary.removed) == (5, 2, 3, 1)
    assert {failure.key for failure in summary.failures} == {f"cat/{i}.heic" for i in range(3)}
    assert rows(tmp_path / "x.codes") == [row for row in before if row["image"] != "dog/0.png"]
    told = str(caught[-1].message)
    assert "keeps the codes of 3 images" in told and "pip install pillow-heif" in told
    with monkeypatch.context() as patched:
        patched.setitem(Image.OPEN, "HEIF", Image.OPEN["PNG"])
        summary = embed(photos, tmp_path / "x.codes")
    assert (summary.embedded, summary.unchanged, summary.failed) == (1, 5, 0)


def test_a_stored_image_that_breaks_is_a_failure(photos: Path, tmp_path: Path) -> None:
    embed(photos, tmp_path / "x.codes")
    (photos / "cat" / "1.png").write_bytes(b"cut off")
    summary = embed(photos, tmp_path / "x.codes")
    assert (summary.unchanged, summary.failed) == (5, 1)
    codes = read_codes(tmp_path / "x.codes")
    assert "cat/1.png" not in set(codes.images)
    assert codes.failures.column("image").to_pylist() == ["cat/1.png"]


@pytest.mark.parametrize("kind", ["arrays", "PIL images", "bytes"])
def test_what_is_in_memory_is_known_by_its_content(kind: str, tmp_path: Path) -> None:
    def pictures(seed: int) -> list[object]:
        arrays = [np.full((32, 32, 3), level, np.uint8) for level in (0, 100, seed)]
        if kind == "arrays":
            return arrays
        images = [Image.fromarray(array) for array in arrays]
        return images if kind == "PIL images" else [b"P6 32 32 255 " + image.tobytes() for image in images]

    embed(pictures(150), tmp_path / "x.codes")
    again = embed(pictures(150), tmp_path / "x.codes")
    assert (again.embedded, again.unchanged) == (0, 3)
    changed = embed(pictures(250), tmp_path / "x.codes")
    assert (changed.embedded, changed.unchanged) == (1, 2)
    embed(pictures(250), tmp_path / "fresh.codes")
    assert rows(tmp_path / "x.codes") == rows(tmp_path / "fresh.codes")


def test_progress_counts_every_image(photos: Path, tmp_path: Path) -> None:
    (photos / "dog" / "text.png").write_text("no picture")
    calls: list[tuple[int, int, int]] = []
    embed(photos, tmp_path / "x.codes", on_progress=lambda *call: calls.append(call))
    assert [done for done, _, _ in calls] == list(range(1, 8))
    assert calls[-1] == (7, 7, 1)


@pytest.mark.parametrize(("views", "shard_images"), [("tencrop", 2048), ("center", 1)])
def test_many_views_or_small_shards_are_stored_as_they_are_made(
    views: str, shard_images: int, tmp_path: Path
) -> None:
    read: list[str] = []
    numbers = np.random.default_rng(0).integers(0, 256, (60, 40, 48, 3), dtype=np.uint8)

    def stop(done: int, total: int, failed: int) -> None:
        raise KeyboardInterrupt

    source = open_source(list(numbers))
    watched = [SeenRecord(record.key, record.data, seen=read) for record in source.records]
    options: dict[str, Any] = {"views": views, "shard_images": shard_images, "n_jobs": 1}
    with pytest.raises(KeyboardInterrupt):
        embed(replace(source, records=watched), tmp_path / "x.codes", **options, on_progress=stop)
    assert len(set(read)) < 20  # and not a chunk of 24, whose results come at its end


@pytest.mark.parametrize(
    "wrong",
    [
        {"views": "tencorp"},
        {"decode": "quick"},
        {"dtype": "int8"},
        {"batch_size": 0},
        {"shard_images": 0},
        {"n_jobs": 0},
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(
    photos: Path, tmp_path: Path, wrong: dict[str, object]
) -> None:
    with pytest.raises(UsageError):
        embed(photos, tmp_path / "x.codes", **wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "x.codes").exists()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"remove_missing": "no"}, "remove_missing must be True or False. Got 'no'"),
        ({"retry_failed": 2}, "retry_failed must be True or False"),
        ({"shard_images": 1.5}, "shard_images must be a whole number of at least 1. Got 1.5"),
        ({"shard_images": True}, "shard_images must be"),
        ({"shard_images": "5"}, "shard_images must be"),
        ({"on_progress": 5}, "on_progress must be a function"),
        ({"on_note": 5, "batch_size": "auto"}, "on_note must be a function"),
        ({"out": "a\0b"}, "out holds a zero byte"),
    ],
)
def test_wrong_arguments_are_said_before_anything_is_written(
    tmp_path: Path, given: dict[str, Any], match: str
) -> None:
    pictures = [np.zeros((40, 40, 3), np.uint8)]
    with pytest.raises(UsageError, match=match):
        embed(pictures, **{"out": tmp_path / "x.codes", **given})
    assert list(tmp_path.iterdir()) == []


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    pictures = [np.full((40, 40, 3), level, np.uint8) for level in (0, 200)]
    numbers: dict[str, Any] = {
        "batch_size": np.int64(4),
        "shard_images": np.int64(1),
        "random_state": np.int64(3),
    }
    found = embed(pictures, tmp_path / "x.codes", retry_failed=np.False_, **numbers)
    assert found.embedded == 2
