"""Folders: what is listed below one, with which key, class and part."""

from __future__ import annotations

import inspect
import io
import os
import sys
import warnings
from pathlib import Path

import pytest
from PIL import Image

from cnncodes.errors import ResultWarning, SourceError, UnreadableImage, UsageError
from cnncodes.images import ImageRecord, decode, open_source
from cnncodes.images.endings import SUFFIXES
from cnncodes.images.folders import list_folder

obeys_rights = pytest.mark.usefixtures("_obeys_rights")


def make_jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "green").save(file, "JPEG")
    return file.getvalue()


JPEG = make_jpeg()


def fill(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG)
    return root


def listed(root: Path) -> list[tuple[str, str | None, str | None]]:
    return [(record.key, record.label, record.split) for record in list_folder(root)]


def find(records: list[ImageRecord], ending: str) -> ImageRecord:
    (record,) = (record for record in records if record.key.endswith(ending))
    return record


def test_class_folders_with_files_at_any_depth(tmp_path: Path) -> None:
    fill(tmp_path, "dog/2.png", "cat/b.JPG", "cat/a.jpeg", "cat/deep/er/c.webp", "top.gif")
    assert listed(tmp_path) == [
        ("cat/a.jpeg", "cat", None),
        ("cat/b.JPG", "cat", None),
        ("cat/deep/er/c.webp", "cat", None),
        ("dog/2.png", "dog", None),
        ("top.gif", None, None),
    ]


def descend(steps: int) -> None:
    if steps:
        descend(steps - 1)


def test_folders_may_lie_deeper_than_functions_may_call_each_other(tmp_path: Path) -> None:
    before, limit, depth = os.getcwd(), sys.getrecursionlimit(), 250
    assert len(list_folder(fill(tmp_path / "flat", "a.jpg"))) == 1  # what is imported by then calls deeply
    (tmp_path / "deep").mkdir()
    try:
        os.chdir(tmp_path / "deep")
        for _ in range(depth):  # step by step: as one name it would be too long to be made
            os.mkdir("d")
            os.chdir("d")
        Path("x.jpg").write_bytes(JPEG)
        # A limit that is nearer than the usual 1,000 calls: so many folders take seconds.
        sys.setrecursionlimit(len(inspect.stack(0)) + depth - 100)
        with pytest.raises(RecursionError):
            descend(depth)
        (record,) = list_folder(tmp_path / "deep")
        assert record.key == "d/" * depth + "x.jpg" and record.label == "d"
        assert record.read() == JPEG
    finally:
        sys.setrecursionlimit(limit)
        for _ in range(depth):  # pytest cannot remove it either
            Path("x.jpg").unlink(missing_ok=True)
            os.chdir("..")
            os.rmdir("d")
        os.chdir(before)


def test_parts_with_something_else_beside_them_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, "train/cat/1.jpg", "test/cat/2.jpg", "stray/3.jpg")
    with pytest.raises(SourceError, match="holds train and test, and beside them stray"):
        list_folder(tmp_path)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    fill(tmp_path, "train/1.jpg", "plane/2.jpg", "car/3.jpg")
    assert {label for _, label, _ in listed(tmp_path)} == {"train", "plane", "car"}


def test_a_flat_folder_has_no_labels(tmp_path: Path) -> None:
    assert listed(fill(tmp_path, "b.jpg", "a.tif")) == [("a.tif", None, None), ("b.jpg", None, None)]


def test_parts_lie_above_the_classes_in_any_case_and_by_any_name(tmp_path: Path) -> None:
    fill(tmp_path, "Train/cat/1.jpg", "VALID/cat/x/2.jpg", "validation/dog/3.jpg", "test/4.jpg", "5.jpg")
    assert listed(tmp_path) == [
        ("5.jpg", None, None),
        ("Train/cat/1.jpg", "cat", "train"),
        ("VALID/cat/x/2.jpg", "cat", "val"),
        ("test/4.jpg", None, "test"),
        ("validation/dog/3.jpg", "dog", "val"),
    ]


