"""The baseline beside an evaluation: both on the same images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes.cli import main


@pytest.mark.slow
def test_an_image_that_cannot_be_read_is_in_none_of_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    for part, count in (("train", 6), ("test", 4)):
        for label, low in (("dark", 0), ("light", 128)):
            folder = tmp_path / "in" / part / label
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(low, low + 128, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{i}.png")
    (tmp_path / "in" / "test" / "dark" / "3.png").write_text("no picture")
    source, report = str(tmp_path / "in"), str(tmp_path / "report.json")
    assert main(["fit", source, "-o", str(tmp_path / "m"), "--train-views", "center", "--quiet"]) == 0
    assert main(["evaluate", str(tmp_path / "m"), source, "-o", report, "--quiet"]) == 3
    capsys.readouterr()
    assert main(["baseline", source, "--compare", report, "--quiet", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    evaluated = json.loads(Path(report).read_text())
    assert evaluated["n"] == found["n"] == found["raw_pixels"]["accuracy"]["n"] == 7
    assert found["failed"] == 1 and found["majority"]["accuracy"]["n"] == 7
    gap = evaluated["accuracy"]["value"] - found["raw_pixels"]["accuracy"]["value"]
    assert found["difference"]["value"] == pytest.approx(gap)


def test_bad_pictures_and_numbers_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("train", "test"):
        for label, value in (("a", 9), ("b", 200)):
            folder = tmp_path / "in" / part / label
            folder.mkdir(parents=True)
            Image.new("RGB", (9, 9), (value, value, value)).save(folder / "0.png")
    source = str(tmp_path / "in")
    assert main(["baseline", source, "--random-state", "-5", "-q"]) == 2
    assert "must be a whole number from 0" in capsys.readouterr().err
    (tmp_path / "in/train/b/0.png").write_text("no picture")
    assert main(["baseline", source, "-q"]) == 1
    assert "only images of the class 'a' are left to train on; 1 of 2" in capsys.readouterr().err
    (tmp_path / "in/train/a/0.png").write_text("no picture")
    assert main(["baseline", source, "-q"]) == 1
    assert "none of the 2 images of the part 'train'" in capsys.readouterr().err
