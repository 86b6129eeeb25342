"""Tables: images by path or as bytes in their rows, and labels as text, whatever wrote the file."""

from __future__ import annotations

import io
import os
import shutil
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cnncodes.errors import ResultWarning, SourceError, UnreadableImage
from cnncodes.images import decode
from cnncodes.images.tables import Columns, list_table

# What a table lists is asked here, and not whether it is there.
pytestmark = pytest.mark.filterwarnings("ignore:.*leads to (a|no) file:cnncodes.errors.ResultWarning")


def make_jpeg(level: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (level, level, level)).save(file, "JPEG")
    return file.getvalue()


JPEGS = [make_jpeg(level) for level in (0, 60, 120, 180, 240)]


DEFAULT = Columns()


def write_csv(folder: Path, text: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def write_parquet(folder: Path, columns: dict[str, Any], **options: Any) -> Path:
    path = folder / "table.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return path


def rows(path: Path, columns: Columns = DEFAULT) -> list[tuple[str, str | None, str | None]]:
    return [(record.key, record.label, record.split) for record in list_table(path, columns)]


def refuse(path: Path, columns: Columns = DEFAULT) -> str:
    with pytest.raises(SourceError) as caught:
        list_table(path, columns)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    return message


# CSV


def test_a_csv_names_paths_labels_and_parts(tmp_path: Path) -> None:
    table = write_csv(tmp_path, "label,image,split\ncat,b.jpg,train\ndog,sub/a.jpg,VALID\n,c.jpg,\n")
    assert rows(table) == [("b.jpg", "cat", "train"), ("sub/a.jpg", "dog", "val"), ("c.jpg", None, None)]
    assert [record.data for record in list_table(table, Columns())] == [
        str(tmp_path / "b.jpg"),
        str(tmp_path / "sub/a.jpg"),
        str(tmp_path / "c.jpg"),
    ]


def test_labels_of_a_csv_stay_as_they_are_written(tmp_path: Path) -> None:
    table = write_csv(tmp_path, "image,label\na,01\nb,1.0\nc, x \nd,NaN\ne,None\nf,True\n")
    assert [label for _, label, _ in rows(table)] == ["01", "1.0", " x ", "NaN", "None", "True"]


def test_quotes_tabs_marks_and_blank_lines(tmp_path: Path) -> None:
    text = '\ufeffimage,label\r\n"a,b.jpg","the ""big"" cat"\r\n\r\n"two\nlines.jpg",x\r\n'
    assert rows(write_csv(tmp_path, text)) == [
        ("a,b.jpg", 'the "big" cat', None),
        ("two\nlines.jpg", "x", None),
    ]
    assert rows(write_csv(tmp_path, "image\tlabel\na,b.jpg\tcat\n", "t.TSV")) == [("a,b.jpg", "cat", None)]


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    table = write_csv(tmp_path, "file,species,fold,image\na.jpg,cat,test,9\n")
    assert rows(table, Columns("file", "species", "fold")) == [("a.jpg", "cat", "test")]


def test_a_column_says_what_belongs_together(tmp_path: Path) -> None:
    table = write_csv(tmp_path, "image,label,group\na.jpg,cat,7\nb.jpg,cat,\n")
    assert [record.group for record in list_table(table, Columns())] == ["7", None]
    table = write_csv(tmp_path, "image,label,patient\na.jpg,cat,anna\n")
    with pytest.warns(ResultWarning, match="a column 'patient', which nothing is read from"):
        assert [record.group for record in list_table(table, Columns())] == [None]
    assert [record.group for record in list_table(table, Columns(group="patient"))] == ["anna"]
    with pytest.raises(SourceError, match="no column 'patents'. Did you mean 'patient'?"):
        list_table(table, Columns(group="patents"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("image,label\n", "has no rows"),
        ("image,label\na,cat\nb\n", "line 3 has 1 cell; there are 2 columns"),
        ("image\na\nb,cat\n", "line 3 has 2 cells; there is 1 column"),
        ('image,label\n"a\nb",cat\n\nc,d,e\n', "line 5 has 3 cells"),
        ("images,label\na,cat\n", "no column 'image' with images. Did you mean 'images'?"),
        ("image,label,label\na,cat,dog\n", "2 columns 'label'"),
        ("image,split\na,train\nb,tset\n", "row 2 is of part 'tset'. Did you mean 'test'?"),
        ("image,label\n,cat\n", "no row of the column 'image' is a path: the table has no path in this row"),
        ("image\nhttps://example.org/b.jpg\n", "'https://example.org/b.jpg' is an address: download"),
        ('image,label\na,dog\n"a,cat\n', "cannot be read as CSV, line 3: "),
        ("image,label\na,cat\n\nb,B\xe4r\n".encode("latin-1"), "in UTF-8: line 4 has the byte 0xe4 where"),
        ("image,label\na,cat\n".encode("utf-16"), "in UTF-8: it begins as UTF-16 does. Save the table as"),
        ("image;label;age\na;cat;3\n", "by commas, in a .tsv by tabs, and not by ';'. Save the table so."),
        ("image;age\na;0,5\nb;1,5\n", "by commas, in a .tsv by tabs, and not by ';'. Save the table so."),
        ('image;label\na;"x, y"\n', "has one column alone, 'image;label': columns must be divided by commas"),
        ('image;label\n"a";"x"\n', "has one column alone, 'image;label': columns must be divided by commas"),
    ],
)
def test_a_csv_that_cannot_be_right_is_refused(tmp_path: Path, text: str | bytes, expected: str) -> None:
    assert expected in refuse(write_csv(tmp_path, text))


def test_columns_that_nobody_asked_for_may_be_there_twice(tmp_path: Path) -> None:
    assert rows(write_csv(tmp_path, "image,,,note,note\na,1,2,3,4\n")) == [("a", None, None)]


def test_a_missing_column_that_was_named_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    table = write_csv(tmp_path, "image,species,part\na,cat,test\n")
    assert "'specis'. Did you mean 'species'?" in refuse(table, Columns(label="specis"))
    assert "'parts'. Did you mean 'part'?" in refuse(table, Columns(split="parts"))
    assert "'imag'. Known: part, species." in refuse(table, Columns(label="imag"))  # no label, but paths
    assert rows(table) == [("a", None, None)]


def test_paths_are_relative_to_the_table_wherever_they_lead(tmp_path: Path) -> None:
    for name, data in zip(["out.jpg", "in/in.jpg", "abs.jpg"], JPEGS, strict=False):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    table = write_csv(tmp_path / "in", f"image\nin.jpg\n../out.jpg\n{tmp_path}/abs.jpg\ngone.jpg\nin\0.jpg\n")
    records = list_table(table, Columns())
    assert [record.read() for record in records[:3]] == [JPEGS[1], JPEGS[0], JPEGS[2]]
    for record, reason in zip(records[3:], ["No such file", "null"], strict=True):
        for act in (record.stat, record.read):
            with pytest.raises(UnreadableImage, match=reason):
                act()


def test_rows_of_one_name_keep_apart(tmp_path: Path) -> None:
    table = write_csv(tmp_path, "image,label\na,x\nb,x\na,y\na#2,z\na,w\n")
    assert rows(table) == [
        ("a", "x", None), ("b", "x", None), ("a#3", "y", None), ("a#2", "z", None), ("a#4", "w", None),
    ]  # fmt: skip
    assert [Path(record.data).name for record in list_table(table, Columns())] == ["a", "b", "a", "a#2", "a"]


# Parquet


TEXT = pa.string()


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([{"bytes": b"aa", "path": "1.png"}], pa.struct([("bytes", pa.binary(2)), ("path", TEXT)])),
        ([{"bytes": b"aa"}], pa.struct([("bytes", pa.binary(2))])),
        ([{"path": "aa.png"}], pa.struct([("path", TEXT)])),
        ([{"bytes": None, "path": "aa.png"}], pa.struct([("bytes", pa.null()), ("path", TEXT)])),
        ([{"path": "aa.png", "width": 3}], pa.struct([("path", pa.large_string()), ("width", pa.int32())])),
    ],
)
def test_structs_that_can_mean_one_thing_alone_are_read(tmp_path: Path, cells: Any, kind: Any) -> None:
    (tmp_path / "aa.png").write_bytes(b"aa")
    table = pa.table({"image": pa.array([*cells, None], kind), "label": ["a", "b"]})
    pq.write_table(table, tmp_path / "table.parquet")
    records = list_table(tmp_path / "table.parquet", DEFAULT)
    found = {record.label: record for record in records}
    assert found["a"].read() == b"aa"
    with pytest.raises(UnreadableImage, match="no path in this row|holds no bytes"):
        found["b"].read()


