"""A manifest made anew from the shards: nothing is lost, and what does not belong is set aside by name."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from samples import SPACE, VIEWS, fail, make, rows_of, write

from cnncodes.errors import DamagedManifest, StoreError
from cnncodes.store import CodesWriter, Manifest, open_codes, read_codes, repairing, verify_codes
from cnncodes.store.blaming import find_miscount
from cnncodes.store.converting import convert_codes
from cnncodes.store.locking import WriterLock, find_writer
from cnncodes.store.merging import merge_codes
from cnncodes.store.repairing import repair_codes
from cnncodes.store.selecting import select_codes
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
    assert repair.changed and repair.left_out == {}
    assert repair.manifest == replace(manifest, complete=False, failures=None) == Manifest.read(path)
    if broken is not None:
        assert repair.kept == path / "manifest.json.broken" and repair.kept.read_bytes() == broken
    assert rows_of(path) == before
    write(path, [])
    assert find_problems(path) == [] and Manifest.read(path) == manifest
    assert not repair_codes(path).changed


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
    repair = repair_codes(path)
    said = "; ".join(repair.changes)
    assert {"space": "backbone_sha256"}.get(name, name) in said
    assert "(the former manifest.json)" in said and "(the shards)" in said
    assert repair.changed and not repair_codes(path).changed
    assert rows_of(path) == before
    assert Manifest.read(path) == replace(manifest, complete=False, failures=None)


def name_another_hash(path: Path) -> list[str]:
    change_hash(path, lambda sha256: f"{int(sha256[0], 16) ^ 1:x}{sha256[1:]}")
    return ["part-00000.parquet"]


def change_hash(path: Path, change: Callable[[str], str]) -> None:
    values = json.loads((path / "manifest.json").read_text())
    values["shards"][0]["sha256"] = change(values["shards"][0]["sha256"])
    (path / "manifest.json").write_text(json.dumps(values))


def take_another_manifest(path: Path) -> list[str]:
    write(path.parent / "other", [*map(make, "hijklmn"), fail("z")], shard_images=2)
    shutil.copy(path.parent / "other" / "manifest.json", path)
    return [f"part-0000{number}.parquet" for number in range(4)]


@pytest.mark.parametrize("fault", [name_another_hash, take_another_manifest])
def test_a_manifest_that_names_another_hash_costs_no_sound_shard(path: Path, fault: Any) -> None:
    before, wrong = rows_of(path), fault(path)
    problem = find_problems(path)[0]
    assert "sound by what it holds" in problem and "delete" not in problem
    assert f"`cnncodes codes repair {path}` mends it" in problem
    with pytest.raises(StoreError, match=f"`cnncodes codes repair {path}` finds out.* delete it"):
        read_codes(path)
    repair = repair_codes(path)
    assert repair.changed and repair.left_out == {} and list(repair.wrong_hashes) == wrong
    assert rows_of(path) == before and not repair_codes(path).changed
    write(path, [])
    assert find_problems(path) == []


def test_a_hash_that_is_none_is_a_damaged_manifest(path: Path) -> None:
    before = rows_of(path)
    change_hash(path, lambda sha256: f"x{sha256[1:]}")
    with pytest.raises(DamagedManifest, match="sha256 of part-00000.parquet is 'x.*not 64 hex.*codes repair"):
        find_problems(path)
    assert repair_codes(path).changed and rows_of(path) == before


def find_statistics(shard: Path) -> int:
    """Return where a shard's footer says what its greatest image is."""
    data = shard.read_bytes()
    return data.index(b"ab", len(data) - int.from_bytes(data[-8:-4], "little"))


def test_damage_that_no_page_checksum_sees_gets_no_hash_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "x.codes"
    write(path, [make("aa"), make("ab"), make("ba"), make("bb")], shard_images=2)
    shard = path / "data" / "part-00000.parquet"
    data, at = bytearray(shard.read_bytes()), find_statistics(shard)
    data[at] ^= 0x10
    shard.write_bytes(data)
    assert pq.read_table(shard, page_checksum_verification=True).column("image")[0].as_py() == "aa"
    assert not repair_codes(path).changed and len(find_problems(path)) == 1
    values = json.loads((path / "manifest.json").read_text())
    values["shards"][1]["sha256"] = "0" * 64  # a wrong one besides
    (path / "manifest.json").write_text(json.dumps(values))
    repair = repair_codes(path)
    assert repair.changed and repair.wrong_hashes == ("part-00001.parquet",)
    assert "is damaged" in repair.left_out["part-00000.parquet"]
    assert set(read_codes(path).images) == {"ba", "bb"}


