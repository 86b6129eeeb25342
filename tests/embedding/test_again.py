"""A job run again: what counts as changed, what failed before, and images of equal content."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cnncodes import embed, load_backbone, read_codes
from cnncodes.backbones import Backbone
from cnncodes.errors import ResultWarning, StoreError, UsageError
from cnncodes.images import open_source
from cnncodes.store import verify_codes
from cnncodes.store.summary import summarize_codes
from cnncodes.store.verifying import find_problems

sys.path.append(str(Path(__file__).parents[1] / "backbones"))
from small_backbones import write_backbone


def draw(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "PNG")
    return path


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return load_backbone(write_backbone(tmp_path_factory.mktemp("small"), "mean"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(6):
        draw(tmp_path / "photos" / ("cat" if number % 2 else "dog") / f"{number}.png", number)
    return tmp_path / "photos"


def rows(out: Path, *without: str) -> list[dict[str, Any]]:
    return read_codes(out).to_arrow().drop_columns(["mtime", *without]).to_pylist()


def times(out: Path) -> dict[str, int]:
    table = read_codes(out).to_arrow()
    return dict(zip(table["image"].to_pylist(), table["mtime"].to_pylist(), strict=True))


def change_unseen(path: Path, seed: int) -> None:
    """Replace a file by another of its size, with its time."""
    before = path.stat()
    draw(path, seed)
    with open(path, "ab") as file:  # what stands after a PNG's end is not looked at
        file.write(b"\0" * (before.st_size - path.stat().st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


@pytest.mark.parametrize("check", ["stat", "content"])
def test_a_touched_file_is_not_embedded_again(
    photos: Path, tmp_path: Path, backbone: Backbone, check: str
) -> None:
    out = tmp_path / "x.codes"
    embed(photos, out, backbone=backbone)
    before = rows(out)
    os.utime(photos / "cat" / "1.png", ns=(10**18, 10**18))
    summary = embed(photos, out, backbone=backbone, check=check)
    assert (summary.embedded, summary.unchanged, summary.views_run) == (0, 6, 0)
    assert rows(out) == before and times(out)["cat/1.png"] == 10**18
    shards = list((out / "data").iterdir())
    assert embed(photos, out, backbone=backbone).unchanged == 6
    assert list((out / "data").iterdir()) == shards
    verify_codes(out)


@pytest.mark.parametrize(("cell", "reason"), [(None, "holds no bytes"), (b"", "the file is empty")])
def test_a_cell_that_holds_no_picture_any_more_is_a_failure_and_no_row(
    photos: Path, tmp_path: Path, backbone: Backbone, cell: bytes | None, reason: str
) -> None:
    out, table = tmp_path / "x.codes", tmp_path / "table.parquet"
    files = [path.read_bytes() for path in sorted(photos.rglob("*.png"))[:3]]
    pq.write_table(pa.table({"image": files, "label": ["a", "b", "c"]}), table)
    embed(table, out, backbone=backbone)
    images = pa.array([files[0], cell, files[2]], pa.binary())
    pq.write_table(pa.table({"image": images, "label": ["a", "x", "c"], "more": [1, 2, 3]}), table)
    for tried in (True, False):
        summary = embed(table, out, backbone=backbone)
        assert (summary.unchanged, summary.failed, summary.still_failed) == (2, 1, 0 if tried else 1)
        codes = read_codes(out)
        assert list(zip(codes.images, codes.y, strict=True)) == [("row-00000000", "a"), ("row-00000002", "c")]
        [failure] = codes.failures.to_pylist()
        assert failure["image"] == "row-00000001" and reason in failure["reason"]
    verify_codes(out)


def empty_files(photos: Path, number: int) -> Path:
    for file in sorted(photos.rglob("*.png"))[:number]:
        file.write_bytes(b"")
    return photos


def empty_cells(photos: Path, number: int) -> Path:
    files: list[bytes | None] = [path.read_bytes() for path in sorted(photos.rglob("*.png"))]
    table = photos.parent / "table.parquet"
    pq.write_table(pa.table({"image": pa.array([None] * number + files[number:], pa.binary())}), table)
    return table


@pytest.mark.parametrize("empty", [empty_files, empty_cells])
@pytest.mark.parametrize("stored", [6, 20])
def test_many_images_that_are_no_pictures_any_more_cost_no_codes_unless_that_is_meant(
    photos: Path, tmp_path: Path, backbone: Backbone, empty: Any, stored: int
) -> None:
    for number in range(6, stored):
        draw(photos / "cat" / f"{number:02}.png", number)
    out = tmp_path / "x.codes"
    embed(empty(photos, 0), out, backbone=backbone, shard_images=4)
    before, many = rows(out, "size"), 6 if stored == 6 else 11
    source = empty(photos, many)
    for _ in range(2):
        with pytest.raises(StoreError, match=f"{stored} images from before, and {many} of.*remove_missing"):
            embed(source, out, backbone=backbone, shard_images=4)
        failures = read_codes(out).failures.to_pylist()
        assert rows(out, "size") == before and len(failures) == many
        assert all(row["codes_kept"] and "decode" in row["stage"] for row in failures)
    [problem] = find_problems(out)
    told = f"{many} images whose codes are stored can be decoded no more, {failures[0]['image']!r} for one"
    assert told in problem and "Restore these images" in problem and "--remove-missing" in problem
    found = summarize_codes(out)
    assert (found.images, found.failures, found.codes_kept) == (stored, {}, many)
    summary = embed(source, out, backbone=backbone, remove_missing=True)
    assert (summary.failed, summary.given_up, summary.unchanged) == (many, many, stored - many)
    assert len(read_codes(out).images) == stored - many and len(read_codes(out).failures) == many
    assert not any(read_codes(out).failures["codes_kept"].to_pylist())
    assert find_problems(out) == []


@pytest.mark.parametrize(("stored", "many"), [(20, 11), (6, 6)])
def test_what_is_refused_stays_refused_as_new_images_come(
    photos: Path, tmp_path: Path, backbone: Backbone, stored: int, many: int
) -> None:
    out = tmp_path / "x.codes"
    for number in range(6, stored):
        draw(photos / "cat" / f"{number:02}.png", number)
    embed(photos, out, backbone=backbone)
    empty_files(photos, many)
    for number in range(120):
        draw(photos / "dog" / f"new{number:03}.png", 100 + number)
    for _ in range(3):  # from the second on, these are few of many
        with pytest.raises(StoreError, match=f"{many} of them cannot .*Their codes stay, failures.parquet"):
            embed(photos, out, backbone=backbone)
        assert len(read_codes(out).images) == stored + 120
    first = sorted(photos.rglob("*.png"))[0]
    first.unlink()  # one that is empty
    with pytest.raises(StoreError, match=f"1 of them is not in .*/{first.name}' for one. A job was refused"):
        embed(photos, out, backbone=backbone)
    assert len(read_codes(out).images) == stored + 120
    summary = embed(photos, out, backbone=backbone, remove_missing=True)
    assert (summary.removed, summary.given_up) == (1, many - 1) and find_problems(out) == []


@pytest.mark.parametrize("keep_time", [True, False])
def test_images_that_are_restored_are_damaged_no_more(
    photos: Path, tmp_path: Path, backbone: Backbone, keep_time: bool
) -> None:
    out, copy = tmp_path / "x.codes", tmp_path / "copy"
    embed(photos, out, backbone=backbone)
    before = rows(out)
    shutil.copytree(photos, copy)
    empty_files(photos, 6)
    with pytest.raises(StoreError, match="6 of them cannot be decoded"):
        embed(photos, out, backbone=backbone)
    shutil.rmtree(photos)
    shutil.copytree(copy, photos, copy_function=shutil.copy2 if keep_time else shutil.copy)
    summary = embed(photos, out, backbone=backbone)
    assert (summary.unchanged, summary.failed, summary.views_run) == (6, 0, 0)
    assert rows(out) == before and len(read_codes(out).failures) == 0 and find_problems(out) == []


def test_damage_that_only_the_content_tells_of_stays_refused(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    out = tmp_path / "x.codes"
    embed(photos, out, backbone=backbone)
    for file in photos.rglob("*.png"):
        before = file.stat()
        file.write_bytes(bytes(before.st_size))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    for check in ("content", "stat"):
        with pytest.raises(StoreError, match="6 of them cannot be decoded"):
            embed(photos, out, backbone=backbone, check=check)


def test_codes_that_are_kept_stay_where_the_file_that_marks_them_is_deleted(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    """As is advised where it is damaged: what is few then was refused before."""
    out, copy = tmp_path / "x.codes", tmp_path / "copy"
    for number in range(6, 50):
        draw(photos / "cat" / f"{number:02}.png", number)
    embed(photos, out, backbone=backbone)
    shutil.copytree(photos, copy)
    emptied = sorted(photos.rglob("*.png"))[:14]
    empty_files(photos, 14)
    with pytest.raises(StoreError, match="14 of them cannot be decoded"):
        embed(photos, out, backbone=backbone)
    for file in emptied[:6]:
        shutil.copyfile(copy / file.relative_to(photos), file)
    with pytest.raises(StoreError, match="8 of them cannot be decoded"):
        embed(photos, out, backbone=backbone)
    (out / "failures.parquet").write_bytes(b"damaged")
    with pytest.raises(StoreError, match="delete this one file: no codes are lost"):
        embed(photos, out, backbone=backbone)
    (out / "failures.parquet").unlink()
    [problem] = find_problems(out)
    assert (
        "failures.parquet is missing" in problem and "8 images" in problem and "--remove-missing" in problem
    )
    found = summarize_codes(out)
    assert (found.codes_kept, found.marks_lost) == (8, 8)
    with (
        pytest.warns(ResultWarning, match="failures.parquet is missing.* 8 images"),
        pytest.raises(StoreError, match="8 of them cannot be decoded"),
    ):
        embed(photos, out, backbone=backbone)
    assert len(read_codes(out).images) == 50
    found = summarize_codes(out)
    assert (found.codes_kept, found.marks_lost) == (8, 0)  # marked anew
    emptied[6].unlink()
    (out / "failures.parquet").unlink()
    with (
        pytest.warns(ResultWarning, match="failures.parquet is missing"),
        pytest.raises(StoreError, match=r"1 of them is not in .* may have been refused for it"),
    ):
        embed(photos, out, backbone=backbone)
    assert summarize_codes(out).marks_lost == 8  # that job looked at nothing
    with pytest.warns(ResultWarning, match="8 images"):
        summary = embed(photos, out, backbone=backbone, remove_missing=True)
    assert (summary.removed, summary.given_up, summary.views_run) == (1, 7, 0) and find_problems(out) == []
    assert embed(photos, out, backbone=backbone).unchanged == 42


def test_lost_marks_stay_so_while_some_images_are_out_of_reach(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    out = tmp_path / "x.codes"
    embed(photos, out, backbone=backbone)
    files = {file: file.read_bytes() for file in sorted(photos.rglob("*.png"))}
    empty_files(photos, 6)
    with pytest.raises(StoreError, match="6 of them cannot be decoded"):
        embed(photos, out, backbone=backbone)
    (out / "failures.parquet").unlink()
    first, *others = files
    for file in others:
        file.write_bytes(files[file])
    first.unlink()
    first.symlink_to(tmp_path / "not-mounted")
    with pytest.warns(ResultWarning, match="failures.parquet is missing"):
        assert embed(photos, out, backbone=backbone).out_of_reach == 1
    first.unlink()
    first.write_bytes(b"")
    with (
        pytest.warns(ResultWarning, match="failures.parquet lacks"),
        pytest.raises(StoreError, match="1 of them cannot be decoded"),
    ):
        embed(photos, out, backbone=backbone)
    first.write_bytes(files[first])
    assert embed(photos, out, backbone=backbone).unchanged == 6 and find_problems(out) == []


def test_how_many_codes_were_given_up_is_counted(photos: Path, tmp_path: Path, backbone: Backbone) -> None:
    out = tmp_path / "x.codes"
    embed(photos, out, backbone=backbone)
    empty_files(photos, 2)
    (photos / "dog" / "new.png").write_bytes(b"")
    summary = embed(photos, out, backbone=backbone)
    assert (summary.failed, summary.given_up, summary.removed, summary.unchanged) == (3, 2, 0, 4)
    assert embed(photos, out, backbone=backbone).given_up == 0


def test_images_that_are_gone_and_such_as_broke_count_together(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    out = tmp_path / "x.codes"
    embed(photos, out, backbone=backbone)
    before = rows(out)
    shutil.rmtree(photos / "cat")
    empty_files(photos, 3)
    draw(photos / "dog" / "new.png", 9)
    told = r"6 of them are in .* no more \(3\) or cannot be decoded .*\(3\): 'dog/0.png' for one, since the"
    listed = "failures.parquet lists those that cannot be decoded, and not those that are gone"
    with pytest.raises(StoreError, match=f"{told}.*{listed}"):
        embed(photos, out, backbone=backbone)
    kept = [row for row in rows(out) if row["image"] != "dog/new.png"]
    assert kept == before and len(rows(out)) == 7  # what is new is written
    summary = embed(photos, out, backbone=backbone, remove_missing=True)
    assert (summary.removed, summary.failed, summary.unchanged) == (3, 3, 1)
    assert list(read_codes(out).images) == ["dog/new.png"] and find_problems(out) == []


def test_a_file_from_the_far_future_is_embedded_once(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    out = tmp_path / "x.codes"
    (photos / "cat" / "junk.png").write_bytes(b"junk")
    for name in ("1.png", "junk.png"):
        os.utime(photos / "cat" / name, ns=(0, 10**19))
    summary = embed(photos, out, backbone=backbone)
    assert (summary.embedded, [failure.key for failure in summary.failures]) == (6, ["cat/junk.png"])
    assert times(out)["cat/1.png"] == 2**63 - 1
    assert embed(photos, out, backbone=backbone).unchanged == 6
    verify_codes(out)


def test_only_the_content_tells_of_a_change_that_size_and_time_hide(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    out = tmp_path / "x.codes"
    (photos / "cat" / "1.png").write_bytes((photos / "cat" / "1.png").read_bytes() + b"\0" * 200)
    embed(photos, out, backbone=backbone)
    change_unseen(photos / "cat" / "1.png", 77)
    assert embed(photos, out, backbone=backbone).unchanged == 6
    summary = embed(photos, out, backbone=backbone, check="content")
    assert (summary.embedded, summary.unchanged, summary.copies) == (1, 5, 0)
    embed(photos, tmp_path / "fresh.codes", backbone=backbone)
    assert rows(out) == rows(tmp_path / "fresh.codes")
    assert embed(photos, out, backbone=backbone, check="content").unchanged == 6


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that gives an input error")
@pytest.mark.parametrize("check", ["stat", "content"])
def test_a_file_that_is_there_and_cannot_be_read_keeps_its_codes(
    photos: Path, tmp_path: Path, backbone: Backbone, check: str
) -> None:
    out = tmp_path / "x.codes"
    embed(photos, out, backbone=backbone)
    before = rows(out)
    (photos / "cat" / "5.png").unlink()
    (photos / "cat" / "5.png").symlink_to("/proc/self/mem")
    summary = embed(photos, out, backbone=backbone, check=check)
    [failure] = summary.failures
    assert (failure.key, failure.stage, failure.reason) == ("cat/5.png", "read", "Input/output error")
    assert (summary.failed, summary.out_of_reach, summary.given_up) == (1, 1, 0)
    assert rows(out) == before and len(read_codes(out).failures) == 0


@pytest.mark.parametrize("reduce", ["none", "mean"])
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_equal_files_are_embedded_once(
    photos: Path, tmp_path: Path, backbone: Backbone, n_jobs: int, reduce: str
) -> None:
    options: dict[str, Any] = {"views": "train:3", "dtype": "float32", "reduce": reduce, "backbone": backbone}
    for number in range(14):
        shutil.copy(photos / "cat" / f"{1 + number % 2 * 2}.png", photos / "cat" / f"copy-{number:02}.png")
    shutil.copy(photos / "dog" / "0.png", photos / "cat" / "labelled otherwise.png")
    out = tmp_path / "x.codes"
    summary = embed(photos, out, n_jobs=n_jobs, shard_images=7, **options)
    assert (summary.images, summary.embedded, summary.copies) == (21, 21, 15)
    assert summary.views == 21 * 3 and summary.views_run == 6 * 3
    assert summary.rows == (21 if reduce == "mean" else 21 * 3)
    codes = read_codes(out)
    assert len(set(codes.images)) == 21 and len(set(codes.groups)) == 6
    alone = []
    for path in sorted(photos.glob("*/*.png")):  # each in a job of its own
        one = tmp_path / "alone" / path.relative_to(photos)
        one.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, one)
        embed(tmp_path / "alone", tmp_path / "alone.codes", n_jobs=1, **options)
        alone += rows(tmp_path / "alone.codes")
        shutil.rmtree(tmp_path / "alone")
        shutil.rmtree(tmp_path / "alone.codes")
    assert rows(out) == alone
    verify_codes(out)


def test_a_copy_of_a_stored_image_takes_its_codes(photos: Path, tmp_path: Path, backbone: Backbone) -> None:
    out = tmp_path / "x.codes"
    embed(photos, out, views="flip", backbone=backbone, shard_images=2)
    shutil.copy(photos / "dog" / "4.png", photos / "dog" / "new.png")
    (photos / "cat").rename(photos / "lion")  # all of a class is renamed: nothing is run again
    summary = embed(photos, out, views="flip", backbone=backbone, shard_images=2, remove_missing=True)
    assert (summary.embedded, summary.copies, summary.removed, summary.views_run) == (4, 4, 3, 0)
    embed(photos, tmp_path / "fresh.codes", views="flip", backbone=backbone)
    assert rows(out) == rows(tmp_path / "fresh.codes")
    verify_codes(out)


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("change", ["first goes", "another before", "backwards"])
def test_files_that_are_renumbered_take_their_codes_with_them(
    tmp_path: Path, backbone: Backbone, change: str, n_jobs: int
) -> None:
    """What is stored under each name is replaced by what another had, shard after shard."""
    photos, out = tmp_path / "photos", tmp_path / "x.codes"
    photos.mkdir()
    pictures = []
    for number in range(24):
        draw(photos / f"{number:03}.png", number)
        pictures.append((photos / f"{number:03}.png").read_bytes())
    options: dict[str, Any] = {"backbone": backbone, "views": "train:2", "n_jobs": n_jobs, "shard_images": 3}
    embed(photos, out, **options)
    if change == "first goes":
        pictures, new = pictures[1:], 0
        (photos / "023.png").unlink()
    elif change == "another before":
        draw(tmp_path / "new.png", 99)
        pictures, new = [(tmp_path / "new.png").read_bytes(), *pictures], 1
    else:
        pictures, new = pictures[::-1], 0
    for number, picture in enumerate(pictures):
        (photos / f"{number:03}.png").write_bytes(picture)
        os.utime(photos / f"{number:03}.png", ns=(number, number))
    again = embed(photos, out, **options)
    assert (again.embedded, again.copies, again.views_run) == (len(pictures), len(pictures) - new, 2 * new)
    embed(photos, tmp_path / "fresh.codes", **options)
    assert rows(out) == rows(tmp_path / "fresh.codes")
    verify_codes(out)


def test_images_that_change_places_take_their_codes_with_them(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    out = tmp_path / "x.codes"
    embed(photos, out, backbone=backbone, shard_images=2)
    first, second = photos / "cat" / "1.png", photos / "dog" / "4.png"
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    shutil.copy(photos / "cat" / "1.png", photos / "cat" / "another.png")
    assert embed(photos, out, backbone=backbone, shard_images=2).views_run == 0
    embed(photos, tmp_path / "fresh.codes", backbone=backbone)
    assert rows(out) == rows(tmp_path / "fresh.codes")


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_copies_of_what_fails_fail_alike(
    photos: Path, tmp_path: Path, backbone: Backbone, n_jobs: int
) -> None:
    for number in range(100):
        (photos / "cat" / f"broken-{number:03}.png").write_text("no picture")
    summary = embed(photos, tmp_path / "x.codes", backbone=backbone, n_jobs=n_jobs)
    assert (summary.embedded, summary.failed, summary.copies) == (6, 100, 0)
    failures = read_codes(tmp_path / "x.codes").failures.to_pylist()
    assert [row["image"] for row in failures] == [f"cat/broken-{number:03}.png" for number in range(100)]
    assert {(row["stage"], row["size"]) for row in failures} == {("decode", 10)}


def test_a_failed_image_is_not_tried_before_it_changes(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    out = tmp_path / "x.codes"
    broken, other = photos / "cat" / "broken.png", photos / "cat" / "other.png"
    broken.write_text("no picture")
    other.write_text("none either")
    (photos / "dog" / "away.png").symlink_to(tmp_path / "away.png")
    embed(photos, out, backbone=backbone)
    calls: list[tuple[int, int, int]] = []
    again = embed(photos, out, backbone=backbone, on_progress=lambda *call: calls.append(call))
    assert (again.failed, again.still_failed, again.unchanged) == (3, 2, 6)
    assert calls == [(1, 1, 3)]  # what was out of reach is tried each time
    assert {failure.key for failure in again.failures} == {"cat/broken.png", "cat/other.png", "dog/away.png"}
    assert embed(photos, out, backbone=backbone, retry_failed=True).still_failed == 0
    assert embed(photos, out, backbone=backbone, check="content").still_failed == 0
    draw(broken, 50)
    draw(tmp_path / "away.png", 51)
    mended = embed(photos, out, backbone=backbone)
    assert (mended.embedded, mended.failed, mended.still_failed) == (2, 1, 1)
    other.unlink()
    assert embed(photos, out, backbone=backbone).failed == 0
    assert len(read_codes(out).failures) == 0


def test_retrying_helps_where_the_file_was_not_at_fault(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    out = tmp_path / "x.codes"
    file = photos / "cat" / "1.png"
    picture = file.read_bytes()
    for data, failed in ((b"x" * len(picture), 0), (picture, 1)):  # as where a decoder was mended
        file.write_bytes(data)
        os.utime(file, ns=(10**18, 10**18))
        summary = embed(photos, out, backbone=backbone)
        assert (summary.failed, summary.still_failed) == (1, failed)
    summary = embed(photos, out, backbone=backbone, retry_failed=True)
    assert (summary.embedded, summary.failed) == (1, 0)


def test_what_failed_by_a_limit_is_tried_again_where_that_is_higher(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    out = tmp_path / "x.codes"
    (photos / "cat" / "broken.png").write_text("no picture")
    assert embed(photos, out, backbone=backbone, max_pixels=100).failed == 7
    limits = read_codes(out).failures.select(["limited_by", "limited_to"]).to_pylist()
    assert limits.count({"limited_by": "max_pixels", "limited_to": 100.0}) == 6
    for lower in (100, 99):
        assert embed(photos, out, backbone=backbone, max_pixels=lower).still_failed == 7
    higher = embed(photos, out, backbone=backbone, max_pixels=101)
    assert (higher.failed, higher.still_failed) == (7, 1)
    assert embed(photos, out, backbone=backbone, max_pixels=101).still_failed == 7
    summary = embed(photos, out, backbone=backbone)
    assert (summary.embedded, summary.failed, summary.still_failed) == (6, 1, 1)


def test_failures_without_size_and_time_are_tried_again(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    out = tmp_path / "x.codes"
    (photos / "cat" / "broken.png").write_text("no picture")
    embed(photos, out, backbone=backbone)
    file = out / "failures.parquet"
    pq.write_table(pq.read_table(file).select(["image", "stage", "reason"]), file)  # as it once was
    assert read_codes(out).failures.column("size").to_pylist() == [None]
    again = embed(photos, out, backbone=backbone)
    assert (again.failed, again.still_failed) == (1, 0)
    assert embed(photos, out, backbone=backbone).still_failed == 1


def test_an_unknown_check_is_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="check must be 'stat' or 'content'. Got 'hash' instead"):
        embed(photos, tmp_path / "x.codes", check="hash")
    assert not (tmp_path / "x.codes").exists()


@pytest.mark.usefixtures("_obeys_rights")
def test_images_in_a_folder_that_cannot_be_listed_stay_and_it_is_a_failure_until_it_can(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    out = tmp_path / "x.codes"
    (photos / "cat" / "broken.png").write_text("no picture")
    embed(photos, out, backbone=backbone)
    before = rows(out)
    draw(photos / "dog" / "new.png", 9)
    (photos / "dog" / "0.png").unlink()
    (photos / "cat").chmod(0)
    for _ in range(2):
        found = embed(photos, out, backbone=backbone, remove_missing=True)
        assert [(failure.key, failure.stage) for failure in found.failures] == [("cat/", "read")]
    (photos / "cat").chmod(0o755)
    kept = [row for row in rows(out) if row["label"] == "cat"]
    assert kept == [row for row in before if row["label"] == "cat"] and len(kept) == 3
    assert list(read_codes(out).images) == [
        *("cat/1.png", "cat/3.png", "cat/5.png", "dog/2.png", "dog/4.png", "dog/new.png")
    ]
    assert sorted(read_codes(out).failures["image"].to_pylist()) == ["cat/", "cat/broken.png"]
    again = embed(photos, out, backbone=backbone)
    assert (again.removed, again.failed, again.still_failed) == (0, 1, 1)
    assert read_codes(out).failures["image"].to_pylist() == ["cat/broken.png"]


def test_a_run_that_takes_all_labels_or_groups_away_says_so_and_the_next_gives_them_back(
    photos: Path, tmp_path: Path, backbone: Backbone, recwarn: pytest.WarningsRecorder
) -> None:
    table, out = tmp_path / "t.csv", tmp_path / "x.codes"
    names = sorted(str(file) for file in photos.rglob("*.png"))
    lines = [f"{name},{'cat' if at % 2 else ''},{'g' if at else ''}" for at, name in enumerate(names)]
    table.write_text("\n".join(["image,kind,source", *lines]) + "\n")
    columns = {"label_column": "kind", "group_column": "source"}
    embed(open_source(table, **columns), out, backbone=backbone)
    before = rows(out)
    lines[1] = f"{names[1]},,g"  # one label less is no loss of all
    table.write_text("\n".join(["image,kind,source", *lines]) + "\n")
    embed(open_source(table, **columns), out, backbone=backbone)
    lines[1] = f"{names[1]},cat,g"
    table.write_text("\n".join(["image,kind,source", *lines]) + "\n")
    assert not [one for one in recwarn if issubclass(one.category, ResultWarning)]
    summary = embed(open_source(table, label_column="kind"), out, backbone=backbone)
    [told] = [str(one.message) for one in recwarn if issubclass(one.category, ResultWarning)]
    assert "lose all of their groups" in told and "--group-column" in told and summary.relabelled == 5
    recwarn.clear()
    embed(open_source(table, **columns), out, backbone=backbone)
    assert rows(out) == before and not [one for one in recwarn if one.category is ResultWarning]