@pytest.mark.parametrize(
    ("cell", "kind", "told"),
    [
        ([1, 2], pa.list_(pa.uint8()), "lists of uint8"),
        ([1, 2], pa.list_(pa.uint8(), 2), "lists of uint8"),
        ([{"path": "a"}], pa.list_(pa.struct([("path", TEXT)])), "lists of structs"),
        (
            {"data": b"a", "name": "a"},
            pa.struct([("data", pa.binary()), ("name", TEXT)]),
            "structs of data: binary, name: string",
        ),
        (
            {"bytes": [1], "path": "a"},
            pa.struct([("bytes", pa.list_(pa.uint8())), ("path", TEXT)]),
            "structs of bytes: list<.*, path: string",
        ),
        ([("a", 1)], pa.map_(TEXT, pa.int8()), "maps"),
    ],
)
def test_what_may_mean_several_things_is_refused_with_what_is_expected(
    tmp_path: Path, cell: Any, kind: Any, told: str
) -> None:
    pq.write_table(pa.table({"image": pa.array([cell], kind)}), tmp_path / "table.parquet")
    with pytest.raises(SourceError, match=f"the column 'image' holds .*{told}: expected one image a row"):
        list_table(tmp_path / "table.parquet", DEFAULT)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["b/1.jpg", "a.jpg"], ["b/1.jpg", "a.jpg"]),
        (["a.jpg", "a.jpg"], ["row-00000000", "row-00000001"]),
        (["a.jpg", None], ["row-00000000", "row-00000001"]),
        (["a.jpg", ""], ["row-00000000", "row-00000001"]),
    ],
)
def test_paths_beside_bytes_name_images_where_each_has_its_own(
    tmp_path: Path, paths: list[str | None], names: list[str]
) -> None:
    held = [{"bytes": data, "path": path} for data, path in zip(JPEGS[:2], paths, strict=True)]
    table = write_parquet(tmp_path, {"image": pa.array(held)})
    assert [key for key, _, _ in rows(table)] == names
    table = write_parquet(tmp_path, {"image": pa.array(held), "file": ["x", "y"]})
    assert [record.key for record in list_table(table, Columns(path="file"))] == ["x", "y"]


