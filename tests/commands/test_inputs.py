"""Which images of a source a command works on, and what it says of the others."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from cnncodes.cli import main
from cnncodes.commands.common import SourceOptions
from cnncodes.commands.fit_options import FitOptions
from cnncodes.commands.inputs import labelled_part, open_images
from cnncodes.commands.reporter import Reporter
from cnncodes.errors import SourceError, UsageError


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = ["image,label,split"]
    for number, (label, split) in enumerate(
        [("a", "train"), ("b", "train"), ("a", ""), ("", "train"), ("b", "test")]
    ):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{label},{split}")
    (tmp_path / "images.csv").write_text("\n".join(rows))
    return tmp_path / "images.csv"


def read(table: Path, split: str | None) -> tuple[list[str], str | None, str]:
    said = io.StringIO()
    records, part = labelled_part(str(table), SourceOptions(), split, "train", Reporter(said))
    return [record.key for record in records], part, said.getvalue()


def test_what_is_in_no_part_is_named_where_a_part_is_taken(table: Path) -> None:
    keys, part, said = read(table, None)
    assert (keys, part) == (["0.png", "1.png"], "train")
    assert "1 of 4 images have no label and are left out: '3.png'" in said
    assert "1 of 4 images are in no part (train, val or test) and are left out: '2.png'" in said


def test_all_images_leave_none_out_but_those_without_a_label(table: Path) -> None:
    keys, part, said = read(table, "all")
    assert (keys, part) == (["0.png", "1.png", "2.png", "4.png"], None)
    assert "no part" not in said and "1 of 5 images have no label" in said


def test_what_cannot_be_looked_at_is_said_of_the_source_and_not_of_a_file_in_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is nothing at"):
        open_images(str(tmp_path / ("x" * 300)), SourceOptions())  # a longer name than the system looks at


def test_columns_are_those_of_the_tables_in_a_folder(tmp_path: Path) -> None:
    import pandas as pd

    for number, name in enumerate(("train-0-of-1", "test-0-of-1")):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / "x.png")
        row = {"image": [(tmp_path / "x.png").read_bytes()], "age": [number]}
        pd.DataFrame(row).to_parquet(tmp_path / f"{name}.parquet")
    (tmp_path / "x.png").unlink()
    found = open_images(str(tmp_path), SourceOptions(label_column="age"))
    assert [(record.label, record.split) for record in found.records] == [("1", "test"), ("0", "train")]
    with pytest.raises(SourceError, match="it has no column 'label', but 'age': say by --label-column which"):
        labelled_part(str(tmp_path), SourceOptions(), None, "train", Reporter(io.StringIO()))


@pytest.mark.usefixtures("_obeys_rights")
def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir(mode=0)
    with pytest.raises(SourceError, match="photos' cannot be listed: Permission denied"):
        open_images(str(tmp_path / "photos"), SourceOptions())


def test_a_table_without_the_column_of_labels_lists_what_it_has(table: Path) -> None:
    table.write_text(table.read_text().replace("image,label", "image,age"))
    with pytest.raises(SourceError, match="it has no column 'label', but 'age': say by --label-column which"):
        read(table, "all")
    options = FitOptions(src=str(table), out="x", label_column="label")
    with pytest.raises(SourceError, match="holds the classes, or --target for numbers to predict"):
        labelled_part(str(table), options, "all", "train", Reporter(io.StringIO()))


@pytest.mark.filterwarnings("ignore:.* 1 table is passed over, since there are pictures")
def test_columns_without_a_table_and_a_holdout_without_labels_are_refused(table: Path) -> None:
    image, folder = str(table.parent / "0.png"), str(table.parent)
    for src in (image, folder):
        with pytest.raises(UsageError, match="--label-column names a column of a table, and .* is none"):
            open_images(src, SourceOptions(label_column="kind"))
        with pytest.raises(SourceError, match="--holdout divides labelled images, and no image of"):
            open_images(src, SourceOptions(holdout=0.3))
    assert open_images(str(table), SourceOptions(label_column="label", holdout=0.3)).records
    with pytest.raises(SourceError, match="there is nothing at 'lost.csv'"):
        open_images("lost.csv", SourceOptions(label_column="kind"))


def test_a_column_for_stored_codes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.codes").mkdir()
    (tmp_path / "x.codes" / "manifest.json").write_text("{}")
    assert main(["fit", str(tmp_path / "x.codes"), "-o", str(tmp_path / "m"), "--label-column", "kind"]) == 2
    assert "--label-column names a column of a table, and " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar.gz", "PHOTOS.TAR"])
def test_an_archive_is_to_be_unpacked(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(SourceError, match="is an archive, which is no source: unpack it"):
        open_images(str(tmp_path / name), SourceOptions())


@pytest.mark.parametrize("command", ["embed", "fit"])
def test_what_is_no_source_is_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (tmp_path / "j.json").write_text("[]")
    for src, said in (
        (str(tmp_path / "j.json"), "is neither an image"),
        ("https://x.org/a.csv", "an address"),
    ):
        assert main([command, src, "-o", str(tmp_path / "out")]) == 1
        error = capsys.readouterr().err
        assert f"{src!r} is " in error and said in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["j.json"]


def test_a_part_of_a_codes_dataset_is_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.codes" / "data").mkdir(parents=True)
    for name in ("manifest.json", "failures.parquet", "data/part-00000.parquet"):
        (tmp_path / "x.codes" / name).touch()
    for name in ("data", "failures.parquet", "data/part-00000.parquet"):
        with pytest.raises(
            UsageError, match=rf"{name}' is a part of the codes dataset '.*x.codes'; give the"
        ):
            open_images(str(tmp_path / "x.codes" / name), SourceOptions())
    monkeypatch.chdir(tmp_path / "x.codes" / "data")
    with pytest.raises(UsageError, match=r"is a part of the codes dataset"):
        open_images("part-00000.parquet", SourceOptions())
