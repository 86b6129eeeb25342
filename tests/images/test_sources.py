"""Sources: whatever users hand over becomes records, or an error that says what was meant."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from cnncodes.errors import SourceError, UsageError
from cnncodes.images import decode, open_source, records_from

ARRAY = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)


def make_png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(ARRAY).save(file, "PNG")
    return file.getvalue()


PNG = make_png()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("train/cat/2.png", "train/dog/1.png", "test/cat/3.png", "4.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PNG)
    return tmp_path


def test_what_is_masked_is_not_seen(photos: Path) -> None:
    dark = np.ma.masked_less(np.arange(90, dtype=np.uint8).reshape(6, 5, 3), 10)
    assert records_from([np.ma.masked_array(ARRAY)])  # nothing of it
    for given in ([ARRAY, dark], np.ma.stack([dark, dark])):
        with pytest.raises(UsageError, match=r"of which 10 numbers are masked: give array.filled\(value\)"):
            records_from(given)


def test_a_list_may_mix_all_kinds(photos: Path) -> None:
    path = photos / "4.png"
    items = [path, str(path), PNG, bytearray(PNG), memoryview(PNG), Image.fromarray(ARRAY), ARRAY]
    records = records_from(items)
    assert [record.key for record in records] == [
        path.as_posix(), f"{path.as_posix()}#2", *[f"image-{i:08}" for i in range(2, 7)],
    ]  # fmt: skip
    for record in records:
        assert record.label is None and record.split is None
        np.testing.assert_array_equal(np.asarray(decode(record.read())), ARRAY)


@pytest.mark.parametrize(
    "kind",
    [
        tuple,
        iter,
        pd.Series,
        np.array,
        lambda x: np.array(x, object),
        pd.Index,
        pl.Series,
        pa.array,
        lambda x: pa.chunked_array([x[:1], x[1:]]),
        lambda x: pa.table({"image": x}),
    ],
)
def test_lists_of_paths_of_any_kind_keep_their_order(kind: Any) -> None:
    paths = ["b.png", "a.png", "sub/c.png"]
    records = records_from(kind(paths))
    assert [record.data for record in records] == [Path(path) for path in paths]
    assert [record.key for record in records] == paths


def test_any_path_of_python_is_a_path(photos: Path) -> None:
    (record,) = records_from([PurePosixPath(photos / "4.png")])
    assert (record.key, record.read()) == ((photos / "4.png").as_posix(), PNG)


def test_a_series_is_read_by_position_and_not_by_index(photos: Path) -> None:
    series = pd.Series([photos / "4.png", PNG], index=[7, 7])
    assert [record.read() for record in records_from(series)] == [PNG, PNG]


def test_an_array_of_four_dimensions_is_a_list_of_images() -> None:
    stack = np.stack([ARRAY, 255 - ARRAY])
    for image, record in zip(stack, records_from(stack), strict=True):
        np.testing.assert_array_equal(np.asarray(decode(record.read())), image)
    assert records_from(np.zeros((0, 4, 4, 3), np.uint8)) == records_from([]) == []


@pytest.mark.parametrize("shape", [(0,), (0, 1), (0, 3), (0, 4, 4)])
@pytest.mark.parametrize("dtype", [float, np.uint8, object, str])
def test_an_array_of_length_0_is_no_images(shape: tuple[int, ...], dtype: type) -> None:
    assert records_from(np.empty(shape, dtype)) == []


def test_what_is_in_memory_is_not_copied() -> None:
    (record,) = records_from([ARRAY])
    assert record.read() is ARRAY


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (PNG, r"Got one bytes. For one image: \[image\]"),
        (bytearray(PNG), "Got one bytearray"),
        (Image.fromarray(ARRAY), r"Got one Image. For one image: \[image\]"),
        (ARRAY, r"Got shape \(6, 5, 3\). For one image: \[array\]"),
        (np.zeros((3, 4)), r"Got shape \(3, 4\)"),
        ([io.BytesIO(PNG)], r"Got BytesIO: .* Give what it holds: `file.seek\(0\)`, then `file.read\(\)`"),
        ([memoryview(ARRAY)], "Got memoryview"),
        (None, "Got one NoneType"),
        (7, "Got one int"),
        ({"a.png"}, "a set, which has no order"),
        ({"a.png": 1}, "a dict, which has no order"),
        (pd.DataFrame({"image": ["a.png"], "label": ["cat"]}), "DataFrame of 2 dimensions: give one column"),
        (pl.DataFrame({"image": ["a.png"], "label": ["cat"]}), "DataFrame of 2 dimensions: give one column"),
        (pa.table({"image": ["a.png"], "label": ["cat"]}), "Table of 2 dimensions: give one column"),
        (np.array([["a.png", "cat"]]), "ndarray of 2 dimensions"),
        ("", "the path is empty. Give a path"),
        ("gone.png", "one path that does not exist: 'gone.png'"),
        ("x" * 5000, "one path that does not exist"),
        ("nul\0.png", "the path holds a zero byte"),
        (["a.png", float("nan")], "Got float: nan, as image 1 of the list"),
        (pd.Series(["a.png", None], dtype=object), "Got NoneType: None, as image 1"),
        ([["a.png"]], r"Got list: \['a.png'\], as image 0"),
        (["a.png", ""], "image 1 of the list, '', is empty"),
        (["https://example.org/a.png"], "image 0 of the list, .* is an address: download"),
    ],
)
def test_what_is_no_list_of_images_is_refused_with_what_it_is(given: Any, match: str) -> None:
    with pytest.raises(UsageError, match=match) as caught:
        records_from(given)
    assert "\n" not in str(caught.value)


class Tensor:
    """As arrays of JAX and TensorFlow are: no ndarray, but made into one on request."""

    def __init__(self, *shape: int, dtype: str = "uint8") -> None:
        self._held = np.zeros(shape, dtype)
        self.shape, self.dtype, self.ndim = shape, self._held.dtype, len(shape)

    def __array__(self) -> Any:
        return self._held

    def __iter__(self) -> Any:
        return iter(self._held)

    def __repr__(self) -> str:
        return f"tensor({self._held})"


@pytest.mark.parametrize(
    ("given", "got", "advice"),
    [
        ([Tensor(3, 8, 8)], "Tensor of uint8 of shape (3, 8, 8)", "np.asarray(image).transpose(1, 2, 0)"),
        ([Tensor(8, 8, 3)], "Tensor of uint8 of shape (8, 8, 3)", "np.asarray(image)"),
        (
            [Tensor(8, 8, dtype="f4")],
            "of float32 of shape",
            "(np.asarray(image) * 255).round().astype(np.uint8)",
        ),
        (Tensor(2, 3, 8, 8), "a Tensor of 4 dimensions", "np.asarray(X).transpose(0, 2, 3, 1)"),
    ],
)
def test_arrays_of_other_libraries_are_refused_in_one_line_with_how_to_convert_them(
    given: Any, got: str, advice: str
) -> None:
    with pytest.raises(UsageError) as caught:
        records_from(given)
    assert got in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).endswith(f": {advice}.")


@pytest.mark.torch
@pytest.mark.parametrize(
    ("shape", "kind", "advice"),
    [
        ((3, 8, 8), "uint8", "image.permute(1, 2, 0).numpy()"),
        ((1, 8, 8), "float32", "(image.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)"),
        ((8, 8, 3), "bfloat16", "(image.float().numpy() * 255).round().astype(np.uint8)"),
        ((8, 8, 3), "complex64", "image.numpy(), as uint8 from 0 to 255"),
        ((8, 8, 3), "uint8", "image.numpy()"),
    ],
)
def test_tensors_are_refused_with_how_torch_converts_them(
    shape: tuple[int, ...], kind: str, advice: str
) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(UsageError, match=f"Got Tensor of torch.{kind} of shape ") as caught:
        records_from([torch.zeros(shape, dtype=getattr(torch, kind))])
    assert str(caught.value).endswith(f": {advice}.")


def test_what_prints_in_several_lines_is_named_in_one() -> None:
    with pytest.raises(UsageError, match="as image 0") as caught:
        records_from([[np.zeros((2, 2))]])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
@pytest.mark.parametrize("column", [["a.png", "b.png"], [PNG, PNG + b"\0"]])
def test_a_table_of_one_column_is_that_column(make: Any, column: list[Any]) -> None:
    expected = [record.data for record in records_from(column)]
    assert [record.data for record in records_from(make({"image": column}))] == expected
    as_array = np.array(column, dtype=object).reshape(-1, 1)
    assert [record.data for record in records_from(as_array)] == expected
    assert len(records_from(pd.DataFrame({"image": [ARRAY, ARRAY]}))) == 2


def test_one_path_is_refused_unless_it_is_a_folder(photos: Path) -> None:
    for one in (photos / "4.png", str(photos / "4.png")):
        with pytest.raises(UsageError, match=r"Got one path: .*4\.png.* For one image: \[path\]"):
            records_from(one)
    keys = ["4.png", "test/cat/3.png", "train/cat/2.png", "train/dog/1.png"]
    assert [record.key for record in records_from(photos)] == keys
    assert [record.key for record in records_from(str(photos))] == keys


def test_names_of_no_utf8_become_keys_that_are(tmp_path: Path) -> None:
    path = tmp_path / b"\xff.png".decode("utf-8", "surrogateescape")
    path.write_bytes(PNG)
    (record,) = records_from([str(path)])
    assert record.key == f"{tmp_path}/\\xff.png"
    assert record.read() == PNG


# open_source


def test_a_folder_a_table_and_a_list_are_sources(photos: Path) -> None:
    folder = open_source(photos)
    assert (folder.name, folder.root) == (str(photos), photos)
    assert folder.labels() == [None, "cat", "cat", "dog"]
    for name, separator in (("t.csv", ","), ("t.TSV", "\t")):
        (photos / name).write_text(f"image{separator}label\n4.png{separator}b\n./4.png{separator}a\n")
        table = open_source(str(photos / name))
        assert [(record.key, record.label) for record in table.records] == [("./4.png", "a"), ("4.png", "b")]
        assert table.root == photos
    memory = open_source([photos / "4.png", PNG])
    assert (memory.root, len(memory.records)) == (None, 2)


def test_rows_of_a_table_stand_as_they_do_there(tmp_path: Path) -> None:
    """A group of rows is read from its begin on: in any other order it would be, again and again."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [f"{(7 * row) % 20}.png" for row in range(20)]
    rows = [{"bytes": name.encode(), "path": name} for name in names]
    pq.write_table(pa.table({"image": rows}), tmp_path / "x.parquet", row_group_size=2)
    source = open_source(tmp_path / "x.parquet")
    assert [record.key for record in source.records] == names
    assert [record.read() for record in source.records] == [name.encode() for name in names]