@pytest.mark.parametrize("kind", ["binary", "large_binary", "struct"])
def test_images_in_rows_are_read_one_by_one(tmp_path: Path, kind: str) -> None:
    if kind == "struct":
        held = pa.array([{"bytes": data, "path": f"{i}.jpg"} for i, data in enumerate(JPEGS)])
    else:
        held = pa.array(JPEGS, pa.large_binary() if kind == "large_binary" else pa.binary())
    table = write_parquet(tmp_path, {"image": held, "label": [3, 1, 2, 1, 3]}, row_group_size=2)
    records = list_table(table, Columns())
    names = ["0.jpg", "1.jpg"] if kind == "struct" else ["row-00000000", "row-00000001"]
    assert [(r.key, r.label) for r in records[:2]] == [*zip(names, ("3", "1"), strict=True)]
    assert [(r.data.row_group, r.data.row) for r in records] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
    for record, data in reversed(list(zip(records, JPEGS, strict=True))):
        assert record.read() == data
        assert decode(record.read()).size == (8, 8)


def test_what_pandas_writes_is_read(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"file": ["x", "y", "z"], "bytes": JPEGS[:3], "kind": pd.Categorical(["b", "a", "b"])},
        index=[5, 6, 7],
    )
    frame["n"] = [1, None, 2]
    frame.to_parquet(tmp_path / "t.parquet")
    columns = Columns(path="file", label="kind")
    assert rows(tmp_path / "t.parquet", columns) == [("x", "b", None), ("y", "a", None), ("z", "b", None)]
    assert [record.read() for record in list_table(tmp_path / "t.parquet", columns)] == JPEGS[:3]
    numbers = rows(tmp_path / "t.parquet", Columns(path="file", label="n"))
    assert [label for _, label, _ in numbers] == ["1", None, "2"]