def test_folders_are_parts_only_where_all_are(tmp_path: Path) -> None:
    fill(tmp_path, "train/express/1.jpg", "plane/2.jpg")
    (tmp_path / "empty").mkdir()
    assert listed(tmp_path) == [("plane/2.jpg", "plane", None), ("train/express/1.jpg", "train", None)]


def test_a_folder_without_images_does_not_keep_the_others_from_being_parts(tmp_path: Path) -> None:
    fill(tmp_path, "train/cat/1.jpg")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/readme.txt").write_text("no image")
    assert listed(tmp_path) == [("train/cat/1.jpg", "cat", "train")]


def test_hidden_files_and_other_files_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, "cat/1.jpg", "cat/.2.jpg", ".cache/3.jpg", "cat/.jpg", "cat/notes.txt", "cat/jpg")
    with pytest.warns(ResultWarning, match=r"1 file is passed over.*: no ending \(1\)$"):
        assert listed(tmp_path) == [("cat/1.jpg", "cat", None)]


def test_files_that_may_be_pictures_are_said_to_be_passed_over_by_their_endings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where it is not installed
    fill(
        tmp_path, "a/1.jpg", "2.HEIC", "deep/3.heic", "4.pdf", ".5.heic", "README", "labels.csv", "Thumbs.db"
    )
    with pytest.warns(ResultWarning) as caught:
        assert len(list_folder(tmp_path)) == 1
    assert [str(one.message) for one in caught] == [
        f"{str(tmp_path)!r}: 3 files are passed over, whose names do not end as those of pictures:"
        " .heic (2), .pdf (1). .heic is read once pillow-heif is installed (pip install pillow-heif)"
    ]
    (tmp_path / "a/1.jpg").unlink()
    with pytest.raises(SourceError, match=r"\.heic \(2\), \.pdf \(1\)\. .*pillow-heif\)\. It holds a table"):
        list_folder(tmp_path)


def test_what_lies_beside_pictures_is_not_spoken_of(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "labels.csv", "1.json", "1.xml", "README", "Thumbs.db", ".hidden.heic")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list_folder(tmp_path)) == 1


def test_tables_beside_pictures_are_said_to_be_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, "cat/pic.jpg", "data/train-00000-of-00001.parquet", "labels.csv")
    with pytest.warns(ResultWarning) as caught:
        assert len(list_folder(tmp_path)) == 1
    assert [str(one.message) for one in caught] == [
        f"{str(tmp_path)!r}: 1 table is passed over, since there are pictures:"
        " 'data/train-00000-of-00001.parquet'. If it lists the images that are meant, give it as the source:"
        f" {str(tmp_path / 'data/train-00000-of-00001.parquet')!r}"
    ]


@pytest.mark.parametrize("name", ["labels.csv", "metadata.tsv", "of/all.parquet"])
def test_tables_are_spoken_of_where_folders_give_no_label(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "1.jpg", "cat/2.jpg", name, "z.csv")
    with pytest.warns(ResultWarning, match=rf"2 tables are passed .*: '{name}', 'z.csv'\. If one of them"):
        assert len(list_folder(tmp_path)) == 2


def test_the_tables_of_codes_beside_pictures_are_not_spoken_of(tmp_path: Path) -> None:
    fill(tmp_path, "1.jpg", "x.codes/manifest.json", "x.codes/data/part-00000.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list_folder(tmp_path)) == 1


def test_icons_are_pictures_and_heif_is_where_a_plugin_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "1.ico", "2.qoi", "3.heic", "4.jxl")
    monkeypatch.setitem(Image.OPEN, "HEIF", (None, None))
    with pytest.warns(ResultWarning, match=r"1 file .*: \.jxl \(1\)\. \.jxl is read once"):
        assert [record.key for record in list_folder(tmp_path)] == ["1.ico", "2.qoi", "3.heic"]


@pytest.mark.parametrize("make", [lambda root: None, lambda root: (root / "a.txt").write_text("x")])
def test_without_an_image_it_says_what_was_looked_for(tmp_path: Path, make) -> None:
    make(tmp_path)
    with pytest.raises(SourceError) as caught:
        list_folder(tmp_path)
    assert repr(str(tmp_path)) in str(caught.value)
    assert all(suffix in str(caught.value) for suffix in SUFFIXES)


