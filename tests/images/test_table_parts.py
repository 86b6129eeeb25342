"""A data set in several Parquet tables: all its images, each in its part, and nothing that is another's."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cnncodes.errors import ResultWarning, SourceError
from cnncodes.images import open_source
from cnncodes.images.table_parts import find_parts


def encode(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def write(root: Path, name: str, values: list[int], labels: list[Any] | None = None, **columns: Any) -> None:
    """Write a table as Hugging Face does: structs of bytes and of the file's name."""
    rows = [{"bytes": encode(value), "path": f"{value}.png"} for value in values]
    table = {"image": rows, "label": labels or [value % 2 for value in values], **columns}
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(table), root / name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "data/train-00000-of-00002.parquet", [1, 2, 3])
    write(tmp_path, "data/train-00001-of-00002.parquet", [1, 5])
    write(tmp_path, "data/validation-00000-of-00001.parquet", [6])
    write(tmp_path, "data/test-00000-of-00001.parquet", [7, 8])
    (tmp_path / "README.md").write_text("of the data set")
    return tmp_path


def test_the_tables_of_a_data_set_are_read_together(root: Path) -> None:
    source = open_source(root)
    assert source.root == root
    assert [(record.key, record.label, record.split) for record in source.records] == [
        ("data/test-00000-of-00001/7.png", "1", "test"),
        ("data/test-00000-of-00001/8.png", "0", "test"),
        ("data/train-00000-of-00002/1.png", "1", "train"),
        ("data/train-00000-of-00002/2.png", "0", "train"),
        ("data/train-00000-of-00002/3.png", "1", "train"),
        ("data/train-00001-of-00002/1.png", "1", "train"),
        ("data/train-00001-of-00002/5.png", "1", "train"),
        ("data/validation-00000-of-00001/6.png", "0", "val"),
    ]
    assert [record.read() for record in source.records[:2]] == [encode(7), encode(8)]
    assert open_source(root / "data").records[0].key == "test-00000-of-00001/7.png"