def test_a_shard_that_says_that_it_has_more_rows_than_it_has_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "x.codes"
    write(path, [make("a"), make("b")])
    shard = path / "data" / "part-00000.parquet"
    data = shard.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")

    def shorten(place: int) -> tuple[int, int]:
        shard.write_bytes(data[:place] + b"\x04" + data[place + 1 :])
        with contextlib.suppress(OSError, pa.ArrowException), pq.ParquetFile(shard) as file:
            return file.metadata.num_rows, file.metadata.row_group(0).num_rows
        return 0, 0

    eights = (place for place in range(start, len(data)) if data[place] == 8)  # 4 rows, as it is written
    assert (4, 2) in map(shorten, eights)
    (path / "manifest.json").unlink()
    with pytest.raises(StoreError, match="2 rows can be read, and it says that it has 4"):
        repair_codes(path)


def test_shards_of_another_version_of_arrow_are_believed_by_their_pages(path: Path) -> None:
    shard, before = path / "data" / "part-00000.parquet", rows_of(path)
    data = shard.read_bytes()
    maker = str(pq.read_metadata(shard).created_by).encode()
    shard.write_bytes(data.replace(maker, maker[:-2] + b"00"))  # as long
    assert shard.read_bytes() != data
    repair = repair_codes(path)
    assert repair.changed and repair.wrong_hashes == ("part-00000.parquet",) and rows_of(path) == before


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
    assert repair.changed
    assert "is damaged" in repair.left_out.pop("part-00001.parquet")
    assert "older cnncodes" in repair.left_out.pop("part-00002.parquet")
    assert "is damaged" in repair.left_out.pop("part-00007.parquet")
    assert "2 images that a newer shard holds too, 'a' for one" in repair.left_out.pop("part-00000.parquet")
    assert "decoding: 'fast' (here) against 'exact' (in most)" in repair.left_out.pop("part-00010.parquet")
    assert repair.left_out == {}
    counted = {int(name[5:10]): images for name, images in repair.images_left_out.items()}
    assert counted == {0: 2, 1: None, 2: 2, 7: None, 10: 1}  # of two nothing says it any more
    assert len(list((path / "left-out").iterdir())) == 5 and (data / "notes.txt").exists()
    assert set(read_codes(path).images) == set("abg")
    write(path, [make(key) for key in "cdef"])
    assert read_codes(path).to_arrow().equals(before.to_arrow())


def test_what_the_former_manifest_named_and_is_not_there_is_told(path: Path) -> None:
    (path / "data/part-00000.parquet").unlink()
    (path / "data/part-00001.parquet").write_bytes(b"junk")
    values = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(values | {"complete": "x"}))
    repair = repair_codes(path)
    assert repair.lost == {"part-00000.parquet": 2} and repair.changes == ()
    assert repair.images_left_out == {"part-00001.parquet": 2}  # by what the manifest said


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
        with pytest.raises(StoreError, match="is being written by this very process"):
            repair_codes(path)
        manifest.unlink(missing_ok=True)
    lock.release()


def test_shards_are_read_once_and_under_the_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def watch(folder: Path, shard: Any) -> Any:
        asked.append((shard.name, find_writer(folder) is not None))
        return find_miscount(folder, shard)

    monkeypatch.setattr(repairing, "find_miscount", watch)
    assert not repair_codes(path).changed
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
    assert repair_codes(tmp_path / "x.codes").changed
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
    assert repair.changed and repair.manifest.codes_kept == 2
    (path / "manifest.json").unlink()
    (path / "failures.parquet").write_bytes(b"damaged")  # it may have marked some
    repair = repair_codes(path)
    assert repair.changed and repair.manifest.codes_kept == 1
