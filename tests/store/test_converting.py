"""Codes for other tools: read back by what people read them with, equal to the bit."""

from __future__ import annotations

import csv
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import PLAN, SPACE, VIEWS, fail, make, write

from cnncodes.errors import StoreError, UsageError
from cnncodes.store import CodesWriter, StoredViews, read_codes
from cnncodes.store.converting import convert_codes
from cnncodes.store.csv_rows import write_csv
from cnncodes.store.formats import FORMATS
from cnncodes.store.schema import codes_table

DTYPES = ("float16", "float32")


def write_layers(path: Path, dtype: str) -> None:
    space = replace(SPACE, layer="low,code; mean")
    views = StoredViews(PLAN, parameters=("angle", "stretch"))
    layers = {"low": 2, "code": 4}
    with CodesWriter.open(path, space, views, dtype=dtype, layers=layers, shard_images=2) as writer:
        for key in "cabed":
            image = make(key, label=None if key == "b" else 'a "b"\n,c')
            image.views[1].update({"angle": 1.5, "stretch": (0.5, 2.0)})  # type: ignore[attr-defined]
            writer.add(image)
        writer.add(fail("f"))


@pytest.fixture(params=DTYPES)
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    write_layers(tmp_path / "x.codes", request.param)
    return tmp_path / "x.codes"


def test_npy_is_the_layout_of_clip_retrieval(path: Path, tmp_path: Path) -> None:
    summary = convert_codes(path, tmp_path / "out", "npy")
    assert (summary.rows, summary.files, summary.failures, summary.complete) == (10, 3, 1, True)
    assert sorted(str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*.*")) == [
        *(f"img_emb/img_emb_{n}.npy" for n in range(3)),
        *(f"metadata/metadata_{n}.parquet" for n in range(3)),
    ]
    codes, parts = read_codes(path), []
    # As clip-retrieval and embedding-reader do: by sorted names, a part of one beside that of the other.
    arrays, tables = (
        sorted((tmp_path / "out" / "img_emb").iterdir()),
        sorted((tmp_path / "out/metadata").iterdir()),
    )
    for array, table in zip(arrays, tables, strict=True):
        matrix, rows = np.load(array), pq.read_table(table)
        assert matrix.dtype == np.dtype(codes.manifest.dtype) and matrix.flags.c_contiguous
        assert len(matrix) == len(rows) and matrix.shape[1] == 6
        parts.append((matrix, rows))
    matrix, rows = np.concatenate([m for m, _ in parts]), pa.concat_tables([r for _, r in parts])
    assert rows.column_names == ["image_path", *codes.rows.column_names[1:]]
    order = np.lexsort((rows["view"].to_numpy(), rows["image_path"].to_numpy(zero_copy_only=False)))
    np.testing.assert_array_equal(matrix[order].astype(np.float32), codes.X)
    assert (
        rows.take(pa.array(order)).rename_columns(codes.rows.column_names).to_pylist()
        == codes.rows.to_pylist()
    )


