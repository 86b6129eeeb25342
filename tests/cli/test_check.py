"""``cnncodes check``: what it says, and its exit statuses."""

from __future__ import annotations

import json
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
        "report", "problems", "too_many_failures",
    }  # fmt: skip
    assert main([*asked, "--strict"]) == 1
    assert main([*asked, "--strict", "--split", "train", "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["n"] == 12


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