def test_the_column_of_bytes_has_any_name_where_it_is_the_only_one(tmp_path: Path) -> None:
    table = write_parquet(tmp_path, {"jpg": JPEGS[:2], "label": ["a", "b"]})
    assert [record.read() for record in list_table(table, Columns())] == JPEGS[:2]
    assert [record.read() for record in list_table(table, Columns(path="jpg"))] == JPEGS[:2]
    assert "no column 'png' with images. Did you mean 'jpg'?" in refuse(table, Columns(path="png"))
    two = write_parquet(tmp_path, {"jpg": JPEGS[:2], "thumb": JPEGS[2:4]})
    assert "no column 'image'" in refuse(two)
    assert [record.read() for record in list_table(two, Columns(path="thumb"))] == JPEGS[2:4]


def test_names_beside_the_bytes_are_keys_and_rows_without_one_have_a_number(tmp_path: Path) -> None:
    table = write_parquet(tmp_path, {"image": ["a", None, "", "a"], "bytes": JPEGS[:4]})
    assert [key for key, _, _ in rows(table)] == ["a", "row-00000001", "row-00000002", "a#2"]


def test_paths_in_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEGS[0])
    table = write_parquet(tmp_path, {"image": ["a.jpg"], "label": [True], "split": ["Test"]})
    (record,) = list_table(table, Columns())
    assert (record.key, record.label, record.split) == ("a.jpg", "True", "test")
    assert record.read() == JPEGS[0]
    assert "holds no path but 7" in refuse(write_parquet(tmp_path, {"image": [7]}))
    assert "has no path in this row" in refuse(write_parquet(tmp_path, {"image": pa.array([None], "string")}))


def test_a_row_without_a_path_is_a_failure_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEGS[0])
    table = write_csv(tmp_path, "image,label\na.jpg,cat\n,dog\nhttps://example.org/b.jpg,dog\n")
    first, empty, address = list_table(table, Columns())
    assert first.read() == JPEGS[0]
    assert (empty.key, empty.label) == ("row-00000001", "dog")
    for record, reason in (
        (empty, "has no path"),
        (address, "is an address: download the images first"),
    ):
        for work in (record.read, record.stat):
            with pytest.raises(UnreadableImage, match=reason):
                work()


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("0.0 1.0 2.0", "0 1 2"),
        ("0.0 1.5 2.0", "0.0 1.5 2.0"),
        ("1.0 -2.0", "1 -2"),
        ("1.0 one", "1.0 one"),
        ("01.0 02.0", "01 02"),
        ("1.00 2.00", "1.00 2.00"),
    ],
)
def test_whole_numbers_with_a_fraction_of_nothing_are_classes_alike_in_csv_and_parquet(
    tmp_path: Path, labels: str, expected: str
) -> None:
    lines = [f"{i}.jpg,{label}" for i, label in enumerate(labels.split())]
    table = write_csv(tmp_path, "\n".join(["image,label", *lines, "last.jpg,", ""]))
    assert [record.label for record in list_table(table, Columns())] == [*expected.split(), None]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["01", "", None], ["01", None, None]),
        ([1, -2, None], ["1", "-2", None]),
        ([1.0, float("nan"), -0.0], ["1", None, "0"]),
        ([True, False, None], ["True", "False", None]),
        ([2**62, 0, 1], [str(2**62), "0", "1"]),
        ([None, None, None], [None, None, None]),
        ([1.0, 0.5, float("nan")], ["1", "0.5", None]),
        ([Decimal("1.50"), Decimal("2.00"), None], ["1.50", "2.00", None]),
        ([Decimal("7"), Decimal("-12"), None], ["7", "-12", None]),
        ([Decimal("0.00000000"), Decimal("0.00000001"), None], ["0.00000000", "0.00000001", None]),
    ],
)
def test_labels_become_text_or_none(tmp_path: Path, labels: list[Any], expected: list[str | None]) -> None:
    table = write_parquet(tmp_path, {"image": ["a", "b", "c"], "label": labels})
    assert [label for _, label, _ in rows(table)] == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([1.0, float("inf")], "row 2 has the label inf: expected text or a whole number"),
        (["a", "a\0"], r"row 2 has the label 'a\x00', with a NUL character: drop it"),
        ([["a"], ["a", "b"]], "row 1 has the label ['a']: write several labels, or one, as a text"),
        ([{"a": 1}, {"a": 2}], "row 1 has the label {'a': 1}: write"),
        ([b"cat", b"dog"], "column 'label' holds bytes"),
    ],
)
def test_labels_that_are_no_classes_are_refused(tmp_path: Path, labels: list[Any], expected: str) -> None:
    assert expected in refuse(write_parquet(tmp_path, {"image": ["a", "b"], "label": labels}))