def test_parts_are_in_order_when_they_are_more_than_ten(tmp_path: Path) -> None:
    write(tmp_path / "x", [make(f"i{number:02}") for number in range(12)], shard_images=1)
    assert convert_codes(tmp_path / "x", tmp_path / "out", "npy").files == 12
    names = sorted(file.name for file in (tmp_path / "out" / "img_emb").iterdir())
    assert names[0] == "img_emb_00.npy" and names[-1] == "img_emb_11.npy"
    matrix = np.concatenate([np.load(tmp_path / "out" / "img_emb" / name) for name in names])
    np.testing.assert_array_equal(matrix, read_codes(tmp_path / "x").X)


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
FLOATS = {
    # With bounds: else most draws overflow, and are drawn again.
    "float16": st.floats(-65504, 65504, width=16),
    "float32": st.floats(-(2.0**127), 2.0**127, width=32),
}


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
@settings(max_examples=25)
def test_csv_brings_every_number_and_text_back(dtype: str, data: st.DataObject) -> None:
    keys = data.draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    space = replace(SPACE, code_size=3)
    images = []
    for key in keys:
        codes = np.array(data.draw(st.lists(FLOATS[dtype], min_size=3, max_size=3)), dtype=dtype)[None]
        label = data.draw(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
        images.append(replace(make(key, views=1, label=label), codes=codes))
    schema = replace(read_manifest(space), dtype=dtype).schema
    table = codes_table(images, schema)
    with tempfile.TemporaryDirectory() as root:
        write_csv(Path(root) / "x.csv", [table.slice(0, 1), table.slice(1)] if len(keys) > 1 else [table])
        types: dict[str, Any] = {f"code_{n}": pa.float32() for n in range(3)}
        for name in ("image", "label", "split", "view_name", "content"):
            types[name] = pa.string()
        found = pyarrow.csv.read_csv(
            Path(root) / "x.csv",
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False,
                null_values=[""],
            ),
        )  # fmt: skip
        with open(Path(root) / "x.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    codes = np.stack([found[f"code_{n}"].to_numpy() for n in range(3)], axis=1)
    stored = np.stack(table["code"].to_pylist()).astype(dtype)
    assert codes.astype(dtype).tobytes() == stored.tobytes()
    for name in ("image", "label", "split", "view", "width", "mtime", "content"):
        assert found[name].to_pylist() == table[name].to_pylist(), name
    assert [row["image"] for row in rows] == table["image"].to_pylist()  # Python's own reader agrees


def read_manifest(space: Any) -> Any:
    from cnncodes.store import Manifest

    return Manifest(space, VIEWS)


def test_csv_is_read_alike_by_all(path: Path, tmp_path: Path) -> None:
    summary = convert_codes(path, tmp_path / "x.csv", "csv")
    assert (summary.rows, summary.files, summary.failures) == (10, 1, 1)
    codes = read_codes(path)
    names = ["code_low_0", "code_low_1", "code_0", "code_1", "code_2", "code_3"]
    file = str(tmp_path / "x.csv")
    frames = {
        "pandas": pd.read_csv(file),
        "polars": pl.read_csv(file).to_pandas(),
        "duckdb": duckdb.sql(f"FROM read_csv('{file}', header=true, quote='\"')").df(),
    }
    for tool, frame in frames.items():
        frame = frame.sort_values(["image", "view"])
        assert frame.columns[-6:].tolist() == names, tool
        found = frame[names].to_numpy(np.float32).astype(codes.manifest.dtype)
        np.testing.assert_array_equal(found.astype(np.float32), codes.X, err_msg=tool)
        assert frame["image"].tolist() == codes.images.tolist(), tool
        assert [None if pd.isna(text) else text for text in frame["label"]] == codes.y.tolist(), tool
        assert frame["box_1"].tolist() == [0.5] * 10 and frame["flip"].tolist() == [False, True] * 5, tool
        assert frame["angle"].isna().tolist() == [True, False] * 5, tool
        assert frame["stretch_1"].dropna().tolist() == [2.0] * 5, tool


def test_a_mean_of_views_has_no_box(tmp_path: Path) -> None:
    with CodesWriter.open(tmp_path / "x", SPACE, StoredViews(PLAN, reduce="mean")) as writer:
        image = make("a", views=1)
        writer.add(replace(image, views=[{"view": 0, "view_name": "mean"}]))
    convert_codes(tmp_path / "x", tmp_path / "x.csv", "csv")
    frame = pd.read_csv(tmp_path / "x.csv")
    assert frame[["box_0", "box_3", "scale", "flip"]].isna().all(axis=None)
    np.testing.assert_array_equal(
        frame.filter(like="code_").to_numpy(np.float32), read_codes(tmp_path / "x").X
    )
    convert_codes(tmp_path / "x", tmp_path / "out", "npy")
    assert pq.read_table(tmp_path / "out/metadata/metadata_0.parquet")["box"].null_count == 1


def name_output(to: str) -> str:
    return f"out{FORMATS[to].suffix or ''}"


@pytest.mark.parametrize("to", FORMATS)
def test_one_shard_at_a_time_is_converted(path: Path, tmp_path: Path, to: str) -> None:
    seen: list[tuple[int, int]] = []
    out = tmp_path / name_output(to)
    summary = convert_codes(path, out, to, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(4, 10), (8, 10), (10, 10)] and summary.rows == 10
    assert out.is_dir() if FORMATS[to].suffix is None else out.is_file()


@pytest.mark.parametrize("to", FORMATS)
def test_damage_is_named_and_nothing_is_written(tmp_path: Path, to: str) -> None:
    write_layers(tmp_path / "x.codes", "float16")
    file = tmp_path / "x.codes" / "data" / "part-00002.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(data)
    with pytest.raises(StoreError, match=r"part-00002\.parquet is damaged, or the manifest is: its sha256"):
        convert_codes(tmp_path / "x.codes", tmp_path / name_output(to), to)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.codes"]


def test_wrong_arguments_say_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "x.codes"
    write(path, [make("a")])
    for name, to, text in (
        ("out", "csv", "csv is one file, whose name must end in .csv. Got .*out"),
        ("out.npy", "npy", "npy is a folder of files, so its name must not end in .npy"),
        ("out", "cvs", "there is no format 'cvs'. Did you mean 'csv'"),
        ("x.codes/out.csv", "csv", "which is read. Give another name"),
    ):
        with pytest.raises(UsageError, match=text):
            convert_codes(path, tmp_path / name, to)
    (tmp_path / "mine.csv").write_text("mine")
    (tmp_path / "mine").mkdir()
    for name, to in (("mine.csv", "csv"), ("mine", "npy")):
        with pytest.raises(StoreError, match="exists already, and nothing is replaced"):
            convert_codes(path, tmp_path / name, to)
    write(tmp_path / "empty.codes", [fail("f")])
    with pytest.raises(
        StoreError, match=r"holds no codes, so there is nothing to convert \(1 images failed\)"
    ):
        convert_codes(tmp_path / "empty.codes", tmp_path / "out", "npy")
    assert (tmp_path / "mine.csv").read_text() == "mine"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "empty.codes",
        "mine",
        "mine.csv",
        "x.codes",
    ]
