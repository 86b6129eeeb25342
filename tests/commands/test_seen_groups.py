"""Images whose group was trained on flatter: that is said, wherever the group's other images lie."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes.cli import main


def write_table(folder: Path, name: str, numbers: range, groups: list[str]) -> Path:
    """Write a table of noise of two classes, each picture with its group."""
    lines = ["image,label,group"]
    for number in numbers:
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        lines.append(f"{number}.png,{'ab'[number % 2]},{groups[number % len(groups)]}")
    (folder / name).write_text("\n".join(lines))
    return folder / name


@pytest.mark.slow
@pytest.mark.parametrize("by_codes", [False, True])
def test_groups_that_were_trained_on_in_another_table_are_told(
    tmp_path: Path, by_codes: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    train = write_table(tmp_path, "train.csv", range(12), ["anna", "otto", "eva"])
    test = write_table(tmp_path, "test.csv", range(12, 20), ["anna", "karl", "karl", "rosa"])
    model, report, source = tmp_path / "m.cnncodes", tmp_path / "r.json", train
    if by_codes:
        source = tmp_path / "train.codes"
        assert main(["embed", str(train), "-o", str(source), "-q"]) == 0
    assert main(["fit", str(source), "-o", str(model), "--head", "centroid", "-q"]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(model), str(test), "--report", str(report)]) == 0
    assert "2 of these 8 images are of groups that were trained on" in capsys.readouterr().err
    assert json.loads(report.read_text())["groups_trained_on"] == 2
    clean = write_table(tmp_path, "clean.csv", range(20, 26), ["karl", "rosa"])
    assert main(["evaluate", str(model), str(clean), "--report", str(report)]) == 0
    assert "groups that were trained on" not in capsys.readouterr().err