def test_parts_in_parquet(tmp_path: Path) -> None:
    table = write_parquet(tmp_path, {"image": ["a", "b", "c"], "split": ["train", None, "validation"]})
    assert [split for _, _, split in rows(table)] == ["train", None, "val"]
    gaps = write_parquet(tmp_path, {"image": ["a", "b"], "split": pa.array([float("nan"), None])})
    assert [split for _, _, split in rows(gaps)] == [None, None]
    assert "row 1 is of part 0" in refuse(write_parquet(tmp_path, {"image": ["a"], "split": [0]}))
    assert "'split' holds bytes" in refuse(write_parquet(tmp_path, {"image": ["a"], "split": [b"test"]}))


def test_a_parquet_file_that_cannot_be_right_is_refused(tmp_path: Path) -> None:
    assert "has no rows" in refuse(write_parquet(tmp_path, {"image": pa.array([], pa.binary())}))
    assert "has no rows" in refuse(write_parquet(tmp_path, {"image": pa.array([], pa.string())}))
    assert "no column 'image'" in refuse(write_parquet(tmp_path, {}))
    twice = pa.Table.from_arrays(
        [pa.array(["a"]), pa.array(["x"]), pa.array(["y"])], ["image", "label", "label"]
    )
    pq.write_table(twice, tmp_path / "table.parquet")
    assert "2 columns 'label'" in refuse(tmp_path / "table.parquet")
    whole = write_parquet(tmp_path, {"image": JPEGS}).read_bytes()
    for broken in (b"", b"PAR1", b"no parquet at all", whole[:-9], whole[: len(whole) // 2]):
        (tmp_path / "table.parquet").write_bytes(broken)
        assert "cannot be read as Parquet" in refuse(tmp_path / "table.parquet")


def test_columns_that_are_not_needed_are_not_read(tmp_path: Path) -> None:
    table = write_parquet(
        tmp_path, {"image": JPEGS[:2], "other": ["left alone", "this too"]}, compression="none"
    )
    data = bytearray(table.read_bytes())
    offset = pq.ParquetFile(table).metadata.row_group(0).column(1).dictionary_page_offset
    data[offset : offset + 16] = b"\xff" * 16
    table.write_bytes(data)
    with pytest.raises((OSError, pa.ArrowException)):
        pq.read_table(table)
    assert [record.read() for record in list_table(table, Columns())] == JPEGS[:2]


# Reading rows


def test_a_row_is_read_when_it_is_needed_and_from_its_row_group_alone(tmp_path: Path) -> None:
    table = write_parquet(
        tmp_path, {"image": JPEGS}, row_group_size=1, compression="none", use_dictionary=False
    )
    data = bytearray(table.read_bytes())
    offset = pq.ParquetFile(table).metadata.row_group(3).column(0).data_page_offset
    data[offset : offset + 8] = b"\xff" * 8
    table.write_bytes(data)
    records = list_table(table, Columns())
    for position, record in enumerate(records):
        if position == 3:
            with pytest.raises(UnreadableImage) as caught:
                record.read()
            assert caught.value.stage == "read"
        else:
            assert record.read() == JPEGS[position]
        record.stat()  # says whether the table changed, and reads no row for it


def test_a_row_without_bytes_is_a_failure_of_that_row(tmp_path: Path) -> None:
    held = pa.array([{"bytes": None, "path": ""}, {"bytes": JPEGS[0], "path": None}, None])
    records = list_table(write_parquet(tmp_path, {"image": held}), Columns())
    assert records[1].read() == JPEGS[0]
    for record in (records[0], records[2]):
        with pytest.raises(UnreadableImage, match="holds no bytes") as caught:
            record.read()
        assert caught.value.stage == "decode"  # it is not out of reach: there is no picture


@pytest.mark.parametrize("row_group_size", [1, 5])
@pytest.mark.parametrize("statistics", [True, False])
def test_a_row_whose_bytes_are_null_leads_to_its_path(
    tmp_path: Path, row_group_size: int, statistics: bool
) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEGS[0])
    held = [
        {"bytes": JPEGS[1], "path": "b.jpg"},
        {"bytes": None, "path": "a.jpg"},
        {"bytes": None, "path": str(tmp_path / "a.jpg")},
        {"bytes": None, "path": "https://example.org/c.jpg"},
        {"bytes": None, "path": None},
        {"bytes": JPEGS[2], "path": None},
    ]
    written = {"image": pa.array(held), "label": list("abcdef")}
    table = write_parquet(tmp_path, written, row_group_size=row_group_size, write_statistics=statistics)
    byte, near, far, address, none, last = list_table(table, Columns())
    assert [record.key for record in (byte, near, far)] == ["row-00000000", "a.jpg", str(tmp_path / "a.jpg")]
    assert [record.read() for record in (byte, near, far, last)] == [JPEGS[at] for at in (1, 0, 0, 2)]
    assert near.stat().size == len(JPEGS[0])  # the file's own, and not the table's
    for record, why in ((address, "is an address"), (none, "holds no bytes")):
        with pytest.raises(UnreadableImage, match=why):
            record.read()


def test_bytes_of_one_size_are_images_where_no_other_column_has_any(tmp_path: Path) -> None:
    images = [image.ljust(5_000, b"\0") for image in JPEGS[:2]]
    fixed = pa.array(images, pa.binary(5_000))
    table = write_parquet(tmp_path, {"image": fixed, "uuid": pa.array([b"a" * 16, b"b" * 16], pa.binary(16))})
    assert [record.read() for record in list_table(table, Columns())] == images
    table = write_parquet(tmp_path, {"image": pa.array([b"a", b"b"], pa.binary(1)), "data": JPEGS[:2]})
    assert [record.read() for record in list_table(table, Columns())] == JPEGS[:2]
    table = write_parquet(tmp_path, {"image": ["a", "b"], "uuid": pa.array([b"a", b"b"], pa.binary(1))})
    assert [record.is_file for record in list_table(table, Columns())] == [True, True]


OF_BYTES = (pa.large_binary(), pa.binary_view(), pa.dictionary(pa.int32(), pa.binary()))


@pytest.mark.parametrize("kind", OF_BYTES)
def test_bytes_of_any_type_are_images(tmp_path: Path, kind: Any) -> None:
    values = pa.array(JPEGS[:3])
    values = values.dictionary_encode() if pa.types.is_dictionary(kind) else values.cast(kind)
    records = list_table(write_parquet(tmp_path, {"image": values, "label": ["a", "b", "a"]}), Columns())
    assert [record.read() for record in records] == JPEGS[:3]


def test_what_is_no_path_is_quoted(tmp_path: Path) -> None:
    assert "holds no path but 12." in refuse(write_parquet(tmp_path, {"image": [12, 13]}))


def replace_table(table: Path, columns: dict[str, Any]) -> None:
    """Replace a table as a program that writes anew does, with another time of change."""
    before = os.stat(table)
    write_parquet(table.parent, columns)
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))


