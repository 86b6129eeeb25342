"""``cnncodes check``: what it says, and its exit statuses."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes.cli import main


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes in two parts; the format of the second betrays it, one picture is in both parts."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    for part in ("train", "test"):
        for label, ending in (("a", "png"), ("b", "bmp")):
            (folder / part / label).mkdir(parents=True)
            for i in range(6):
                pixels = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / label / f"{i}.{ending}")
    shutil.copy(folder / "train/a/0.png", folder / "test/a/copy.png")
    return folder


@pytest.mark.slow
def test_what_is_found_is_said_written_and_strict_if_asked(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, memory = str(tmp_path / "sub" / "checks.json"), str(tmp_path / "memory")
    asked = ["check", str(photos), "-q", "--memory", memory]
    assert main([*asked, "--report", report]) == 0
    out = capsys.readouterr().out
    assert "25 images checked (25 labelled, 2 classes, parts test, train)" in out
    assert "WARNING (certain): 1 picture is in more than one part, as equal files: 'test/a/copy.png'" in out
    assert "file type" in out or "file size" in out
    assert f"Report: {report}" in out
    written = json.loads(Path(report).read_text())
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["findings"] == written["findings"] and found["warnings"] >= 2
    assert set(found) == {
        "src", "split", "n", "labelled", "classes", "parts", "findings", "left_out", "failures", "warnings",
        "report", "problems", "too_many_failures", "task", "target",
    }  # fmt: skip
    assert main([*asked, "--strict"]) == 1
    # Of the part train alone nothing is wrong, and its classes are too small to be called one.
    assert main([*asked, "--strict", "--split", "train", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["n"] == 12


def test_json_says_how_to_make_it_again(
    photos: Path, small_network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    report = tmp_path / "checks.json"
    asked = ["check", str(photos), "-o", str(report), "--backbone", small_network, "--split", "train"]
    assert main([*asked, "--random-state", "3", "-q"]) == 0
    again = json.loads(report.read_text())["reproduce"]
    command = shlex.split(again["command"])
    assert command[:3] == ["cnncodes", *asked[:2]] and {"--random-state", "3", "small"} <= {*command}
    assert again["date"] == "1970-01-01 00:00 UTC" and again["versions"]["cnncodes"]
    assert (again["source"], again["split"], again["holdout"]) == (str(photos), "train", None)
    assert again["random_states"]["folds, views and intervals"] == 3
    assert again["backbone"] == "small" and len(again["backbone_sha256"]) == 64


@pytest.mark.slow
def test_unreadable_images_are_listed_and_counted(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "train/a/1.png").write_text("no picture")
    assert main(["check", str(photos), "-q"]) == 3
    err = capsys.readouterr().err
    assert "1 of 25 images could not be used: 'train/a/1.png'" in err
    assert main(["check", str(photos), "-q", "--max-failures", "1"]) == 0


def test_a_flat_folder_has_no_labels(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(photos / "train/b"), "-q"]) == 0
    out = capsys.readouterr().out
    assert "6 images checked (0 labelled, 0 classes): 0 warnings, 0 other findings." in out
    assert "not checked, labels: no image has a label." in out


def test_wrong_usage_is_said(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(photos), "--report", "checks.html"]) == 2
    assert main(["check", str(photos), "--split", "val", "-q"]) == 1
    assert "no part 'val'" in capsys.readouterr().err


@pytest.fixture
def tables(photos: Path, tmp_path: Path) -> Path:
    """Tables of one picture that is there three times: with numbers, and with several labels."""
    shutil.copy(photos / "train/a/0.png", tmp_path / "0.png")
    shutil.copy(photos / "train/a/0.png", tmp_path / "1.png")
    shutil.copy(photos / "train/a/1.png", tmp_path / "2.png")
    (tmp_path / "t.csv").write_text(
        "image,age,label\n0.png,3,sea;sky\n1.png,8,sky;cliff\n2.png,5,sea;cliff\n"
    )
    return tmp_path


def test_numbers_and_several_labels_are_checked(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["check", str(tables / "t.csv"), "-q", "--json", "--views", "center"]
    assert main([*asked, "--target", "age"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["task"], found["target"], found["classes"]) == ("numbers", "age", [])
    assert found["findings"][0]["details"]["groups"][0]["labels"] == [3.0, 8.0]
    assert main([*asked, "--label-delimiter", ";"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["task"], found["target"], found["classes"]) == ("labels", None, ["cliff", "sea", "sky"])
    assert found["warnings"] == 1
    assert main(asked) == 0
    assert "give 'cnncodes check' --label-delimiter ';'" in capsys.readouterr().err


def test_labels_that_are_all_empty_are_warned_of(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"{path.name},\n" for path in sorted(tables.glob("*.png"))[:3])
    (tables / "none.csv").write_text(f"image,label\n{rows}")
    for more in ([], ["--label-delimiter", "|"]):
        assert main(["check", str(tables / "none.csv"), "-q", *more]) == 0
        said = capsys.readouterr().err
        assert "no image has a label, so that nothing is checked by labels: all 3 cells of its" in said


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--label-delimiter", "|"], "Did you mean ';'"),
        (["--label-delimiter", ";", "--regression"], "--regression is not for several labels an image"),
        (["--regression"], "3 of 3 labels in the column 'label' are no finite numbers: '0.png (sea;sky)'"),
        (["--target", "size"], "size"),
    ],
)
def test_what_the_labels_are_not_is_said(
    tables: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    assert main(["check", str(tables / "t.csv"), "-q", *arguments]) in (1, 2)
    assert text in capsys.readouterr().err
    assert main(["check", str(tables), "-q", "--target", "age"]) == 2
