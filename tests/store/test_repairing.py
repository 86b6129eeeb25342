"""A manifest made anew from the shards: nothing is lost, and what does not belong is set aside by name."""

from __future__ import annotations

import functools
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from samples import SPACE, VIEWS, fail, make, rows_of, write

from cnncodes.errors import DamagedManifest, StoreError
from cnncodes.store import CodesWriter, Manifest, open_codes, read_codes, repairing, verify_codes
from cnncodes.store.converting import convert_codes
from cnncodes.store.locking import WriterLock, find_writer
from cnncodes.store.merging import merge_codes
from cnncodes.store.repairing import repair_codes
from cnncodes.store.selecting import select_codes
from cnncodes.store.shards import find_miscount
from cnncodes.store.summary import summarize_codes
from cnncodes.store.verifying import find_problems


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "x.codes", [*map(make, "abcdefg"), fail("z")], shard_images=2)
    return tmp_path / "x.codes"


def delete(manifest: Path) -> None:
    manifest.unlink()


def truncate(manifest: Path) -> None:
    manifest.write_bytes(manifest.read_bytes()[:200])


def empty(manifest: Path) -> None:
    manifest.write_bytes(b"")


def overwrite(manifest: Path) -> None:
    manifest.write_text("{}")


def nest(manifest: Path) -> None:
    manifest.write_text("[" * 200_000)


def nest_plan(manifest: Path) -> None:
    values = manifest.read_text().replace('"plan": {', f'"plan": {{"x": {"[" * 985}{"]" * 985},', 1)
    manifest.write_text(values)


def lose_space(manifest: Path) -> None:
    values = json.loads(manifest.read_text())
    del values["space"]["backbone_sha256"]
    manifest.write_text(json.dumps(values))


def escape(manifest: Path) -> None:
    values = json.loads(manifest.read_text())
    values["shards"][0]["name"] = "../../part-00000.parquet"
    manifest.write_text(json.dumps(values))


@pytest.mark.parametrize("fault", [delete, truncate, empty, overwrite, nest, nest_plan, lose_space, escape])
def test_all_rows_are_there_again(path: Path, fault: Any) -> None:
    before, manifest = rows_of(path), Manifest.read(path)
    fault(path / "manifest.json")
    broken = (path / "manifest.json").read_bytes() if (path / "manifest.json").exists() else None
    with pytest.raises(DamagedManifest, match=f"`cnncodes codes repair {path}`"):
        read_codes(path)
    with pytest.raises(DamagedManifest, match="codes repair"):
        write(path, [])
    repair = repair_codes(path)
    assert repair is not None and repair.left_out == {}
    assert repair.manifest == replace(manifest, complete=False, failures=None) == Manifest.read(path)
    if broken is not None:
        assert repair.kept == path / "manifest.json.broken" and repair.kept.read_bytes() == broken
    assert rows_of(path) == before
    write(path, [])
    assert find_problems(path) == [] and Manifest.read(path) == manifest
    assert repair_codes(path) is None


CONTRADICTIONS = (
    ("space", lambda value: {**value, "backbone_sha256": "f" * 64}),
    ("dtype", lambda value: "float32"),
    ("plan", lambda value: {**value, "mirror": not value.get("mirror")}),
    ("reduce", lambda value: "mean"),
    ("layers", lambda value: {"foo": 6}),
    ("parameters", lambda value: ["angle"]),
)


@pytest.mark.parametrize(("name", "change"), CONTRADICTIONS)
def test_a_manifest_that_contradicts_all_shards_is_told_and_made_anew(
    path: Path, name: str, change: Any
) -> None:
    before, manifest = rows_of(path), Manifest.read(path)
    values = json.loads((path / "manifest.json").read_text())
    values[name] = change(values[name])
    (path / "manifest.json").write_text(json.dumps(values))
    [problem] = find_problems(path)
    assert "manifest.json is damaged: part-00000.parquet says otherwise" in problem
    assert {"space": "backbone_sha256"}.get(name, name) in problem
    assert " (part-00000.parquet) against " in problem and "(manifest.json)" in problem
    write(path.parent / "other", [make("h")])
    for use in (
        lambda: write(path, []),
        lambda: read_codes(path),
        lambda: open_codes(path),
        lambda: verify_codes(path),
        lambda: summarize_codes(path),
        lambda: select_codes(path, path.parent / "out", images=["a"]),
        lambda: merge_codes([path, path.parent / "other"], path.parent / "out"),
        lambda: merge_codes([path.parent / "other", path], path.parent / "out"),
        lambda: convert_codes(path, path.parent / "out", "npy"),
    ):
        with pytest.raises(DamagedManifest, match="x.codes/manifest.json is damaged: part-0.*codes repair"):
            use()
        assert not (path.parent / "out").exists()
    assert repair_codes(path) is not None and repair_codes(path) is None
    assert rows_of(path) == before
    assert Manifest.read(path) == replace(manifest, complete=False, failures=None)


def test_a_second_damaged_manifest_does_not_replace_the_first(path: Path) -> None:
    for text in ("one", "two"):
        (path / "manifest.json").write_text(text)
        repair_codes(path)
    assert (path / "manifest.json.broken").read_text() == "one"
    assert (path / "manifest.json.broken-2").read_text() == "two"


