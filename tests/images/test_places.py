"""What is given as a source: an address, a stream, a pattern or another kind of file is told as that."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes.errors import SourceError
from cnncodes.images.opening import FORMATS
from cnncodes.images.places import check_image, check_place


def refuse(src: str | Path) -> str:
    with pytest.raises(SourceError) as caught:
        check_place(src)
    return str(caught.value)


@pytest.mark.parametrize(
    "address", ["https://x.org/a.csv", "http://x.org", "s3://b/photos", "gs://b/a", "hf://datasets/a"]
)
def test_an_address_keeps_its_slashes(address: str) -> None:
    for src in (address, Path(address)):
        assert refuse(src).startswith(f"{address!r} is an address: download the images first")


def test_a_folder_whose_name_ends_in_a_colon_is_no_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "day:" / "one").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    check_place("day:/one")


@pytest.mark.parametrize("src", ["-", "/dev/stdin", "/dev/fd/63"])
def test_a_stream_is_no_source(src: str) -> None:
    assert f"{src!r} is a stream, as of standard input, and a source is read more than once" in refuse(src)


def test_a_folder_called_as_standard_input_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "-").mkdir()
    monkeypatch.chdir(tmp_path)
    check_place("-")


def test_a_pattern_is_told_from_a_path_with_nothing_at_it(tmp_path: Path) -> None:
    (tmp_path / "[a]").mkdir()
    check_place(str(tmp_path / "[a]"))
    for name in ("clip/*", "clip/?", "clip/[ab]"):
        assert "there is nothing at 'clip/" in refuse(name) and "A pattern is not looked up: give" in refuse(
            name
        )
    assert "pattern" not in refuse("clip")


def test_a_path_that_is_meant_otherwise_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    for src in ("~/photos", "$HOME/photos", f" {tmp_path}/photos", f"{tmp_path}\\photos"):
        assert f"There is something at '{tmp_path}/photos', with" in refuse(src)
    assert "There is something" not in refuse("~/photo")


@pytest.mark.parametrize("name", ["j.json", "j.jsonl", "j.txt", "j.xml", "j.yaml", "j.cnncodes", "j"])
def test_a_file_that_is_neither_image_nor_table_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"image": "a.png"}\n')
    with pytest.raises(
        SourceError, match=r"is neither an image of a format that is read nor a table \(\.csv, "
    ):
        check_image(tmp_path / name)


@pytest.mark.parametrize("kind", [name for name in FORMATS if name not in ("HEIF", "JXL")])
def test_an_image_is_known_by_its_first_bytes_where_its_ending_says_nothing(
    tmp_path: Path, kind: str
) -> None:
    data = io.BytesIO()
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(data, kind)
    for name in ("image", "image.1", "image.tmp"):
        (tmp_path / name).write_bytes(data.getvalue())
        check_image(tmp_path / name)


def test_a_broken_image_is_no_fault_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no picture")
    check_image(tmp_path / "a.jpg")


@pytest.mark.usefixtures("_obeys_rights")
def test_a_file_that_may_not_be_read_is_told_by_who_reads_it(tmp_path: Path) -> None:
    (tmp_path / "a").touch(mode=0)
    check_image(tmp_path / "a")
