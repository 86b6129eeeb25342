"""What is wrong where a shard is not what was written: it, the manifest, or that it is another dataset's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from samples import SPACE, VIEWS, flip_codes, make, write

from cnncodes.errors import StoreError
from cnncodes.store import CodesWriter, open_codes, read_codes
from cnncodes.store.repairing import repair_codes
from cnncodes.store.summary import summarize_codes
from cnncodes.store.verifying import find_problems

INT8 = replace(SPACE, backbone_sha256="11" * 32, precision="int8")
TOLD = "is a shard of another dataset: precision: 'int8' (part-00001.parquet) against 'fp32' (manifest.json)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "x.codes", [*map(make, "abcdefg")], shard_images=2)
    return tmp_path / "x.codes"


def put_foreign(path: Path, keys: str = "cdexyz", space: Any = INT8) -> Path:
    with CodesWriter.open(path.parent / "other", space, VIEWS) as writer:
        for key in keys:
            writer.add(make(key))
    return Path(shutil.copy(path.parent / "other/data/part-00000.parquet", path / "data/part-00001.parquet"))


@pytest.mark.parametrize(
    "use",
    [open_codes, read_codes, summarize_codes, find_problems, repair_codes, lambda path: write(path, [])],
)
def test_a_sound_shard_of_another_dataset_is_not_called_damaged(
    path: Path, use: Callable[[Path], Any]
) -> None:
    put_foreign(path)
    before = {file: file.read_bytes() for file in path.rglob("*.parquet")}
    try:
        told = str(use(path))
    except StoreError as error:
        told = str(error)
    assert TOLD in told and "damaged" not in told
    assert "Move it elsewhere" in told and "run the same `cnncodes embed` again" in told
    assert {file: file.read_bytes() for file in path.rglob("*.parquet")} == before


def test_a_damaged_shard_of_another_dataset_is_damaged(path: Path) -> None:
    flip_codes(put_foreign(path))
    [problem] = find_problems(path)
    assert "is damaged" in problem and "another dataset" not in problem


def test_a_shard_of_another_dataset_of_the_same_space_is_said_to_be_possible(path: Path) -> None:
    put_foreign(path, "vwxyz", SPACE)
    [problem] = find_problems(path)
    assert "sound by what it holds" in problem and "may be another dataset's" in problem
