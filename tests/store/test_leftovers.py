"""Shards that no manifest names: what is stored nowhere else is never removed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from samples import SPACE, VIEWS, fail, make, rows_of, write

from cnncodes.errors import ResultWarning
from cnncodes.store import CodesWriter, Manifest, read_codes
from cnncodes.store.repairing import repair_codes
from cnncodes.store.verifying import find_problems


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "x.codes", [*map(make, "abcdefg"), fail("z")], shard_images=2)
    return tmp_path / "x.codes"


def lose(path: Path, place: int, *, complete: bool) -> None:
    values = json.loads((path / "manifest.json").read_text())
    del values["shards"][place]
    (path / "manifest.json").write_text(json.dumps({**values, "complete": complete}))


def go_on(path: Path) -> Any:
    write(path, [])


@pytest.mark.parametrize("mend", [go_on, repair_codes])
@pytest.mark.parametrize(("place", "complete"), [(0, False), (1, False), (-1, False), (-1, True)])
def test_a_shard_that_the_manifest_has_lost_is_named_again(
    path: Path, mend: Any, place: int, complete: bool
) -> None:
    before, files = rows_of(path), {file: file.read_bytes() for file in (path / "data").iterdir()}
    lose(path, place, complete=complete)
    assert len(set(read_codes(path).images)) < 7
    told = [line for line in find_problems(path) if "named by no manifest" in line]
    assert len(told) == 1 and "are nowhere else" in told[0] and "names it again" in told[0]
    mend(path)
    assert {file: file.read_bytes() for file in (path / "data").iterdir()} == files
    assert rows_of(path) == before
    write(path, [])
    assert find_problems(path) == []


def test_all_that_is_lost_is_named_again(path: Path) -> None:
    before = rows_of(path)
    for _ in range(4):
        lose(path, 0, complete=False)
    assert Manifest.read(path).shards == ()
    write(path, [make("h")])
    images = read_codes(path).images
    assert set(images) == set("abcdefgh") and find_problems(path) == []
    assert [row for row in rows_of(path)[0] if row["image"] != "h"] == before[0]


def test_what_cannot_be_used_is_moved_aside(path: Path, tmp_path: Path) -> None:
    with CodesWriter.open(tmp_path / "other", replace(SPACE, decoding="fast"), VIEWS) as writer:
        writer.add(make("o"))
    data = path / "data"
    shutil.copy(tmp_path / "other/data/part-00000.parquet", data / "part-00007.parquet")
    pq.write_table(pa.table({"id": [1, 2]}), data / "part-00008.parquet")
    (data / "part-00009.parquet").write_bytes(b"junk")
    lose(path, 1, complete=False)
    damaged = bytearray((data / "part-00001.parquet").read_bytes())
    damaged[300] ^= 0xFF
    (data / "part-00001.parquet").write_bytes(damaged)
    reasons = {
        "part-00007.parquet": "holds other codes: decoding: 'fast' (here) against 'exact' (in the manifest)",
        "part-00008.parquet": "is none of cnncodes' files: it has no column 'content', 'image'",
        "part-00009.parquet": "is damaged: Parquet file size",
        "part-00001.parquet": "is damaged: could not verify page integrity",
    }
    problems = find_problems(path)
    for name, reason in reasons.items():
        [line] = [line for line in problems if name in line]
        assert f"and it {reason}" in line and "moves it to left-out/" in line and line.count(name) == 1
    kept = {name: (data / name).read_bytes() for name in reasons}
    with pytest.warns(ResultWarning, match=r"moved to .*left-out: part-00009.parquet is damaged"):
        write(path, [make(key) for key in "cd"])
    assert {file.name: file.read_bytes() for file in (path / "left-out").iterdir()} == kept
    assert set(read_codes(path).images) == set("abcdefg") and find_problems(path) == []


def test_what_a_killed_job_replaced_is_removed(path: Path) -> None:
    old = (path / "data/part-00000.parquet").read_bytes()
    write(path, [make("a", size=11)])
    (path / "data/part-00000.parquet").write_bytes(old)  # as where the kill came before its removal
    manifest = path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"complete": true', '"complete": false'))
    problem, _ = find_problems(path)
    assert "most likely a job was killed" in problem and "removes it" in problem
    write(path, [])
    assert not (path / "data/part-00000.parquet").exists() and not (path / "left-out").exists()
    assert find_problems(path) == []
