"""Results never replace what a command reads."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cnncodes.commands.outputs import check_output
from cnncodes.errors import UsageError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for name in ("one.png", "two.png"):
        (tmp_path / "photos" / name).write_bytes(b"pixels")
    return tmp_path


def write_table(folder: Path, ending: str, names: list[str]) -> Path:
    table = folder / f"list{ending}"
    if ending == ".parquet":
        pq.write_table(pa.table({"image": names, "age": list(range(len(names)))}), table)
    else:
        sign = "\t" if ending == ".tsv" else ","
        rows = [sign.join((name, str(age))) for age, name in enumerate(names)]
        table.write_text("\n".join([f"image{sign}age", *rows]))
    return table


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet"])
@pytest.mark.parametrize("is_absolute", [True, False])
def test_an_image_that_a_table_lists_is_not_replaced(photos: Path, ending: str, is_absolute: bool) -> None:
    root = photos.resolve() if is_absolute else Path()
    table = write_table(photos, ending, [str(root / "photos" / name) for name in ("one.png", "two.png")])
    with pytest.raises(UsageError, match=r"two\.png' would be replaced"):
        check_output(photos / "photos" / "two.png", [str(table)])
    (photos / "link.png").symlink_to(photos / "photos" / "one.png")
    with pytest.raises(UsageError, match="would be replaced"):
        check_output(photos / "link.png", [str(table)])


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_file_that_no_table_lists_may_be_replaced(photos: Path, ending: str) -> None:
    table = write_table(photos, ending, ["photos/one.png"])
    (photos / "two.png").write_bytes(b"a plot")
    check_output(photos / "two.png", [str(table)])
    check_output(photos / "photos" / "two.png", [str(table)])


def test_a_table_that_cannot_be_read_is_left_to_who_reads_it(photos: Path) -> None:
    (photos / "list.csv").write_bytes(b"\xff\xfe\0")
    check_output(photos / "photos" / "two.png", [str(photos / "list.csv")])


def test_what_is_in_a_folder_that_is_read_is_not_replaced(photos: Path) -> None:
    with pytest.raises(UsageError, match="would be replaced"):
        check_output(photos / "photos" / "one.png", [str(photos / "photos"), None])
    check_output(photos / "photos" / "new.png", [str(photos / "photos"), None])


def test_what_a_link_in_a_folder_leads_to_is_not_replaced(photos: Path) -> None:
    (photos / "classes" / "cat").mkdir(parents=True)
    (photos / "classes" / "cat" / "1.png").symlink_to(photos / "photos" / "one.png")
    with pytest.raises(UsageError, match="would be replaced"):
        check_output(photos / "photos" / "one.png", [str(photos / "classes")])
    check_output(photos / "photos" / "two.png", [str(photos / "classes")])
    (photos / "classes" / "dog").symlink_to(photos / "photos")
    with pytest.raises(UsageError, match="would be replaced"):
        check_output(photos / "photos" / "two.png", [str(photos / "classes")])


@pytest.mark.parametrize("name", ["predictions.csv", "page.html", "figures.json", "p.parquet"])
def test_what_lies_beside_pictures_and_is_not_read_may_be_written_again(photos: Path, name: str) -> None:
    (photos / "photos" / name).write_bytes(b"of the last time")
    check_output(photos / "photos" / name, [str(photos / "photos")])
    for picture in ("one.png", "two.png"):
        (photos / "photos" / picture).unlink()
    with pytest.raises(UsageError, match="would be replaced"):  # of a folder without any it may be read
        check_output(photos / "photos" / name, [str(photos / "photos")])


@pytest.mark.parametrize("name", ["x.csv", "data/x.csv", "new/x.csv"])
def test_nothing_is_written_into_codes_that_are_read(photos: Path, name: str) -> None:
    codes = photos / "some.codes"
    (codes / "data").mkdir(parents=True)
    (codes / "manifest.json").write_text("{}")
    with pytest.raises(UsageError, match=r"x\.csv' is inside the codes dataset '.*some\.codes'.*elsewhere"):
        check_output(codes / name, [None, str(codes)])
    (photos / "link").symlink_to(codes)
    with pytest.raises(UsageError, match="inside the codes dataset"):
        check_output(photos / "link" / name, [str(codes)])
    check_output(photos / "x.csv", [str(codes)])