@pytest.mark.parametrize(
    "names",
    [
        ("train.parquet", "test.parquet"),
        ("default/train/0000.parquet", "default/test/0000.parquet"),
        ("Train-0.PARQUET", "test_1.parquet"),
        ("train/part-00000-of-00001.parquet", "test/part-00000-of-00001.parquet"),
    ],
)
def test_a_part_is_told_by_the_name_of_a_table_or_of_its_folder(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    for value, name in enumerate(names):
        write(tmp_path, name, [value])
    assert {record.read(): record.split for record in open_source(tmp_path).records} == {
        encode(0): "train",
        encode(1): "test",
    }


def test_a_column_of_parts_goes_before_the_names(tmp_path: Path) -> None:
    write(tmp_path, "all-0-of-1.parquet", [1, 2], split=["test", None])
    assert [record.split for record in open_source(tmp_path).records] == ["test", None]
    write(tmp_path, "train-0-of-1.parquet", [3, 4], split=["test", None])
    assert [record.split for record in open_source(tmp_path).records] == ["test", None, "test", "train"]


def test_paths_are_relative_to_the_folder_of_their_table(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / "tables" / part).mkdir(parents=True)
        table = pa.table({"image": [f"../../photos/{part}.png"], "label": ["a"]})
        pq.write_table(table, tmp_path / "tables" / part / "0.parquet")
    (tmp_path / "photos").mkdir()
    for value, part in enumerate(("train", "test")):
        (tmp_path / "photos" / f"{part}.png").write_bytes(encode(value))
    source = open_source(tmp_path / "tables")
    assert [record.key for record in source.records] == [
        "test/../../photos/test.png",
        "train/../../photos/train.png",
    ]
    assert [record.read() for record in source.records] == [encode(1), encode(0)]


def test_a_table_that_the_names_count_and_is_not_there_is_named(root: Path) -> None:
    (root / "data/train-00000-of-00002.parquet").unlink()
    with pytest.warns(ResultWarning, match=r"lacks 1 table of the 2 of 'data/train', the first .* number 0"):
        assert len(open_source(root).records) == 5
    write(root, "data/train-00002-of-00002.parquet", [9])  # some count from 1
    assert len(open_source(root).records) == 6


def test_a_part_that_is_there_in_two_divisions_is_refused(root: Path) -> None:
    write(root, "data/train-00000-of-00001.parquet", [1, 2, 3, 1, 5])
    with pytest.raises(SourceError, match="tables 'data/train' of 1 and of 2: are they the same images"):
        open_source(root)


@pytest.mark.parametrize(
    "other", ["data/more.parquet", "data/labels.csv", "data/test.csv", "other/train-00000-of-00001.parquet"]
)
def test_tables_that_may_be_another_data_set_are_not_read(root: Path, other: str) -> None:
    (root / other).parent.mkdir(exist_ok=True)
    (root / other).write_bytes(b"")
    assert find_parts(root) == []
    with pytest.raises(SourceError, match=r"holds 5 tables: give one .* read together where all are Parquet"):
        open_source(root)


def test_a_folder_with_a_picture_is_a_folder_of_pictures(root: Path) -> None:
    (root / "cover.png").write_bytes(encode(9))
    with pytest.warns(ResultWarning, match="4 tables are passed over, since there are pictures: 'data/test-"):
        assert [record.key for record in open_source(root).records] == ["cover.png"]


def test_what_is_wrong_with_one_table_is_said_of_that(root: Path) -> None:
    (root / "data/test-00000-of-00001.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError, match=r"test-00000-of-00001\.parquet cannot be read as Parquet"):
        open_source(root)


NAMES = ["cat", "dog"]


def write_labels(root: Path, labels: dict[str, pa.Array[Any]], named: tuple[str, ...] = ()) -> None:
    """Write a table a part, those of `named` with names for the numbers of classes."""
    features = {"label": {"names": NAMES, "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    for part, column in labels.items():
        table = pa.table({"image": [encode(1)] * len(column), "label": column})
        table = table.replace_schema_metadata(metadata) if part in named else table
        pq.write_table(table, root / f"{part}.parquet")


MIXED = {
    "names and numbers": (pa.array([1, 0]), pa.array([1, 0]), ("test",)),
    "text and numbers": (pa.array(["cat", "dog"]), pa.array([1, 0]), ()),
    "text and fractions": (pa.array(["cat", "dog"]).dictionary_encode(), pa.array([1.0, 0.5]), ()),
    "numbers and truth": (pa.array([1, 0]), pa.array([True, False]), ()),
}


@pytest.mark.parametrize("mixed", MIXED.values(), ids=MIXED)
def test_labels_of_two_kinds_are_no_data_set(tmp_path: Path, mixed: Any) -> None:
    first, second, named = mixed
    write_labels(tmp_path, {"test": first, "train": second}, named)
    with pytest.raises(
        SourceError, match="of different kinds: 'test.parquet' holds .*'train.parquet'"
    ) as told:
        open_source(tmp_path)
    assert "Write them anew" in str(told.value)


def test_numbers_beside_named_ones_are_told_by_what_they_hold(tmp_path: Path) -> None:
    write_labels(tmp_path, {"test": pa.array([1, 0]), "train": pa.array([0, 1])}, ("train",))
    told = (
        r"'test.parquet' holds numbers without names \('0', '1'\), and 'train.parquet' numbers of classes"
        r" with names \('cat', 'dog'\): what the numbers of the one stand for may not be"
    )
    with pytest.raises(SourceError, match=told):
        open_source(tmp_path)


ALIKE = {
    "widths": (pa.array([1, 0], pa.int32()), pa.array([1, 0]), (), {"0", "1"}),
    "whole numbers and fractions": (pa.array([1, 0]), pa.array([0.5, None]), (), {"0", "1", "0.5", None}),
    "text of two types": (pa.array(["a"]), pa.array(["a"], pa.large_string()), (), {"a"}),
    "names and text": (pa.array(["cat"]), pa.array([1]), ("train",), {"cat", "dog"}),
    "none of null": (pa.array([None]), pa.array(["cat"]), (), {"cat", None}),
    "none of numbers": (pa.array([None], pa.int64()), pa.array(["cat"]), (), {"cat", None}),
    "none of names": (pa.array([-1]), pa.array(["5"]), ("test",), {"5", None}),
}


@pytest.mark.parametrize("alike", ALIKE.values(), ids=ALIKE)
def test_labels_of_one_kind_may_be_of_different_types(tmp_path: Path, alike: Any) -> None:
    first, second, named, labels = alike
    write_labels(tmp_path, {"test": first, "train": second}, named)
    assert set(open_source(tmp_path).labels()) == labels


JOB = "4a1c9d1e-0b3f-4c55-9a0d-6f2a1b3c4d5e"


def test_the_tables_that_spark_wrote_are_read_together(tmp_path: Path) -> None:
    for number, values in enumerate(([1, 2], [3], [])):
        write(tmp_path, f"part-{number:05}-{JOB}-c000.snappy.parquet", values, [str(v) for v in values])
    write(tmp_path, f"part-00001-{JOB}-c001.snappy.parquet", [4], ["4"])
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "_metadata").write_bytes(b"PAR1")
    (tmp_path / f".part-00000-{JOB}-c000.snappy.parquet.crc").write_bytes(b"crc")
    records = open_source(tmp_path).records
    assert [(record.label, record.read()) for record in records] == [(f"{v}", encode(v)) for v in range(1, 5)]
    assert records[0].key == f"part-00000-{JOB}-c000.snappy/1.png"


def test_parts_that_spark_wrote_into_folders_of_their_names(tmp_path: Path) -> None:
    for value, part in enumerate(("train", "test")):
        write(tmp_path, f"{part}/part-00000-{JOB}.c000.parquet", [value])
    assert {record.read(): record.split for record in open_source(tmp_path).records} == {
        encode(0): "train",
        encode(1): "test",
    }


def test_tables_of_spark_without_any_row_are_refused(tmp_path: Path) -> None:
    write(tmp_path, f"part-00000-{JOB}-c000.snappy.parquet", [])
    with pytest.raises(SourceError, match="have no rows: expected one an image"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        f"label=cat/part-00000-{JOB}-c000.snappy.parquet",  # the label is not in the table
        f"_temporary/0/part-00000-{JOB}-c000.snappy.parquet",  # a job that has not ended
        f"part-00001-{JOB}-c000.csv",
        f"_temporary/0/train/part-00000-{JOB}.c000.parquet",
        "part-00001-of-a-song.parquet",
    ],
)
def test_what_spark_keeps_elsewhere_or_otherwise_is_not_joined(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, [1])
    assert find_parts(tmp_path) == []
    write(tmp_path, f"part-00000-{JOB}-c000.snappy.parquet", [2])
    assert find_parts(tmp_path) == []
    with pytest.raises(SourceError, match="holds 2 tables: give one of them"):
        open_source(tmp_path)