def test_rows_of_a_table_that_was_replaced_are_not_read_for_those_that_were_listed(tmp_path: Path) -> None:
    table = write_parquet(tmp_path, {"image": JPEGS[:2]})
    first, second = list_table(table, Columns())
    before = first.stat()
    replace_table(table, {"image": JPEGS[4:2:-1]})
    for record in (first, second):
        with pytest.raises(UnreadableImage, match="has changed since it was listed") as caught:
            record.read()
        assert caught.value.stage == "read"
        assert record.stat() == before  # and the next job finds another
    first, second = list_table(table, Columns())
    assert (first.read(), second.read()) == (JPEGS[4], JPEGS[3])
    assert first.stat() != before


def test_a_table_that_is_replaced_while_it_is_listed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = write_parquet(tmp_path, {"image": JPEGS[:2], "label": ["a", "b"]})
    read = pq.ParquetFile.read

    def read_late(*args: Any, **options: Any) -> Any:
        replace_table(table, {"image": JPEGS[1::-1], "label": ["b", "a"]})
        return read(*args, **options)

    monkeypatch.setattr(pq.ParquetFile, "read", read_late)
    assert "table.parquet was changed while it was read. Wait until it is complete." in refuse(table)


def test_a_table_that_vanished_is_a_failure(tmp_path: Path) -> None:
    (record,) = list_table(write_parquet(tmp_path, {"image": JPEGS[:1]}), Columns())
    (tmp_path / "table.parquet").unlink()
    with pytest.raises(UnreadableImage, match="No such file") as caught:
        record.read()
    assert caught.value.stage == "read"


