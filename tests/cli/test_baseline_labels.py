"""The baseline of several labels an image: from a table to its text, its JSON and its page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes.cli import main

LABELS = ["--label-delimiter", "|", "--only", "shares,pixels"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of pictures that are red, or green, or both, or neither; one was not looked at."""
    root = tmp_path_factory.mktemp("colours")
    rng = np.random.default_rng(0)
    rows = ["image,label"]
    for i in range(41):
        has = [name for bit, name in enumerate(["red", "green"]) if i >> bit & 1]
        pixels = rng.integers(0, 60, (12, 12, 3), dtype=np.uint8)
        pixels[:6, :, 0] += np.uint8(150 * ("red" in has))
        pixels[6:, :, 1] += np.uint8(150 * ("green" in has))
        Image.fromarray(pixels).save(root / f"{i}.png")
        rows.append(f"{i}.png,{'' if i == 40 else '|'.join(has) or '|'}")
    (root / "t.csv").write_text("\n".join(rows))
    return root / "t.csv"


@pytest.mark.slow
def test_labels_have_a_table_and_a_report(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "r.json"
    assert main(["baseline", str(table), *LABELS, "-o", str(report)]) == 0
    said = capsys.readouterr()
    assert "where none of the labels applies write '|' alone" in said.err
    assert "fewer than 10 test images, each of which moves mAP" in said.err
    assert "Trained on 30 images, measured on 10, 1 without a label left out, in" in said.out
    assert "mAP" in said.out and "share of each label" in said.out
    found = json.loads(report.read_text())
    assert (found["task"], found["figure"]["key"]) == ("several labels an image", "mean_average_precision")
    assert found["raw_pixels"]["mean_average_precision"]["value"] == 1.0
    assert found["trivial"]["n"] == 10 and found["majority"] is None
    assert found["answers"]["raw pixels, 16 x 16: logistic"] == found["labels"]


@pytest.mark.slow
def test_labels_have_a_page_and_are_compared(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, report, page = (str(tmp_path / name) for name in ("m.cnncodes", "e.json", "r.html"))
    held = [str(table), "--holdout", "0.25", "--label-delimiter", "|"]
    views = ["--train-views", "center", "--test-views", "center"]
    assert main(["fit", *held, "-o", model, *views, "-q"]) == 0
    assert main(["evaluate", model, *held, "-o", report, "-q"]) == 0
    capsys.readouterr()
    assert main(["baseline", str(table), *LABELS, "--compare", report, "--json", "-q"]) == 0
    found, evaluated = json.loads(capsys.readouterr().out), json.loads(Path(report).read_text())
    gap = evaluated["mean_average_precision"]["value"] - 1
    assert found["difference"]["value"] == pytest.approx(gap)
    assert main(["baseline", str(table), *LABELS, "--curve", "-o", page, "-q"]) == 0
    text, said = Path(page).read_text(), "No interval of the mAP of 2; of the mAP with "
    assert capsys.readouterr().out.count(said) == text.count(said) == 1
    assert "tested on test, 25% of all images, held out since the source has no parts" in text
    assert "Ways to label: " in text and "The highest mAP" in text and "mAP against cost" in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--label-delimiter", ";"], "none of the 40 labels holds the delimiter ';'"),
        (["--label-delimiter", "|", "--only", "majority"], "'majority' is not for several labels an image"),
        (["--label-delimiter", "|", "--regression"], "--regression is not for several labels an image"),
    ],
)
def test_what_does_not_fit_is_said(
    table: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main(["baseline", str(table), *options, "-q"]) in (1, 2)
    assert said in capsys.readouterr().err