def test_what_cannot_be_used_is_set_aside_with_its_reason(path: Path) -> None:
    data, before = path / "data", read_codes(path)
    damaged = bytearray((data / "part-00001.parquet").read_bytes())
    at = damaged.index(b"PAR1") + len(damaged) // 2
    for place in range(at - 40, at):  # whatever lies there, its checksum tells
        damaged[place] ^= 0xFF
    (data / "part-00001.parquet").write_bytes(damaged)
    old = pq.read_table(data / "part-00002.parquet").replace_schema_metadata(None)
    pq.write_table(old, data / "part-00002.parquet")
    (data / "part-00007.parquet").write_bytes(b"junk")
    (data / "part-00008.parquet").write_bytes((data / "part-00000.parquet").read_bytes())
    with CodesWriter.open(path.parent / "other", replace(SPACE, decoding="fast"), VIEWS) as writer:
        writer.add(make("o"))
    (path.parent / "other/data/part-00000.parquet").rename(data / "part-00010.parquet")
    (data / "notes.txt").write_text("mine")
    (path / "manifest.json").unlink()
    repair = repair_codes(path)
    assert repair is not None
    assert "is damaged" in repair.left_out.pop("part-00001.parquet")
    assert "older cnncodes" in repair.left_out.pop("part-00002.parquet")
    assert "is damaged" in repair.left_out.pop("part-00007.parquet")
    assert "2 images that a newer shard holds too, 'a' for one" in repair.left_out.pop("part-00000.parquet")
    assert "decoding: 'fast' (here) against 'exact' (in most)" in repair.left_out.pop("part-00010.parquet")
    assert repair.left_out == {}
    assert len(list((path / "left-out").iterdir())) == 5 and (data / "notes.txt").exists()
    assert set(read_codes(path).images) == set("abg")
    write(path, [make(key) for key in "cdef"])
    assert read_codes(path).to_arrow().equals(before.to_arrow())


def test_nothing_is_changed_where_no_shard_says_what_it_is(path: Path) -> None:
    for file in (path / "data").iterdir():
        pq.write_table(pq.read_table(file).replace_schema_metadata(None), file)
    (path / "manifest.json").write_text("junk")
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file() and file.name != ".lock"}
    with pytest.raises(
        StoreError, match=r"part-0000\d\.parquet does not say what its rows are: .*older.*Nothing was"
    ):
        repair_codes(path)
    assert {
        file: file.read_bytes() for file in path.rglob("*") if file.is_file() and file.name != ".lock"
    } == before


def test_what_is_no_dataset_or_newer_or_in_use_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match="is no codes dataset"):
        repair_codes(tmp_path / "empty")
    assert list((tmp_path / "empty").iterdir()) == []
    manifest = path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 2', '"format": 99'))
    with pytest.raises(StoreError, match="is of format 99"):
        repair_codes(path)
    manifest.write_text(manifest.read_text().replace('"format": 99', '"format": 2'))
    lock = WriterLock(path)
    for _ in range(2):  # sound or not
        with pytest.raises(StoreError, match="is being written by process"):
            repair_codes(path)
        manifest.unlink(missing_ok=True)
    lock.release()


def test_shards_are_read_once_and_under_the_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def watch(folder: Path, shard: Any) -> Any:
        asked.append((shard.name, find_writer(folder) is not None))
        return find_miscount(folder, shard)

    monkeypatch.setattr(repairing, "find_miscount", watch)
    assert repair_codes(path) is None
    assert asked == [(shard.name, True) for shard in Manifest.read(path).shards]


def test_a_dataset_of_format_1_is_read_and_gone_on_with(path: Path) -> None:
    before, manifest = rows_of(path), path / "manifest.json"
    values = json.loads(manifest.read_text())
    for shard in values["shards"]:
        del shard["bytes"]
    manifest.write_text(json.dumps({**values, "format": 1}))
    assert rows_of(path) == before and find_problems(path) == []
    write(path, [make("h")])
    assert json.loads(manifest.read_text())["format"] == 2
    assert set(read_codes(path).images) == set("abcdefgh") and find_problems(path) == []


def test_a_dataset_without_images_is_repaired_too(tmp_path: Path) -> None:
    write(tmp_path / "x.codes", [fail("z")])
    (tmp_path / "x.codes/manifest.json").unlink()
    assert repair_codes(tmp_path / "x.codes") is not None
    rows, failures = rows_of(tmp_path / "x.codes")
    assert rows == [] and [failure["image"] for failure in failures] == ["z"]


def test_a_repair_that_breaks_off_anywhere_is_done_by_the_next(path: Path) -> None:
    (path / "data" / "part-00009.parquet").write_bytes(b"junk")
    (path / "manifest.json").write_text("junk")
    expected, steps = set("abcdefg"), 0
    for step in range(1, 100):
        copy = path.parent / str(step)
        shutil.copytree(path, copy)
        left = [step]

        def break_off(real: Any, *arguments: Any, left: list[int] = left) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return real(*arguments)

        with pytest.MonkeyPatch.context() as patch:
            for name in ("replace", "rename", "fsync", "mkdir"):
                patch.setattr(os, name, functools.partial(break_off, getattr(os, name)))
            try:
                repair_codes(copy)
                break
            except KeyboardInterrupt:
                steps += 1
        repair_codes(copy)
        assert set(read_codes(copy).images) == expected
        assert (copy / "left-out" / "part-00009.parquet").read_bytes() == b"junk"
        assert "junk" in [file.read_text() for file in copy.glob("manifest.json*")]
    assert steps > 5


def test_a_new_manifest_says_how_many_codes_are_kept(path: Path) -> None:
    with CodesWriter.open(path, SPACE, VIEWS) as writer:
        writer.keep_codes([fail("a"), fail("b")])
    (path / "manifest.json").unlink()
    repair = repair_codes(path)
    assert repair is not None and repair.manifest.codes_kept == 2
    (path / "manifest.json").unlink()
    (path / "failures.parquet").write_bytes(b"damaged")  # it may have marked some
    repair = repair_codes(path)
    assert repair is not None and repair.manifest.codes_kept == 1