@pytest.mark.parametrize("where", [".", "photos", "../photos/../photos"])
def test_keys_are_relative_however_the_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    root = fill(tmp_path / "photos", "cat/1.jpg")
    monkeypatch.chdir(tmp_path if where == "photos" else root)
    (record,) = list_folder(Path(where))
    assert (record.key, record.label) == ("cat/1.jpg", "cat")
    assert record.read() == JPEG


# Links


def test_loops_of_links_end(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/self").symlink_to(tmp_path / "a")
    (tmp_path / "a/over").symlink_to(tmp_path / "b")
    (tmp_path / "b/back").symlink_to(tmp_path / "a")
    with pytest.warns(ResultWarning, match="4 links to folders are passed over"):
        assert listed(tmp_path) == [("a/1.jpg", "a", None), ("b/2.jpg", "b", None)]


@pytest.mark.parametrize("link", ["alias", "building/similar", "building/deep/similar", "~last"])
def test_a_folder_is_listed_in_its_own_place_rather_than_by_a_link(tmp_path: Path, link: str) -> None:
    fill(tmp_path, "building/deep/0.jpg", "plants/1.jpg")
    (tmp_path / link).symlink_to(tmp_path / "plants")
    with pytest.warns(ResultWarning) as caught:
        assert listed(tmp_path) == [
            ("building/deep/0.jpg", "building", None),
            ("plants/1.jpg", "plants", None),
        ]
    assert [str(one.message) for one in caught] == [
        f"{str(tmp_path)!r}: 1 link to a folder is passed over, since what lies there is listed in its own"
        f" place, or by another link, and has the label of that: {link!r}"
    ]


def test_a_folder_elsewhere_is_listed_by_the_first_of_the_links_to_it(tmp_path: Path) -> None:
    fill(tmp_path, "elsewhere/1.jpg", "photos/dog/2.jpg")
    for name in ("wolf", "cat", "dog/more"):
        (tmp_path / "photos" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.warns(ResultWarning, match=r"2 links to folders are .*: 'dog/more', 'wolf'$"):
        assert listed(tmp_path / "photos") == [("cat/1.jpg", "cat", None), ("dog/2.jpg", "dog", None)]


def test_a_link_to_one_file_is_an_image_of_its_own_place(tmp_path: Path) -> None:
    fill(tmp_path, "cat/1.jpg", "dog/2.jpg")
    (tmp_path / "dog/1.jpg").symlink_to(tmp_path / "cat/1.jpg")
    assert [label for _, label, _ in listed(tmp_path)] == ["cat", "dog", "dog"]


def test_links_out_of_the_folder_are_followed(tmp_path: Path) -> None:
    fill(tmp_path, "elsewhere/1.jpg", "photos/dog/2.jpg")
    (tmp_path / "photos/cat").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos/dog/3.jpg").symlink_to(tmp_path / "elsewhere/1.jpg")
    records = list_folder(tmp_path / "photos")
    assert [record.key for record in records] == ["cat/1.jpg", "dog/2.jpg", "dog/3.jpg"]
    assert all(record.read() == JPEG for record in records)


@pytest.mark.timeout(20)
def test_what_cannot_be_read_is_a_failure_of_that_image_alone(tmp_path: Path) -> None:
    fill(tmp_path, "cat/good.jpg", "cat/folder.jpg/inside.jpg")
    (tmp_path / "cat/dangling.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "cat/loop.jpg").symlink_to(tmp_path / "cat/loop.jpg")
    os.mkfifo(tmp_path / "cat/pipe.jpg")
    records = list_folder(tmp_path)
    assert len(records) == 5
    for name, reason in [
        ("dangling.jpg", "No such file"),
        ("cat/loop.jpg", "symbolic links"),
        ("pipe.jpg", "not a file but a pipe"),
    ]:
        record = find(records, name)
        for act in (record.stat, record.read):
            with pytest.raises(UnreadableImage, match=reason) as caught:
                act()
            assert caught.value.stage == "read"
    assert find(records, "good.jpg").read() == find(records, "inside.jpg").read() == JPEG


# Names


@pytest.mark.parametrize(
    "name",
    ["two words.jpg", 'it\'s "quoted".jpg', "line\nbreak.jpg", "café-猫.jpg", "back\\slash.jpg", "a#2.jpg"],
)
def test_odd_names_are_keys_and_can_be_read(tmp_path: Path, name: str) -> None:
    fill(tmp_path, f"päck chen/{name}")
    (record,) = list_folder(tmp_path)
    assert (record.key, record.label) == (f"päck chen/{name}", "päck chen")
    assert decode(record.read()).size == (8, 8)


def test_names_that_are_no_utf8_become_keys_that_are_and_stay_apart(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    for name in (b"\xff.jpg", b"\\xff.jpg", b"\xfe.jpg"):
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(JPEG + name)
    source = open_source(tmp_path)
    keys = [record.key for record in source.records]
    assert len(set(keys)) == 3
    assert sorted(keys) == sorted(["caf\\xe9/\\xff.jpg", "caf\\xe9/\\xff.jpg#2", "caf\\xe9/\\xfe.jpg"])
    for record in source.records:
        assert record.key.encode().decode() == record.key
        assert record.label == "caf\\xe9"
        assert record.read().startswith(JPEG)
    assert len({record.read() for record in source.records}) == 3
    assert [record.key for record in open_source(tmp_path).records] == keys


@obeys_rights
def test_a_folder_that_cannot_be_listed_is_an_error_or_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    fill(tmp_path, "train/cat/a.jpg", "test/cat/b.jpg", "train/dog/c.jpg")
    (tmp_path / "lost+found").mkdir(mode=0)
    (tmp_path / "train/dog").chmod(0)
    with pytest.raises(SourceError, match=r"lost\+found/' cannot be listed: Permission denied. See to it"):
        open_source(tmp_path)
    with pytest.raises(UsageError, match="unlisted must be 'error' or 'record'. Got 'skip'"):
        open_source(tmp_path, unlisted="skip")
    source = open_source(tmp_path, unlisted="record")
    assert source.barred == ("lost+found/", "train/dog/")
    assert [(record.key, record.label, record.split) for record in source.records] == [
        ("lost+found/", None, None),
        ("test/cat/b.jpg", "cat", "test"),
        ("train/cat/a.jpg", "cat", "train"),
        ("train/dog/", None, "train"),
    ]
    assert source.filter(split="test").barred == source.barred
    for way in ("read", "stat"):
        with pytest.raises(UnreadableImage, match="listed: Permission denied; see to it that it can be"):
            getattr(source.records[0], way)()


@obeys_rights
def test_a_source_that_cannot_be_listed_itself_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, "photos/cat/a.jpg")
    (tmp_path / "photos").chmod(0)
    with pytest.raises(SourceError, match="cannot be listed: Permission denied"):
        open_source(tmp_path / "photos", unlisted="record")


@obeys_rights
def test_where_no_image_is_left_the_folders_that_cannot_be_listed_are_named(tmp_path: Path) -> None:
    fill(tmp_path, "cat/a.jpg")
    (tmp_path / "cat").chmod(0)
    with pytest.raises(SourceError, match=r"no images in .*\. 'cat/' cannot be listed\."):
        open_source(tmp_path, unlisted="record")


def test_a_folder_of_tables_alone_says_what_to_give(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/first-0.parquet").write_bytes(b"")
    with pytest.raises(SourceError, match=r"no images in .* It holds a table: give that, '.*/first-0"):
        list_folder(tmp_path)
    (tmp_path / "data/first-1.parquet").write_bytes(b"")
    told = r"2 tables: give one of them, such as '.*/data/first-0.parquet'\. They are read together"
    with pytest.raises(SourceError, match=told):
        list_folder(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")  # codes, whose tables list no pictures
    with pytest.raises(SourceError, match=r"\.webp\.$"):
        list_folder(tmp_path)


@pytest.mark.parametrize("name", ["a.feather", "data-00000-of-00001.arrow"])
def test_tables_of_arrow_are_told_how_to_become_parquet(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"ARROW1")
    for source in (tmp_path, tmp_path / name):
        with pytest.raises(SourceError, match=r"Arrow's tables are not read: make Parquet .*load_from_disk"):
            open_source(source)
