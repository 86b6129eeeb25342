"""Equal files among the images to measure by are no evidence of their own, whatever measures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncodes.cli import main

SAID = "24 images, of which 8 differ: equal files are drawn together"
VIEWS = ["--train-views", "center", "--test-views", "center"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small_network: str) -> Path:
    """Pictures of two kinds of noise, hard to tell apart: 16 to train on, 8 to test on; and models."""
    made = tmp_path_factory.mktemp("copies")
    for i in range(24):
        rng = np.random.default_rng(i)
        bright = 180 + 14 * (i % 2) + int(rng.integers(24))
        pixels = rng.integers(0, bright, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(made / f"{i}.png")
    meanings: dict[str, Any] = {
        "class": lambda i: "ab"[i % 2],
        "number": lambda i: i % 5 + i % 2,
        "labels": lambda i: ["dark", "light|odd", "light", "dark|odd"][i % 4],
    }
    for name, label in meanings.items():
        for times in (1, 3):
            rows = [f"{i}.png,{label(i)},train,{i}" for i in range(16)]
            rows += [f"{i}.png,{label(i)},test,{i % 4}" for i in range(16, 24) for _ in range(times)]
            (made / f"{name}{times}.csv").write_text("\n".join(["image,label,split,camera", *rows]))
    common = ["--backbone", small_network, "-q", *VIEWS]
    for out, source, *options in (
        ("class", "class1", "--head", "lda"),
        ("other", "class1", "--head", "knn"),
        ("number", "number1", "--target", "label", "--head", "ridge"),
        ("labels", "labels1", "--label-delimiter", "|", "--head", "ridge"),
    ):
        asked = ["fit", str(made / f"{source}.csv"), "-o", str(made / f"{out}.cnncodes"), *options]
        assert main([*asked, *common]) == 0
    return made


def evaluate(folder: Path, model: str, source: str, capsys: Any, *options: str) -> tuple[Any, str]:
    asked = ["evaluate", str(folder / f"{model}.cnncodes"), str(folder / f"{source}.csv"), *options]
    capsys.readouterr()
    assert main([*asked, "-q"]) == 0
    shown = capsys.readouterr().out
    assert main([*asked, "-q", "--json"]) == 0
    return json.loads(capsys.readouterr().out), shown


@pytest.mark.parametrize(
    ("model", "figures"),
    [
        ("class", ("accuracy", "macro_f1", "brier", "calibration_error")),
        ("number", ("mae", "covered")),
        ("labels", ("micro_f1", "subset_accuracy", "hamming_loss")),
    ],
)
def test_copies_make_no_interval_narrower(
    folder: Path, model: str, figures: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    once, shown = evaluate(folder, model, f"{model}1", capsys)
    assert (once["n_different"], once["n_groups"]) == (None, None) and "differ" not in shown
    thrice, shown = evaluate(folder, model, f"{model}3", capsys)
    assert shown.count(SAID) == 1 and "whole groups" not in shown  # nobody named any
    assert "The different images are too few, so that intervals are too narrow or mean nothing." in shown
    assert (thrice["n"], thrice["n_different"], thrice["n_groups"]) == (24, 8, 8)
    for figure in figures:
        one, three = once[figure], thrice[figure]
        assert (one["n"], three["n"]) == (8, 24) and one["low"] is not None
        assert three["high"] - three["low"] > 0.75 * (one["high"] - one["low"]), figure


def test_copies_are_joined_with_groups(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, shown = evaluate(folder, "class", "class3", capsys, "--group-column", "camera")
    assert (found["n_different"], found["n_groups"]) == (8, 4) and SAID in shown
    assert "whole groups, of which there are 4: too few" in shown


@pytest.mark.parametrize("task", ["class", "number", "labels"])
def test_folds_of_copies_alone_are_not_of_groups(
    folder: Path, tmp_path: Path, small_network: str, task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    meaning = {"class": [], "number": ["--regression"], "labels": ["--label-delimiter", "|"]}[task]
    source, codes, model = str(folder / f"{task}3.csv"), str(tmp_path / "c.codes"), str(tmp_path / "m")
    network, asked = ["--backbone", small_network, *VIEWS], ["-o", model, "--cv", "2", *meaning, "-q"]
    of_test = ["--split", "test"]
    assert main(["fit", source, *of_test, *asked, *network]) == 0
    shown = capsys.readouterr().out
    assert shown.count(SAID) == 1 and "whole groups" not in shown
    assert main(["fit", source, *of_test, *asked, *network, "--group-column", "camera"]) == 0
    shown = capsys.readouterr().out
    assert SAID not in shown and "whole groups, of which there are 4: too few" in shown
    assert main(["embed", source, "-o", codes, "--backbone", small_network, "-q"]) == 0
    assert main(["fit", codes, *of_test, *asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])["cross_validation"]
    assert (found["n"], found["n_different"], found["n_groups"]) == (24, 8, 8)


@pytest.mark.parametrize(
    ("model", "labels", "noun"),
    [("class", "ab", "class"), ("number", "05", "target"), ("labels", ["dark", "light|odd"], "label set")],
)
def test_an_image_with_two_labels_is_told(
    folder: Path, model: str, labels: list[str], noun: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{i}.png,{labels[i % 2]}" for i in range(16, 24)]
    for name, more in (("twice", labels[0]), ("torn", labels[1])):
        (folder / f"{name}.csv").write_text("\n".join(["image,label", *rows, f"16.png,{more}"]))
        assert main(["evaluate", str(folder / f"{model}.cnncodes"), str(folder / f"{name}.csv"), "-q"]) == 0
        said = f"1 image is there with more than one {noun} (equal files), of which one at most can be right"
        assert (said in capsys.readouterr().err) == (name == "torn")


@pytest.mark.slow
def test_a_rule_for_answers_and_the_page_know_copies(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    once, _ = evaluate(folder, "class", "class1", capsys, "--abstain", "0.4")
    thrice, _ = evaluate(folder, "class", "class3", capsys, "--abstain", "0.4")
    one, three = (found["abstention"]["points"][-1]["accuracy"] for found in (once, thrice))
    assert three["high"] - three["low"] > 0.75 * (one["high"] - one["low"])
    for model in ("class", "number", "labels"):
        page = tmp_path / f"{model}.html"
        evaluate(folder, model, f"{model}3", capsys, "-o", str(page), "--train", "none", "--checks", "never")
        assert page.read_text().count(SAID) == 1


@pytest.mark.slow
def test_classifiers_and_their_tables_are_compared_by_what_differs(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, models = str(folder / "class3.csv"), []
    for name in ("class", "other"):
        models += [str(folder / f"{name}.cnncodes")]
        asked = ["predict", models[-1], source, "-o", str(tmp_path / f"{name}.csv")]
        assert main([*asked, "--split", "test", "--top-k", "2", "-q"]) == 0
    for one, other in (models, (str(tmp_path / "class.csv"), str(tmp_path / "other.csv"))):
        capsys.readouterr()
        assert main(["compare", one, other, source, "-q"]) == 0
        shown = capsys.readouterr().out
        assert shown.count(SAID) == 1 and "go by the 8 different images, too few for" in shown
        assert main(["compare", one, other, source, "-q", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["n"], found["n_different"], found["n_groups"]) == (24, 8, 8)


@pytest.mark.slow
@pytest.mark.parametrize("only", ["pixels,majority", "majority"])
def test_methods_are_compared_by_what_differs(
    folder: Path, tmp_path: Path, only: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, page = str(folder / "class3.csv"), tmp_path / "ladder.html"
    asked = ["baseline", source, "--only", only, "--train", "train", "--test", "test", "-q"]
    assert main([*asked, "-o", str(page)]) == 0
    assert capsys.readouterr().out.count(SAID) == 1 and page.read_text().count(SAID) == 1
    report = str(tmp_path / "evaluated.json")
    evaluate(folder, "class", "class3", capsys, "-o", report)
    asked += ["--compare", report] if "pixels" in only else []
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["n_different"], found["n_groups"]) == (24, 8, 8)