def test_a_source_is_sorted_by_key() -> None:
    keys = [record.key for record in open_source(["b", "a", "c/d", "B", "a"]).records]
    assert keys == sorted(keys) == ["B", "a", "a#2", "b", "c/d"]


def test_columns_are_handed_on(photos: Path) -> None:
    (photos / "t.csv").write_text("file,kind,fold\n4.png,cat,test\n")
    (record,) = open_source(
        photos / "t.csv", path_column="file", label_column="kind", split_column="fold"
    ).records
    assert (record.key, record.label, record.split) == ("4.png", "cat", "test")


def test_filter_takes_a_part_and_those_with_labels(photos: Path) -> None:
    source = open_source(photos)

    def keys(**options: Any) -> list[str]:
        filtered = source.filter(**options)
        assert (filtered.name, filtered.root) == (source.name, source.root)
        return [record.key for record in filtered.records]

    everything = [record.key for record in source.records]
    assert keys() == everything
    assert keys(split="train") == ["train/cat/2.png", "train/dog/1.png"]
    assert keys(split="val") == []
    assert keys(labelled=True) == everything[1:]
    assert keys(labelled=False) == ["4.png"]
    assert keys(split="test", labelled=False) == []
    assert len(source.records) == 4


@pytest.mark.parametrize(
    ("src", "match"),
    [
        ("gone", "there is nothing at 'gone'"),
        ("x" * 5000, "there is nothing at"),
        ("https://example.org/photos", "is an address: download"),
        ([], "the list of images is empty"),
    ],
)
def test_what_is_not_there_is_refused(src: Any, match: str) -> None:
    with pytest.raises(SourceError, match=match):
        open_source(src)


def test_an_empty_path_is_wrong_usage_and_not_the_working_folder() -> None:
    with pytest.raises(UsageError, match=r"the source of images is empty\. Give a path; '\.' is the working"):
        open_source("")


def test_a_device_is_refused_in_words_for_any_way_in() -> None:
    with pytest.raises(SourceError, match="'/dev/null' is a pipe, socket or device: expected") as caught:
        open_source("/dev/null")
    assert "[path]" not in str(caught.value)


def test_a_single_file_is_refused_with_what_to_give(photos: Path) -> None:
    with pytest.raises(SourceError, match=r"is a single file.*For one image give a list"):
        open_source(photos / "4.png")
    (photos / "folder.csv").mkdir()
    with pytest.raises(SourceError, match="no images in"):
        open_source(photos / "folder.csv")


def test_a_link_to_nowhere_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(SourceError, match="there is nothing at"):
        open_source(tmp_path / "link")
