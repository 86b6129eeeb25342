"""Summaries of a dataset, and every fault in one told by name."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from samples import fail, make, write

from cnncodes.errors import StoreError
from cnncodes.store.schema import failures_table, to_parquet
from cnncodes.store.summary import find_problems, summarize_codes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    images = [make("a"), make("b", label=None, split=None), make("c", label="dog", split="test"), fail("f")]
    write(tmp_path / "x.codes", [*images, make("d"), fail("g")], shard_images=2)
    return tmp_path / "x.codes"


def test_images_are_counted_once_whatever_their_views(path: Path) -> None:
    found = summarize_codes(path)
    assert (found.images, found.rows) == (4, 8)
    assert found.labels == {"cat": 2, "dog": 1}
    assert found.splits == {"test": 1, "train": 2}
    assert found.failures == {"decode": 2}
    assert found.bytes == sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def test_a_sound_dataset_has_no_problems(path: Path) -> None:
    assert find_problems(path) == []


def damage(path: Path) -> str:
    file = path / "data" / "part-00000.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    return r"part-00000\.parquet is damaged: its sha256"


def remove(path: Path) -> str:
    (path / "data" / "part-00001.parquet").unlink()
    return r"part-00001\.parquet is missing"


def put(path: Path) -> str:
    (path / "data" / "mine.parquet").write_bytes(b"")
    (path / "data" / "notes.txt").write_bytes(b"")
    return r"data/mine\.parquet and 1 more is named by no manifest"


def leave_unfinished(path: Path) -> str:
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, "complete": False}))
    return "did not come to its end"


def fail_what_is_stored(path: Path) -> str:
    (path / "failures.parquet").write_bytes(memoryview(to_parquet(failures_table([fail("a"), fail("f")]))))
    return r"failures\.parquet names 'a', whose codes are stored \(1 such images\)"


def damage_failures(path: Path) -> str:
    (path / "failures.parquet").write_bytes(b"no Parquet")
    return r"failures\.parquet is damaged"


def rewrite(path: Path, change: Any, **shard_changes: Any) -> None:
    """Write a shard anew as if it had been written so in the first place."""
    file, manifest = path / "data" / "part-00000.parquet", json.loads((path / "manifest.json").read_text())
    table = change(pq.read_table(file))
    pq.write_table(table, file)
    facts = {"rows": len(table), "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), **shard_changes}
    manifest["shards"][0].update(facts)
    (path / "manifest.json").write_text(json.dumps(manifest))


def turn(path: Path) -> str:
    rewrite(path, lambda table: table.take(pa.array(range(len(table) - 1, -1, -1))))
    return r"part-00000\.parquet has its rows out of order, or one twice"


def double(path: Path) -> str:
    rewrite(path, lambda table: pa.concat_tables([table.slice(0, 1), table]))
    return r"part-00000\.parquet has its rows out of order, or one twice"


def share(path: Path) -> str:
    other = pq.read_table(path / "data" / "part-00001.parquet")
    rewrite(path, lambda table: pa.concat_tables([table, other]).sort_by("image"), images=3)
    return r"is in part-00000\.parquet and in part-00001\.parquet"


def miscount(path: Path) -> str:
    rewrite(path, lambda table: table, images=7)
    return r"part-00000\.parquet holds \d images, the manifest says 7"


def spoil(path: Path) -> str:
    def put_nan(table: pa.Table) -> pa.Table:
        rows = table.column("code").to_pylist()
        rows[0][3] = float("nan")
        position, field = table.schema.get_field_index("code"), table.schema.field("code")
        return table.set_column(position, field, pa.array(rows, field.type))

    rewrite(path, put_nan)
    return r"part-00000\.parquet has codes in 'code' that are not finite"


FAULTS = (
    *(damage, remove, put, leave_unfinished, fail_what_is_stored, damage_failures),
    *(turn, double, share, miscount, spoil),
)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_by_name_and_nothing_is_changed(path: Path, fault: Any) -> None:
    expected = fault(path)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    problems = find_problems(path)
    assert len([line for line in problems if re.search(expected, line)]) == 1, problems
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def test_all_faults_are_told_at_once(path: Path) -> None:
    expected = [damage(path), remove(path), put(path)]
    assert len(find_problems(path)) == len(expected)


def test_what_is_no_dataset_is_an_error(tmp_path: Path) -> None:
    for function in (summarize_codes, find_problems):
        with pytest.raises(StoreError, match="is no codes dataset"):
            function(tmp_path)