def test_a_row_tells_by_its_table_whether_it_changed(tmp_path: Path) -> None:
    table = write_parquet(tmp_path, {"image": JPEGS[:1]})
    (record,) = list_table(table, Columns())
    found = record.stat()
    assert (found.size, found.mtime_ns) == (table.stat().st_size, table.stat().st_mtime_ns)


def test_neighbouring_rows_are_read_by_many_threads(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    wanted = [bytes([i]) * 100 for i in range(200)]
    records = list_table(write_parquet(tmp_path, {"image": wanted}, row_group_size=7), Columns())
    order = np.random.default_rng(0).permutation(len(wanted))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: records[i].read(), order))
    assert found == [wanted[i] for i in order]


def test_a_moved_folder_of_images_and_table_still_fits(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/a.jpg").write_bytes(JPEGS[0])
    write_csv(tmp_path / "old", "image,label\na.jpg,cat\n")
    shutil.move(tmp_path / "old", tmp_path / "new")
    (record,) = list_table(tmp_path / "new/table.csv", Columns())
    assert (record.key, record.read()) == ("a.jpg", JPEGS[0])


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
@pytest.mark.parametrize("pack", [pa.Array.cast, lambda column, kind: column.cast(kind).dictionary_encode()])
def test_numbers_of_any_width_are_the_shortest_text_that_reads_back_as_them(
    tmp_path: Path, kind: pa.DataType, pack: Any
) -> None:
    given = [0.1, None, 12.7, -0.3, 2.0, float("nan"), 0.0001]
    numbers = pack(pa.array(given), kind)
    path = write_parquet(tmp_path, {"image": [*"abcdefg"], "label": numbers, "group": numbers})
    records = list_table(path, Columns())
    assert [record.label for record in records] == ["0.1", None, "12.7", "-0.3", "2", None, "0.0001"]
    assert [record.group for record in records] == ["0.1", None, "12.7", "-0.3", "2.0", None, "0.0001"]


@pytest.mark.parametrize("name", ["table.csv", "table.tsv", "table.parquet"])
def test_a_pointer_of_git_lfs_in_the_place_of_a_table_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n")
    with pytest.raises(SourceError, match=f"{name} is no table: a pointer of Git LFS .* 'git lfs pull'"):
        list_table(tmp_path / name, Columns())


def test_a_date_as_a_label_is_told_what_to_become(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": ["a.png"], "label": [datetime(2020, 1, 1)]}), tmp_path / "t.parquet")
    with pytest.raises(SourceError, match=r"Of a date give days since some date, or, as a class, its text"):
        list_table(tmp_path / "t.parquet", Columns())
