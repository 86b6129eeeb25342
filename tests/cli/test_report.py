"""``cnncodes evaluate --report``: the suffix decides what is written."""

from __future__ import annotations

import html
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes.cli import main


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with pictures of two classes in two parts, and a classifier of them."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("fitted")
    for part in ("train", "test"):
        for label, bright in (("dark", 60), ("light & bright", 190)):
            (folder / "photos" / part / label).mkdir(parents=True)
            for i in range(5):
                pixels = rng.integers(bright - 50, bright + 50, (40, 48, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / "photos" / part / label / f"<{i}>.png")
    (folder / "photos/test/dark/broken.png").write_text("no picture")
    asked = ["fit", str(folder / "photos"), "-q", "-o", str(folder / "m.cnncodes"), "--test-views", "center"]
    assert main([*asked, "--train-views", "center", "--memory", str(folder / "memory")]) == 0
    return folder


def test_a_page_is_written_with_the_figures_that_are_printed(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    path = tmp_path / "new" / "Report.HTML"
    asked = ["evaluate", str(fitted / "m.cnncodes"), str(fitted / "photos"), "-o", str(path)]
    assert main([*asked, "--memory", str(fitted / "memory"), "--max-failures", "1", "-q", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    page = path.read_text("utf-8")
    assert found["report"] == str(path) and found["n"] == 10
    accuracy = found["accuracy"]
    ends = f"{accuracy['low']:.3f} to {accuracy['high']:.3f}"
    assert f"<td>{accuracy['value']:.3f}</td><td>{ends}</td>" in page
    assert "1 image could not be read" in page and "light &amp; bright" in page
    assert "1970-01-01 00:00 UTC" in page
    [command] = re.findall(r'aria-label="Command"><code>(.*?)</code>', page)
    assert shlex.split(html.unescape(command)) == [
        "cnncodes", *asked[:3], "--report", str(path), "--memory", str(fitted / "memory"),
        "--max-failures", "1",
    ]  # fmt: skip


def test_json_is_written_as_before(fitted: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    asked = ["evaluate", str(fitted / "m.cnncodes"), str(fitted / "photos"), "-o", str(path), "-q"]
    assert main([*asked, "--memory", str(fitted / "memory")]) == 3  # the broken one
    found = json.loads(path.read_text())
    assert len(found["predictions"]) == 11 and found["accuracy"]["n"] == 10


def test_another_suffix_is_refused_before_any_work(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(fitted / "m.cnncodes"), str(fitted / "photos"), "-o", "report.pdf"]) == 2
    assert "must end in .json or .html. Got 'report.pdf'" in capsys.readouterr().err
