"""Files that come into a folder together: all or none, and nothing beside them changes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_backbones import build_model, make_card, write_backbone

from cnncodes.backbones import Card
from cnncodes.backbones.exporting.placing import place_network, read_place
from cnncodes.backbones.exporting.staging import stage_files
from cnncodes.errors import BackboneError


def place(folder: Path) -> Card:
    """Put a network into a folder whose dense form has a million bytes."""
    model = build_model()
    files = {**make_card(model).files, "dense.onnx": "0" * 64}
    card = make_card(model, description="new", files=files)
    return place_network(folder, card, {"model.onnx": model, "dense.onnx": b"0" * 1_000_000}, replace=True)


def contents(folder: Path) -> dict[str, bytes]:
    """Return all that is in a folder, hidden files and folders included."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"folder"
        for path in folder.rglob("*")
    }


def make_old(folder: Path) -> Path:
    write_backbone(folder, "constant", description="old")
    (folder / "notes.txt").write_text("mine")
    return folder


def check_nothing_is_lost(folder: Path, said: str) -> None:
    before = contents(make_old(folder / "net"))
    for name, expected in (("net", before), ("fresh", None)):
        with pytest.raises(BackboneError, match=said) as caught:
            place(folder / name)
        [line] = str(caught.value).splitlines()
        assert line.startswith(f"cannot write {folder / name / 'dense.onnx'}: ")
        assert "Nothing was written; what was there before is unchanged" in line
        assert (contents(folder / name) if (folder / name).exists() else None) == expected


def check_it_works_now(folder: Path) -> None:
    for name in ("net", "fresh"):
        place(folder / name)
        others = {"notes.txt"} if name == "net" else set()
        assert set(contents(folder / name)) == {"card.toml", "model.onnx", "dense.onnx", *others}
        assert Card.read(folder / name / "card.toml").description == "new"


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let this process write no file above 200 kB."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_may_not_grow_loses_nothing(tmp_path: Path, small_files: None) -> None:
    check_nothing_is_lost(tmp_path, "ulimit -f")


@pytest.fixture
def tiny_disk(small_disk: Callable[[str], Path]) -> Path:
    return small_disk("400k")


def test_a_full_disk_loses_nothing(tiny_disk: Path) -> None:
    check_nothing_is_lost(tiny_disk, "the disk is full")
    subprocess.run(["mount", "-o", "remount,size=64m", str(tiny_disk)], check=True)
    check_it_works_now(tiny_disk)


def stage_and_commit(folder: Path, *names: str) -> None:
    with stage_files(folder) as stage:
        for name in names:
            stage.write(name, b"new")
        stage.commit(names, ["notes.txt"])


def test_a_name_that_cannot_be_taken_leaves_what_was_put_there_before_it(tmp_path: Path) -> None:
    folder = make_old(tmp_path / "net")
    (folder / "dense.onnx").mkdir()
    before = contents(folder)
    with pytest.raises(BackboneError, match=r"cannot write .*dense\.onnx: "):
        stage_and_commit(folder, "model.onnx", "card.toml", "dense.onnx")
    assert contents(folder) == before


def refuse_links(*args: object, **kwargs: object) -> None:
    raise OSError(1, "Operation not permitted")


@pytest.mark.parametrize("links", [True, False])
def test_a_rename_that_fails_puts_back_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    folder = make_old(tmp_path / "net")
    before, replace = contents(folder), os.replace

    def fail_at_the_card(source: Path, target: Path) -> None:
        if source.name == "card.toml" and source.parent.name.startswith(".cnncodes-new-"):
            raise OSError(5, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_at_the_card)
    if not links:  # as on some file systems
        monkeypatch.setattr(os, "link", refuse_links)
    with pytest.raises(BackboneError, match="Input/output error"):
        stage_and_commit(folder, "model.onnx", "dense.onnx", "card.toml")
    assert contents(folder) == before


HOLD = """
import sys, time
from pathlib import Path
from cnncodes.backbones.exporting.staging import stage_files
with stage_files(Path(sys.argv[1])) as stage:
    stage.write("model.onnx", b"half")
    print("written", flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_left_goes_with_the_next_and_what_a_living_one_writes_stays(
    tmp_path: Path,
) -> None:
    folder = make_old(tmp_path / "net")
    living, killed = (
        subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    )
    try:
        for process in (living, killed):
            assert process.stdout is not None and process.stdout.readline() == "written\n"
        assert len([*folder.glob(".cnncodes-new-*")]) == 2
        killed.kill()
        killed.wait()
        place(folder)
        [left] = folder.glob(".cnncodes-new-*")
        assert (left / "model.onnx").read_bytes() == b"half"
    finally:
        living.kill()
        living.wait()
    place(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "card.toml",
        "dense.onnx",
        "model.onnx",
        "notes.txt",
    ]


def test_what_is_no_backbones_is_refused(tmp_path: Path) -> None:
    model = build_model()
    (tmp_path / "card.toml").write_text('title = "my holidays"\n')
    (tmp_path / "photo.jpg").touch()
    before = contents(tmp_path)
    with pytest.raises(BackboneError, match="holds a card.toml that is no backbone's"):
        place_network(tmp_path, make_card(model), {"model.onnx": model}, replace=True)
    assert contents(tmp_path) == before


def test_a_file_that_no_card_names_is_the_users(tmp_path: Path) -> None:
    folder = make_old(tmp_path / "net")
    with pytest.raises(BackboneError, match=r"notes\.txt' is there already and belongs to no backbone"):
        read_place(folder, ["model.onnx", "notes.txt"])
    (tmp_path / "file").touch()
    with pytest.raises(BackboneError, match="file' cannot be used as a folder: Not a directory"):
        read_place(tmp_path / "file", ["model.onnx"])
