"""Writing: shards, resuming, dropping, refusing."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import PLAN, SIZE, SPACE, content_of, fail, flip_codes, make, open_writer, rows_of, write

from cnncodes.errors import SpaceMismatch, StoreError, UsageError
from cnncodes.store import (
    CodesWriter,
    Failure,
    Manifest,
    Space,
    StoredViews,
    failing,
    read_codes,
    shard_files,
    verify_codes,
    writing,
)
from cnncodes.store.schema import failures_table


def labels_of(writer: CodesWriter) -> dict[str, tuple[str | None, str | None]]:
    return {key: (image.label, image.split) for key, image in writer.known.items()}


def shard_rows(path: Path) -> list[int]:
    return [shard["rows"] for shard in json.loads((path / "manifest.json").read_text())["shards"]]


def test_a_shard_is_cut_after_so_many_results(tmp_path: Path) -> None:
    write(tmp_path, [make("a"), fail("b"), make("c"), make("d"), make("e")], shard_images=2)
    assert shard_rows(tmp_path) == [2, 4, 2]
    assert verify_codes(tmp_path) == 3


def test_a_shard_is_cut_after_so_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SHARD_ROWS", 10)
    write(tmp_path, [make(key, views=5) for key in "abcde"])
    assert shard_rows(tmp_path) == [10, 10, 5]


def test_resuming_knows_what_is_there(tmp_path: Path) -> None:
    write(tmp_path, [make("a"), make("m"), fail("f")])
    with open_writer(tmp_path) as writer:
        assert {key: image[:2] for key, image in writer.known.items()} == {"a": (10, 5), "m": (10, None)}
        assert writer.failed == {"f": fail("f")}


def test_a_later_success_removes_the_failure(tmp_path: Path) -> None:
    write(tmp_path, [fail("a"), fail("b")])
    write(tmp_path, [make("a")])
    codes = read_codes(tmp_path)
    assert codes.failures.column("image").to_pylist() == ["b"]
    assert set(codes.images) == {"a"}
    assert shard_rows(tmp_path) == [2]  # the empty shard is gone
    assert len(list((tmp_path / "data").iterdir())) == 1


def test_drop_rewrites_only_the_shards_concerned(tmp_path: Path) -> None:
    write(tmp_path, [make(key) for key in "abcdef"], shard_images=2)
    before = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "data").iterdir()}
    with open_writer(tmp_path) as writer:
        writer.drop(["c", "e", "f", "nobody"])
        assert set(writer.known) == {"a", "b", "d"}
        writer.add(make("c", size=11))
    after = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "data").iterdir()}
    assert after["part-00000.parquet"] == before["part-00000.parquet"]
    assert not {"part-00001.parquet", "part-00002.parquet"} & set(after)
    fresh = tmp_path / "fresh"
    write(fresh, [make("a"), make("b"), make("c", size=11), make("d")])
    assert rows_of(tmp_path) == rows_of(fresh)


def test_relabel_rewrites_only_the_shards_concerned(tmp_path: Path) -> None:
    write(tmp_path, [make(key) for key in "abcd"], shard_images=2)
    before = read_codes(tmp_path).X
    with open_writer(tmp_path) as writer:
        assert labels_of(writer)["c"] == ("cat", "train")
        writer.relabel({"c": ("dog", None, "anna"), "nobody": ("dog", None, None)})
        assert labels_of(writer) == {**dict.fromkeys("abd", ("cat", "train")), "c": ("dog", None)}
    names = sorted(file.name for file in (tmp_path / "data").iterdir())
    assert names[0] == "part-00000.parquet" and "part-00001.parquet" not in names
    codes = read_codes(tmp_path)
    assert list(codes.y) == ["cat"] * 4 + ["dog"] * 2 + ["cat"] * 2
    assert list(codes.split) == ["train"] * 4 + [None] * 2 + ["train"] * 2
    assert codes.rows.column("group").to_pylist() == [None] * 4 + ["anna"] * 2 + [None] * 2
    assert np.array_equal(codes.X, before)


def test_drop_forgets_failures_and_what_is_in_hand(tmp_path: Path) -> None:
    write(tmp_path, [make("a"), fail("f")])
    with open_writer(tmp_path) as writer:
        writer.add(make("b"))
        writer.drop(["f", "b", "a"])
    codes = read_codes(tmp_path)
    assert len(codes) == 0 and codes.failures.num_rows == 0 and codes.complete


def test_an_image_twice_is_an_error(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        writer.add(make("a"))
        with pytest.raises(UsageError, match="'a' was added to .* already"):
            writer.add(make("a"))


def test_the_old_rows_of_an_image_stay_until_the_new_ones_are_written(tmp_path: Path) -> None:
    write(tmp_path, [make(key) for key in "abcd"], shard_images=2)
    with open_writer(tmp_path, shard_images=3) as writer:
        writer.add(make("b", size=11))
        writer.add(fail("c"))
        before = read_codes(tmp_path)
        assert sorted(set(before.images)) == ["a", "b", "c", "d"] and before.failures.num_rows == 0
        writer.flush()
        assert {key: image.size for key, image in writer.known.items()} == {"a": 10, "b": 11, "d": 10}
        assert set(writer.failed) == {"c"}
    write(tmp_path / "fresh", [make("a"), make("b", size=11), make("d"), fail("c")])
    assert rows_of(tmp_path) == rows_of(tmp_path / "fresh")
    verify_codes(tmp_path)


def test_contents_are_known(tmp_path: Path) -> None:
    write(tmp_path, [make("a"), make("m")])
    with open_writer(tmp_path) as writer:
        assert writer.known["m"].content == content_of("m") and writer.known.find(content_of("m")) == "m"
        writer.drop(["m"])
        assert writer.known.find(content_of("m")) is None and writer.known.find(content_of("a")) == "a"


def test_images_of_a_deleted_shard_are_to_be_embedded_again(tmp_path: Path) -> None:
    write(tmp_path, [make(key) for key in "abcdef"], shard_images=2)
    before = rows_of(tmp_path)
    (tmp_path / "data" / "part-00001.parquet").unlink()
    with open_writer(tmp_path) as writer:
        assert set(writer.known) == set("abef")
        writer.add(make("c"))
        writer.add(make("d"))
    assert rows_of(tmp_path) == before
    verify_codes(tmp_path)


def test_a_shard_that_is_removed_while_others_are_written_is_told_at_the_end(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, shard_images=2)
    for key in "abcd":
        writer.add(make(key))
    (tmp_path / "data" / "part-00000.parquet").unlink()
    with pytest.raises(StoreError, match=r"data/part-00000.parquet of .* was removed .* codes of 2 images"):
        writer.close()
    assert not Manifest.read(tmp_path).complete
    write(tmp_path, [make("a"), make("b")])
    assert read_codes(tmp_path).complete and verify_codes(tmp_path) == 2


def test_nothing_is_written_to_a_folder_whose_lock_another_writer_may_have(tmp_path: Path) -> None:
    folder = tmp_path / "x.codes"
    first = open_writer(folder, shard_images=1)
    first.add(make("a"))
    folder.rename(tmp_path / "moved")
    write(folder, [make("b")], shard_images=1)
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    for act in (lambda: first.add(make("c")), lambda: first.drop(["a"]), first.close):
        with pytest.raises(StoreError, match="is not the file any more that this job has locked"):
            act()
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    assert set(read_codes(tmp_path / "moved").images) == {"a"}


@pytest.mark.parametrize("change", ["drop", "relabel"])
def test_damage_is_not_given_a_hash_of_its_own(tmp_path: Path, change: str) -> None:
    write(tmp_path, [make(key) for key in "abcd"])
    [shard] = (tmp_path / "data").iterdir()
    flip_codes(shard)
    with (
        pytest.raises(StoreError, match="part-00000.parquet is damaged, or the manifest is: its sha256"),
        open_writer(tmp_path) as writer,
    ):
        writer.drop(["a"]) if change == "drop" else writer.relabel({"a": ("dog", None, None)})


@pytest.mark.parametrize(
    ("value", "reason"), [(70000.0, "70000"), (np.nan, "not finite"), (np.inf, "not finite")]
)
def test_codes_that_do_not_fit_are_a_failure(tmp_path: Path, value: float, reason: str) -> None:
    image = make("a")
    image.codes[1, 2] = value
    with open_writer(tmp_path) as writer:
        failure = writer.add(image)
        assert writer.add(make("b")) is None
    assert failure is not None and failure.stage == "code" and reason in failure.reason
    assert failure == Failure("a", "code", failure.reason, 10, 5)
    assert [Failure(*row.values()) for row in rows_of(tmp_path)[1]] == [failure]
    assert set(read_codes(tmp_path).images) == {"b"}


def test_a_large_code_fits_float32(tmp_path: Path) -> None:
    image = make("a")
    image.codes[1, 2] = 70000.0
    write(tmp_path, [image], dtype="float32")
    assert read_codes(tmp_path).X[1, 2] == 70000.0


def test_wrong_shapes_are_refused(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer, pytest.raises(UsageError, match=r"shape \(2, 6\).*Got \(1, 6\)"):
        writer.add(replace(make("a"), codes=make("a").codes[:1]))


def test_a_name_that_is_no_text_is_a_failure(tmp_path: Path) -> None:
    write(tmp_path, [replace(make("a"), key="bad\udcff.jpg"), Failure("bad\udcfe", "read", "x\udcff")])
    assert [row["image"] for row in rows_of(tmp_path)[1]] == ["bad\\udcfe", "bad\\udcff.jpg"]


@pytest.mark.parametrize(
    ("space", "plan", "dtype", "words"),
    [
        (
            replace(SPACE, layer="conv", decoding="fast"),
            PLAN,
            "float16",
            ["layer", "'pool'", "'conv'", "decoding"],
        ),
        (SPACE, {**PLAN, "scales": [256, 384]}, "float16", ["plan.scales", "[256]", "[256, 384]"]),
        (SPACE, PLAN, "float32", ["dtype", "'float16'", "'float32'"]),
    ],
)
def test_another_space_plan_or_dtype_is_refused(
    tmp_path: Path, space: Space, plan: dict[str, object], dtype: str, words: list[str]
) -> None:
    write(tmp_path, [make("a")])
    before = rows_of(tmp_path)
    with pytest.raises(SpaceMismatch) as caught:
        CodesWriter.open(tmp_path, space, StoredViews(plan), dtype=dtype)
    assert all(word in str(caught.value) for word in [*words, "-o", "delete"])
    assert rows_of(tmp_path) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only there a path may be any bytes")
def test_a_folder_whose_path_is_no_text_is_refused_and_what_is_in_one_is_not_called_damaged(
    tmp_path: Path,
) -> None:
    odd = tmp_path / "caf\udce9.codes"
    with pytest.raises(StoreError, match="its path is no valid UTF-8"):
        write(odd, [make("a")])
    assert not odd.exists()
    write(tmp_path / "x.codes", [make("a")])
    (tmp_path / "x.codes").rename(odd)
    with pytest.raises(StoreError, match=r"cannot be read: its path is no valid UTF-8"):
        read_codes(odd)


def test_a_plan_with_tuples_is_the_same_plan(tmp_path: Path) -> None:
    write(tmp_path, [make("a")])
    CodesWriter.open(tmp_path, SPACE, StoredViews({**PLAN, "scales": (256,)})).close()


@pytest.mark.parametrize(
    ("views", "words"),
    [
        (StoredViews(PLAN, {"height": 32}), ["frame.height", "nothing", "32"]),
        (StoredViews(PLAN, reduce="mean"), ["reduce", "'none'", "'mean'"]),
    ],
)
def test_another_frame_or_reduction_is_refused(tmp_path: Path, views: StoredViews, words: list[str]) -> None:
    write(tmp_path, [make("a")])
    with pytest.raises(SpaceMismatch) as caught:
        CodesWriter.open(tmp_path, SPACE, views)
    assert all(word in str(caught.value) for word in words)


def test_a_folder_of_the_users_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"mine")
    with pytest.raises(StoreError, match="not empty.*cat.jpg"):
        open_writer(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["cat.jpg"]
    with pytest.raises(StoreError, match="cat.jpg is a file"):
        open_writer(tmp_path / "cat.jpg" / "below")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [make("a")])
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(StoreError, match="format 99"):
        open_writer(tmp_path)
    with pytest.raises(StoreError, match="format 99"):
        read_codes(tmp_path)


def test_leftovers_are_removed_and_other_files_kept(tmp_path: Path) -> None:
    write(tmp_path, [make("a")])
    for name in (".part-00008.parquet.tmp", ".manifest.json.tmp", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    shutil.copy(tmp_path / "data/part-00000.parquet", tmp_path / "data/part-00007.parquet")
    open_writer(tmp_path).close()
    names = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert names == {"data/part-00000.parquet", "manifest.json", "failures.parquet", ".lock", "notes.txt"}


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with open_writer(tmp_path), pytest.raises(StoreError, match=f"this very process, {os.getpid()} on"):
        open_writer(tmp_path)
    open_writer(tmp_path).close()


def test_an_interrupt_keeps_what_was_made(tmp_path: Path) -> None:
    def interrupted() -> None:
        with open_writer(tmp_path) as writer:
            writer.add(make("a"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    codes = read_codes(tmp_path)
    assert set(codes.images) == {"a"} and not codes.complete
    write(tmp_path, [make("b")])
    assert read_codes(tmp_path).complete


def test_nothing_new_changes_no_file(tmp_path: Path) -> None:
    write(tmp_path, [make("a"), fail("f")])
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.[pj]*")}
    with open_writer(tmp_path) as writer:
        writer.add(fail("f"))
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.[pj]*")} == before


def test_many_small_shards_are_merged(tmp_path: Path) -> None:
    keys = [f"k{i:02d}" for i in range(9)]
    for key in keys:
        write(tmp_path, [make(key)], shard_images=6)
    assert len(shard_rows(tmp_path)) < shard_files.COMPACT_FROM
    assert len(list((tmp_path / "data").iterdir())) == len(shard_rows(tmp_path))
    write(tmp_path / "fresh", [make(key) for key in keys])
    assert rows_of(tmp_path) == rows_of(tmp_path / "fresh")
    verify_codes(tmp_path)
    with open_writer(tmp_path, shard_images=6) as writer:
        writer.drop(keys[:8])
    assert set(read_codes(tmp_path).images) == {"k08"}


@pytest.mark.slow
def test_a_hundred_nights_leave_no_swarm_of_small_shards(tmp_path: Path) -> None:
    write(tmp_path, [make(f"base-{number:04}") for number in range(300)], shard_images=100)
    most = written = 0
    for night in range(100):
        before = {shard.name for shard in Manifest.read(tmp_path).shards}
        write(tmp_path, [make(f"night-{night:02}-{number}") for number in range(10)], shard_images=100)
        shards_now = Manifest.read(tmp_path).shards
        most = max(most, len(shards_now))
        written += sum(shard.images for shard in shards_now if shard.name not in before)
        assert len(list((tmp_path / "data").iterdir())) == len(shards_now)
    images = read_codes(tmp_path).images
    assert len(set(images)) == 1300 and len(images) == 2600
    # Shards that hold at least half of what they may, and fewer small ones than are merged.
    assert most < 1300 / 50 + shard_files.COMPACT_FROM
    assert written < 5 * 1000  # merging writes an image again a few times, not each night
    verify_codes(tmp_path)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("abcdefgh")),
        st.tuples(st.just("fail"), st.sampled_from("abcdefgh")),
        st.tuples(st.just("drop"), st.sampled_from("abcdefgh")),
        st.tuples(st.just("relabel"), st.sampled_from("abcdefgh")),
        st.tuples(st.sampled_from(["resume", "interrupt", "flush"]), st.just("")),
    ),
    max_size=25,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, shard_images=st.integers(1, 5))
def test_any_history_ends_with_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]], shard_images: int
) -> None:
    """Against a dict and a set that do the same without a disk."""
    folder = tmp_path_factory.mktemp("any")
    stored: set[str] = set()
    failed: set[str] = set()
    dogs: set[str] = set()
    now: set[str] = set()  # whose codes were added since the writer was opened
    writer = open_writer(folder / "x", shard_images=shard_images)
    for step, key in steps:
        if step == "resume":
            writer.close()
        elif step == "interrupt":
            writer.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
        elif step == "flush":
            writer.flush()
        elif step == "drop":
            writer.drop([key])
            stored, failed, dogs, now = stored - {key}, failed - {key}, dogs - {key}, now - {key}
        elif step == "relabel":
            writer.flush()
            dogs |= {key} & set(writer.known)
            writer.relabel({key: ("dog", None, "eva")})
        elif key not in now:  # a new image, or one in the place of a stored one
            writer.add(make(key) if step == "add" else fail(key))
            stored, failed, dogs = stored - {key}, failed - {key}, dogs - {key}
            (stored if step == "add" else failed).add(key)
            now |= {key} if step == "add" else set()
        if step in ("resume", "interrupt"):
            now = set()
            writer = open_writer(folder / "x", shard_images=shard_images)
            assert set(writer.known) == stored and set(writer.failed) == failed
    writer.close()
    dog: dict[str, Any] = {"label": "dog", "split": None, "group": "eva"}
    plain = [replace(make(key), **dog) if key in dogs else make(key) for key in sorted(stored)]
    write(folder / "plain", [*plain, *(fail(key) for key in sorted(failed))])
    assert rows_of(folder / "x") == rows_of(folder / "plain")
    verify_codes(folder / "x")
    named = {shard["name"] for shard in json.loads((folder / "x" / "manifest.json").read_text())["shards"]}
    assert {file.name for file in (folder / "x" / "data").iterdir()} == named
    assert read_codes(folder / "x").X.shape == (2 * len(stored), SIZE)


def test_many_failures_are_written_a_few_times_and_all_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []

    def count(failures: Iterable[Failure]) -> pa.Table:
        table = failures_table(failures)
        lengths.append(len(table))
        return table

    monkeypatch.setattr(failing, "failures_table", count)
    with open_writer(tmp_path / "x.codes", shard_images=10) as writer:
        for number in range(3000):
            writer.add(fail(f"f{number:04}"))
    # Written whole each time, once a shard they would cost 450,000 rows.
    assert sum(lengths) < 8 * 3000 and lengths[-1] == 3000
    assert len(read_codes(tmp_path / "x.codes").failures) == 3000
    with open_writer(tmp_path / "x.codes", shard_images=10) as writer:  # one of many is put right
        writer.add(make("f0005"))
    assert "f0005" not in read_codes(tmp_path / "x.codes").failures["image"].to_pylist()
    assert len(read_codes(tmp_path / "x.codes").failures) == 2999


def test_a_job_that_meets_several_bad_shards_says_how_many_and_what_lists_them(tmp_path: Path) -> None:
    path = tmp_path / "x.codes"
    write(path, list(map(make, "abcdefgh")), shard_images=2)
    shards = sorted((path / "data").iterdir())
    for number, told in ((1, ""), (3, " 2 more of its shards cannot be used: `cnncodes codes verify ")):
        for shard in shards[1 : number + 1]:
            shard.write_bytes(shard.read_bytes()[:-100])
        with pytest.raises(StoreError, match=r"part-00001\.parquet is damaged") as caught:
            write(path, [])
        assert told in str(caught.value) and ("more of its shards" in str(caught.value)) == bool(told)
