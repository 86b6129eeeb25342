"""Tables of one shard: rows by image, and the texts that are looked for."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import make, write

from cnncodes.errors import StoreError
from cnncodes.store import Manifest, read_codes
from cnncodes.store.shards import code_matrix, find_rows, image_starts, read_shard, sort_rows

TEXTS = st.lists(st.none() | st.sampled_from(["", "a", "b", "é", "None"]), max_size=8)


@given(TEXTS, st.sets(st.sampled_from(["", "a", "é", "None", "z"])))
def test_texts_are_found_and_a_null_is_none(texts: list[str | None], wanted: set[str]) -> None:
    table = pa.table({"label": pa.array(texts, pa.string())})
    assert find_rows(table, "label", wanted).tolist() == [text in wanted for text in texts]
    halves = pa.concat_tables([table.slice(0, 3), table.slice(3)])
    assert find_rows(halves, "label", wanted).tolist() == [text in wanted for text in texts]


@given(st.lists(st.tuples(st.sampled_from("abcé"), st.integers(0, 3)), unique=True, max_size=12))
def test_rows_are_sorted_and_cut_by_image(rows: list[tuple[str, int]]) -> None:
    table = pa.table({"image": pa.array([r[0] for r in rows], pa.string()), "view": [r[1] for r in rows]})
    if not rows:
        assert image_starts(table).tolist() == [0]
        return
    ordered = sort_rows(table)
    assert [tuple(row.values()) for row in ordered.to_pylist()] == sorted(rows)
    starts = image_starts(ordered).tolist()
    runs = [ordered["image"].to_pylist()[a:b] for a, b in itertools.pairwise(starts)]
    assert [run[0] for run in runs] == sorted({image for image, _ in rows})
    assert all(len(set(run)) == 1 for run in runs) and sum(map(len, runs)) == len(rows)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "x.codes", [make("b"), make("a"), make("c")], shard_images=2)
    return tmp_path / "x.codes"


def test_a_shard_is_read_as_it_was_written(path: Path) -> None:
    manifest = Manifest.read(path)
    table = read_shard(path, manifest, manifest.shards[0])
    assert table.schema == manifest.schema
    codes = read_codes(path)
    assert table.equals(codes.to_arrow().slice(0, 4))
    matrix = code_matrix(table)
    assert matrix.dtype == np.float16
    np.testing.assert_array_equal(matrix.astype(np.float32), codes.X[:4])


def test_a_flipped_bit_and_a_missing_shard_are_named(path: Path) -> None:
    manifest, file = Manifest.read(path), path / "data" / "part-00000.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(data)
    with pytest.raises(StoreError, match=r"part-00000\.parquet is damaged, or the manifest is: its sha256"):
        read_shard(path, manifest, manifest.shards[0])
    file.unlink()
    with pytest.raises(StoreError, match=r"part-00000\.parquet is missing"):
        read_shard(path, manifest, manifest.shards[0])


def test_a_dataset_that_is_written_meanwhile_is_told_from_a_damaged_one(path: Path) -> None:
    manifest = Manifest.read(path)
    write(path, [make("a", size=11)])  # takes the place of the first shard
    with pytest.raises(StoreError, match="was changed while it was read. Wait for the job"):
        read_shard(path, manifest, manifest.shards[0])


def test_columns_of_another_type_are_damage(path: Path) -> None:
    values = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(
        json.dumps({**values, "space": {**values["space"], "code_size": 7}, "layers": {"code": 7}})
    )
    manifest = Manifest.read(path)
    with pytest.raises(StoreError, match=r"part-00000\.parquet is damaged"):
        read_shard(path, manifest, manifest.shards[0])
