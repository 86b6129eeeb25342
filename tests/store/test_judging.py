"""Which is wrong where a shard is not what the manifest names: the file, or the manifest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samples import flip_codes, make, rows_of, write

from cnncodes.store.repairing import repair_codes
from cnncodes.store.verifying import find_problems


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "x.codes", [*map(make, "abcdefg")], shard_images=2)
    return tmp_path / "x.codes"


def truncate(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-100])


def empty(shard: Path) -> None:
    shard.write_bytes(b"")


def delete(shard: Path) -> None:
    shard.unlink()


@pytest.mark.parametrize("fault", [flip_codes, truncate, empty, delete])
@pytest.mark.parametrize("names", [["part-00001"], ["part-00000", "part-00001", "part-00002", "part-00003"]])
def test_repair_and_verify_name_each_shard_that_is_at_fault_and_what_to_do(
    path: Path, fault: Callable[[Path], Any], names: list[str]
) -> None:
    before = rows_of(path)
    files = [path / "data" / f"{name}.parquet" for name in names]
    for file in files:
        fault(file)
    manifest = (path / "manifest.json").read_bytes()
    repair = repair_codes(path)
    assert not repair.changed and (path / "manifest.json").read_bytes() == manifest
    assert [shard.name for shard in repair.faults] == [file.name for file in files]
    assert [shard.images for shard in repair.faults] == [2, 2, 2, 1][-len(names) :] or len(names) == 1
    told, found = "missing" if fault is delete else "damaged", find_problems(path)
    for shard, problem in zip(repair.faults, found, strict=True):
        assert shard.reason.startswith(f"is {told}") and shard.name in problem
        for text in (shard.advice, problem):
            assert "run the same `cnncodes embed` again" in text and "codes repair" not in text
        assert ("delete it" in shard.advice) == ("delete it" in problem) == (fault is not delete)
    for file in files:  # as they say
        file.unlink(missing_ok=True)
    write(path, list(map(make, "abcdefg")), shard_images=2)
    assert rows_of(path)[0] == before[0] and find_problems(path) == [] and not repair_codes(path).faults
