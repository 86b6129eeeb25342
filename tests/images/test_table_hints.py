"""Tables whose columns or paths are nearly right: said once, and nothing is taken for something else."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from cnncodes.errors import ResultWarning
from cnncodes.images import ImageRecord, open_source


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sub").mkdir()
    for name in ("a", "b"):
        (tmp_path / "sub" / f"{name}.png").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def open_table(folder: Path, text: str) -> tuple[tuple[ImageRecord, ...], list[str]]:
    """Return what a table lists, and what is said of it."""
    (folder / "t.csv").write_text(text)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        records = open_source(folder / "t.csv").records
    assert all(one.category is ResultWarning for one in caught)
    return records, [str(one.message) for one in caught]


@pytest.mark.parametrize(
    ("row", "meant", "how"),
    [
        ("sub\\{}.png", "sub/b.png", "with '/' for '\\'"),
        (" sub/{}.png", "sub/b.png", "without the spaces around it"),
        ("sub/{}.png ", "sub/b.png", "without the spaces around it"),
        ("~/sub/{}.png", "{home}/sub/b.png", "with '~' as your home"),
        ("$HOME/sub/{}.png", "{home}/sub/b.png", "with what '$' stands for"),
        (" sub\\{}.png", "sub/b.png", "without the spaces around it and with '/' for '\\'"),
    ],
)
def test_paths_that_lead_nowhere_for_how_they_are_written(
    folder: Path, row: str, meant: str, how: str
) -> None:
    rows = [row.format(name) for name in ("gone", "b", "a")]
    records, [said] = open_table(folder, "\n".join(["image", *rows, ""]))
    assert f"t.csv: {rows[1]!r}, in the column 'image', leads nowhere, and" in said
    assert f"and {meant.format(home=folder)!r}, {how}, is a file." in said
    assert {record.key for record in records} == {*rows}  # and they are taken as they stand


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("gone/{}.png", "Paths are relative to the table's folder"),
        ("gone\\{}.png", "Folders are divided by '/', not by '\\' as on Windows"),
        (" gone/{}.png", "Remove the spaces around it"),
        ("gone/{}.png ", "Remove the spaces around it"),
        ("here/{}.png", "From the working folder it leads to a file: move the table there"),
        ("/gone/{}.png", ""),
    ],
)
def test_a_table_none_of_whose_paths_leads_to_a_file_says_where_they_were_looked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, path: str, hint: str
) -> None:
    monkeypatch.chdir(folder)
    (folder / "sub" / "t.csv").write_text(f"image\n{path.format('a')}\n{path.format('b')}\n\n")
    (folder / "here").mkdir()
    (folder / "here" / "a.png").touch()
    with pytest.warns(ResultWarning) as caught:
        open_source("sub/t.csv")
    [said] = [str(one.message) for one in caught]
    first = path.format("a")
    assert f"t.csv: none of the 2 paths in the column 'image' leads to a file: {first!r}" in said
    assert f"is looked for at {str(folder / 'sub' / first)!r}" in said
    assert said.endswith(f". {hint}" if hint else "/a.png'")


def test_of_many_paths_that_lead_nowhere_not_all_are_looked_up(folder: Path) -> None:
    rows = "\n".join(f"gone/{number}.png" for number in range(150))
    _, [said] = open_table(folder, f"image\n{rows}\nsub/a.png\n")
    assert "none of the first 100 paths in the column 'image' leads to a file" in said


def test_nothing_is_said_of_cells_without_a_path_beside_one_that_leads_to_a_file(folder: Path) -> None:
    assert open_table(folder, "image,label\n,x\nhttp://a/b.png,x\ngone.png,x\nsub/a.png,x\n")[1] == []


@pytest.mark.parametrize("name", ["patient", "Patient ID", "subject_id", "camera no."])
def test_a_column_that_often_says_what_belongs_together_is_named(folder: Path, name: str) -> None:
    _, [said] = open_table(folder, f"image,{name}\nsub/a.png,1\nsub/b.png,1\n")
    assert f"has a column {name!r}, which nothing is read from" in said and "--group-column" in said


@pytest.mark.parametrize("header", ["image,group,patient", "image,patients", "image,patience", "patient_id"])
def test_nothing_is_said_where_groups_are_read_or_a_name_says_something_else(
    folder: Path, header: str
) -> None:
    (folder / "t.csv").write_text(f"{header}\n{','.join(['sub/a.png'] * len(header.split(',')))}\n")
    columns = {"path_column": "patient_id"} if header == "patient_id" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_source(folder / "t.csv", **columns)


@pytest.mark.parametrize("row", ["sub/a.png", "odd\\name.png", " odd.png", "$gone.png", "   ", "~", "sub\\"])
def test_nothing_is_said_of_paths_that_are_right_or_lead_to_no_file_either_way(
    folder: Path, row: str
) -> None:
    for name in ("odd\\name.png", " odd.png", "name.png"):
        (folder / name).touch()
    assert open_table(folder, f"image\n{row}\nsub/b.png\n")[1] == []


@pytest.mark.parametrize("name", [" label", "label ", "Label", "LABEL"])
def test_labels_of_a_column_with_nearly_that_name_are_not_lost_without_a_word(
    folder: Path, name: str
) -> None:
    records, [said] = open_table(folder, f"image,{name},note\nsub/a.png,cat,x\n")
    assert f"t.csv has no column 'label', but {name!r}, from which nothing is read: rename it" in said
    assert "--label-column (in Python label_column)" in said and records[0].label is None


def test_nothing_is_said_where_the_column_is_there_or_read_as_another(folder: Path) -> None:
    assert open_table(folder, "image,label,Label\nsub/a.png,cat,dog\n")[1] == []
    assert open_table(folder, "image,labels\nsub/a.png,cat\n")[1] == []
    (folder / "t.csv").write_text("image,Group\nsub/a.png,cat\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        [record] = open_source(folder / "t.csv", label_column="Group").records
    assert (record.label, record.group) == ("cat", None)


def test_parts_and_groups_of_such_columns_are_told_too(folder: Path) -> None:
    _, said = open_table(folder, "image,label, split,Group\nsub/a.png,cat,train,x\n")
    assert [line.partition("has no column ")[2][:18] for line in said] == [
        "'split', but ' spl",
        "'group', but 'Grou",
    ]
