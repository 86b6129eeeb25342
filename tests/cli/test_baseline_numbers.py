"""The baseline of numbers: from a table to its text, its JSON and its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncodes.cli import main

ONLY = ["--only", "median,pixels"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of pictures with how light they are; two have no number."""
    root = tmp_path_factory.mktemp("light")
    rng = np.random.default_rng(0)
    rows = ["image,level,kind"]
    for i in range(26):
        level = rng.uniform(20, 180)
        pixels = (level + rng.uniform(0, 60, (16, 16, 3))).astype(np.uint8)
        Image.fromarray(pixels).save(root / f"{i}.png")
        rows.append(f"{i}.png,{level if i > 1 else ''},{'ab'[i % 2]}")
    (root / "t.csv").write_text("\n".join(rows))
    return root / "t.csv"


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--json", "-q"]) == 0
    return json.loads(capsys.readouterr().out)


def test_numbers_have_a_table_and_a_report(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "r.json"
    assert main(["baseline", str(table), "--target", "level", *ONLY, "-o", str(report)]) == 0
    said = capsys.readouterr()
    assert said.err.count("2 of 26 images have no label and are left out") == 1
    assert "25% of all images, held out" in said.err
    assert "mean absolute error" in said.out and "R2" in said.out
    assert "Trained on 18 images, measured on 6, 2 without a label left out, in" in said.out
    assert "on the same images; below 0 is better." in said.out
    found = json.loads(report.read_text())
    assert (found["task"], found["figure"]["key"], found["unlabelled"]) == ("numbers", "mae", 2)
    assert found["trivial"]["mae"] == found["methods"][0]["evaluation"]["mae"] and found["majority"] is None
    assert found["best"] == "raw pixels, 16 x 16: ridge" and found["gap"]["value"] == 0
    assert found["recommended"] is None and "6 test images are too few" in found["verdict"]
    errors = np.abs(np.array(found["answers"][found["best"]]) - found["labels"])
    assert found["raw_pixels"]["mae"]["value"] == pytest.approx(errors.mean())


@pytest.mark.slow
def test_numbers_have_a_page(table: Path, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    assert main(["baseline", str(table), "--target", "level", *ONLY, "--curve", "-o", str(page), "-q"]) == 0
    text = page.read_text()
    assert "Ways to predict numbers: " in text and "good ones at the bottom" in text
    assert "of each method that it has time for" in text
    assert "The least mean absolute error" in text and "2 images have no label: left out." in text


@pytest.mark.slow
def test_a_report_of_evaluate_is_compared_with_pixels(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = tmp_path / "answers.json"
    source = [str(table), "--target", "level", *ONLY]
    assert main(["baseline", *source, "-o", str(tmp_path / "r.json"), "-q"]) == 0
    capsys.readouterr()
    ladder = json.loads((tmp_path / "r.json").read_text())
    rows = [
        {"image": key, "target": number, "prediction": number + 1}
        for key, number in zip(ladder["images"], ladder["labels"], strict=True)
    ]
    answers.write_text(json.dumps({"mae": {}, "predictions": rows}))
    found = run_json(capsys, "baseline", *source, "--compare", str(answers))
    gap = 1 - found["raw_pixels"]["mae"]["value"]
    assert found["difference"]["value"] == pytest.approx(gap)
    rows[0]["prediction"] = None
    answers.write_text(json.dumps({"mae": {}, "predictions": rows}))
    assert main(["baseline", *source, "--compare", str(answers), "-q"]) == 2
    assert "the report has no answer to 1 of 6 images" in capsys.readouterr().err
    classes = ["baseline", str(table), "--label-column", "kind", "--only", "pixels", "-q"]
    assert main([*classes, "--compare", str(answers)]) == 2
    assert "is about numbers, and this ladder about classes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--target", "kind"], "26 of 26 labels in the column 'kind' are no finite numbers: '0.png (a)'"),
        (["--target", "level", "--label-delimiter", "|"], "--target is not for several labels an image"),
        (["--target", "level", "--only", "majority"], "'majority' is not for numbers"),
        (["--label-column", "kind", "--only", "median"], "'median' is not for classes"),
        (["--target", "level", "--test", "val"], "no image can be held out"),
    ],
)
def test_what_does_not_fit_is_said(
    table: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main(["baseline", str(table), *options, "-q"]) in (1, 2)
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_a_page_on_a_classifier_takes_no_ladder_of_numbers(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cnncodes.commands.companions import read_baseline
    from cnncodes.errors import UsageError

    report = tmp_path / "r.json"
    assert main(["baseline", str(table), "--target", "level", *ONLY, "-o", str(report), "-q"]) == 0
    with pytest.raises(UsageError, match="compares ways to predict numbers by their mean absolute error"):
        read_baseline(str(report))
