"""The contract on disk: other tools open data/ whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from samples import PLAN, SIZE, SPACE, fail, make, write

from cnncodes.errors import UsageError
from cnncodes.store import CodesWriter, StoredViews, read_codes

NAMES = ["b 'q\".jpg", "a/ü\n.jpg", "c.jpg", "m.jpg", "z.jpg"]
COLUMNS = {
    "image": pa.string(),
    "label": pa.string(),
    "split": pa.string(),
    "group": pa.string(),
    "view": pa.int32(),
    "view_name": pa.string(),
    "box": pa.list_(pa.float32(), 4),
    "scale": pa.float32(),
    "flip": pa.bool_(),
    "width": pa.int32(),
    "height": pa.int32(),
    "size": pa.int64(),
    "mtime": pa.int64(),
    "content": pa.string(),
    "code": pa.list_(pa.float16(), SIZE),
}


@pytest.fixture(params=["images", "only failures"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[str]]:
    path = tmp_path / "x.codes"
    names = NAMES if request.param == "images" else []
    write(path, [fail("f1"), *(make(name) for name in names), fail("f2")], shard_images=3)
    return path, sorted(names)


def expected_codes(names: list[str], dtype: str = "float16") -> np.ndarray:
    blocks = [make(name).codes.astype(dtype).astype(np.float32) for name in names]
    return np.concatenate(blocks) if blocks else np.empty((0, SIZE), np.float32)


def test_each_shard_has_exactly_the_columns(dataset: tuple[Path, list[str]]) -> None:
    files = sorted((dataset[0] / "data").iterdir())
    assert files and files[0].name == "part-00000.parquet"
    for file in files:
        table = pq.read_table(file)
        assert dict(zip(table.schema.names, table.schema.types, strict=True)) == COLUMNS
        assert table.column("code").null_count == 0
        keys = list(zip(table.column("image").to_pylist(), table.column("view").to_pylist(), strict=True))
        assert keys == sorted(keys)


def test_pandas_opens_the_folder(dataset: tuple[Path, list[str]]) -> None:
    path, names = dataset
    frame = pd.read_parquet(path / "data").sort_values(["image", "view"])
    assert list(frame.columns) == list(COLUMNS)
    assert frame["image"].tolist() == [name for name in names for _ in range(2)]
    got = np.array(frame["code"].tolist(), dtype=np.float32).reshape(-1, SIZE)
    np.testing.assert_array_equal(got, expected_codes(names))


def test_polars_opens_the_folder(dataset: tuple[Path, list[str]]) -> None:
    path, names = dataset
    frame = pl.read_parquet(path / "data").sort(["image", "view"])
    assert frame.columns == list(COLUMNS)
    assert frame["image"].to_list() == [name for name in names for _ in range(2)]
    got = np.array(frame["code"].to_list(), dtype=np.float32).reshape(-1, SIZE)
    np.testing.assert_array_equal(got, expected_codes(names))


def test_duckdb_opens_the_folder(dataset: tuple[Path, list[str]]) -> None:
    path, names = dataset
    query = f"SELECT image, code, label FROM '{path}/data/*.parquet' ORDER BY image, view"
    rows = duckdb.sql(query).fetchall()
    assert [row[0] for row in rows] == [name for name in names for _ in range(2)]
    got = np.array([row[1] for row in rows], dtype=np.float32).reshape(-1, SIZE)
    np.testing.assert_array_equal(got, expected_codes(names))


def test_failures_open_too(dataset: tuple[Path, list[str]]) -> None:
    expected = {
        "image": ["f1", "f2"],
        "stage": ["decode"] * 2,
        "reason": ["broken"] * 2,
        "size": [10] * 2,
        "mtime": [5] * 2,
        "limited_by": ["max_pixels"] * 2,
        "limited_to": [100.0] * 2,
        "codes_kept": [False] * 2,
    }
    file = dataset[0] / "failures.parquet"
    assert pd.read_parquet(file).to_dict("list") == expected
    assert pl.read_parquet(file).to_dict(as_series=False) == expected
    rows = [(name, "decode", "broken", 10, 5, "max_pixels", 100.0, False) for name in ("f1", "f2")]
    assert duckdb.sql(f"SELECT * FROM '{file}'").fetchall() == rows


def test_nothing_else_is_in_data(dataset: tuple[Path, list[str]]) -> None:
    assert {file.suffix for file in (dataset[0] / "data").iterdir()} == {".parquet"}
    assert {file.name for file in dataset[0].iterdir()} == {
        "data",
        "failures.parquet",
        "manifest.json",
        ".lock",
    }


def test_float32_is_exact(tmp_path: Path) -> None:
    write(tmp_path / "x", [make("a"), make("b")], dtype="float32")
    codes = read_codes(tmp_path / "x")
    np.testing.assert_array_equal(codes.X, expected_codes(["a", "b"], "float32"))
    assert codes.to_arrow().schema.field("code").type == pa.list_(pa.float32(), SIZE)


PARAMETERS = {"angle": 3.5, "shear": (1.0, -2.0), "color_offset": (9.0, 8.0, -7.0)}


@pytest.fixture
def varied(tmp_path: Path) -> Path:
    """A dataset whose second view has parameters that its first one lacks."""
    image = make("a")
    image.views[1].update(PARAMETERS)  # type: ignore[attr-defined]
    views = StoredViews(PLAN, {}, tuple(PARAMETERS))
    with CodesWriter.open(tmp_path / "x.codes", SPACE, views) as writer:
        writer.add(image)
    return tmp_path / "x.codes"


def test_what_views_vary_has_columns_that_every_tool_reads(varied: Path) -> None:
    expected = {name: [None, list(v) if isinstance(v, tuple) else v] for name, v in PARAMETERS.items()}
    names = list(PARAMETERS)
    assert read_codes(varied).to_arrow().select(names).to_pydict() == expected
    assert pl.read_parquet(varied / "data").select(names).to_dict(as_series=False) == expected
    rows = duckdb.sql(f"SELECT {', '.join(names)} FROM '{varied}/data/*.parquet' ORDER BY view").fetchall()
    assert [[list(v) if isinstance(v, tuple) else v for v in row] for row in rows] == [
        [values[i] for values in expected.values()] for i in range(2)
    ]
    frame = pd.read_parquet(varied / "data").sort_values("view")
    assert frame["angle"].isna().tolist() == [True, False]
    assert frame["color_offset"].iloc[1].tolist() == [9.0, 8.0, -7.0]


def test_the_mean_of_views_has_no_place_in_the_picture(tmp_path: Path) -> None:
    image = replace(make("a", views=1), views=[{"view": 0, "view_name": "mean"}])
    with CodesWriter.open(tmp_path / "x.codes", SPACE, StoredViews(PLAN, reduce="mean")) as writer:
        writer.add(image)
    [row] = read_codes(tmp_path / "x.codes").to_arrow().to_pylist()
    assert (row["view_name"], row["box"], row["scale"], row["flip"]) == ("mean", None, None, None)
    assert pl.read_parquet(tmp_path / "x.codes/data").height == 1


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(UsageError, match="no parameter 'angel'.*'angle'"):
        StoredViews(PLAN, {}, ("angel",))
    with pytest.raises(UsageError, match="reduce must be"):
        StoredViews(PLAN, reduce="max")
