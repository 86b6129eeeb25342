"""Several labels an image on the command line: fit, predict, evaluate, from tables and codes."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from made_reports import make_ladder
from PIL import Image

from cnncodes import ImageMultiLabelClassifier, load
from cnncodes.cli import main

N = 36
COLOURS = ("red", "green", "blue")
VIEWS = ["--train-views", "center", "--test-views", "center", "--backbone", "small"]


@pytest.fixture(scope="module")
def folder(small_network: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of pictures with stripes in colours, and tables that say which."""
    root = tmp_path_factory.mktemp("labels")
    rng = np.random.default_rng(0)
    rows = []
    for i in range(N):
        pixels = rng.integers(0, 60, (8, 8, 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
        names = [name for bit, name in enumerate(COLOURS) if i >> bit & 1]
        for bit, name in enumerate(COLOURS):
            pixels[20 * bit : 20 * bit + 20, :, bit] += np.uint8(150 * (name in names))
        Image.fromarray(pixels).save(root / f"{i:02}.png")
        part = "test" if i % 3 == 1 else "train"
        text = "|".join(names) or "|"
        rows.append({"image": f"{i:02}.png", "label": text, "split": part, "who": i // 2, "one": text[0]})
    table = pd.DataFrame(rows)
    table.to_csv(root / "all.csv", index=False)
    table.drop(columns="split").to_csv(root / "plain.csv", index=False)
    table.assign(label=table["label"].replace("|", "")).to_csv(root / "gaps.csv", index=False)
    table.assign(label=table["label"] + "|odd").to_csv(root / "always.csv", index=False)
    more = table["label"].where(table.index % 3 != 1, table["label"].str.replace("blue", "violet"))
    table.assign(label=more).to_csv(root / "more.csv", index=False)
    return root


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = str(tmp_path_factory.mktemp("model") / "m.cnncodes")
    arguments = [
        "fit",
        str(folder / "all.csv"),
        "-o",
        out,
        "--label-delimiter",
        "|",
        "--head",
        "ridge",
        *VIEWS,
    ]
    assert main([*arguments, "--quiet"]) == 0
    return out


def run(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert main(list(arguments)) == status
    shown = capsys.readouterr()
    return shown.out, shown.err


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(capsys, *arguments, "--json")[0])
    return found


def test_fit_says_what_it_learned(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "m.cnncodes")
    arguments = ["fit", str(folder / "all.csv"), "-o", out, "--label-delimiter", "|", "--head", "knn", *VIEWS]
    shown = run(capsys, *arguments)[0]
    assert "knn, k=" in shown and "trained on 24 images with 3 labels in" in shown and "named from" in shown
    found = run_json(capsys, *arguments, "--threshold", "0.3")
    assert (found["head"], found["classes"], found["split"]) == ("knn", ["blue", "green", "red"], "train")
    assert found["images_of_label"] == {"blue": 10, "green": 12, "red": 12}
    assert found["thresholds"] == {"blue": 0.3, "green": 0.3, "red": 0.3} and found["label_delimiter"] == "|"
    loaded = load(out)
    assert isinstance(loaded, ImageMultiLabelClassifier) and loaded.label_delimiter == "|"


@pytest.mark.slow
def test_fit_cross_validates_too(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["fit", str(folder / "plain.csv"), "-o", str(tmp_path / "m"), "--label-delimiter", "|", *VIEWS]
    asked += ["--head", "ridge", "--cv", "3", "--group-column", "who"]
    found = run_json(capsys, *asked)["cross_validation"]
    assert (found["folds"], found["repeats"], found["not_held_out"]) == (3, 1, [])
    assert found["n"] == found["hamming_loss"]["n"] == N and found["n_groups"] == N // 2
    assert [label["name"] for label in found["per_label"]] == sorted(COLOURS)
    assert found["micro_f1_by_repeat"] == [found["micro_f1"]["value"]] and found["micro_f1"]["value"] > 0.7
    out, _ = run(capsys, *asked)
    assert "Cross-validation in 3 folds: heads on images that they had not seen" in out
    assert "Intervals draw whole groups, of which there are 18." in out and "average precision of 36" in out


def test_predict_writes_labels_that_can_be_read_again(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = str(folder / "all.csv")
    shown = run(capsys, "predict", model, table, "--split", "test")[0]
    rows = list(csv.DictReader(shown.splitlines()))
    probabilities = [f"probability_{name}" for name in sorted(COLOURS)]
    assert list(rows[0]) == ["image", "labels", *probabilities, "reason"] and len(rows) == 12
    truth = pd.read_csv(table).set_index("image")["label"]
    right = [set(row["labels"].split("|")) == set(truth[row["image"]].split("|")) for row in rows]
    assert np.mean(right) > 0.8
    found = run_json(capsys, "predict", model, table, "--split", "test")["predictions"]
    assert found[0]["labels"] == rows[0]["labels"].split("|")
    out = tmp_path / "p.csv"
    run(capsys, "predict", model, str(folder), "-o", str(out), "--novelty", "--label-delimiter", ";")
    written = pd.read_csv(out)
    assert "novelty" in written and written["labels"].str.contains(";").any() and len(written) == N
    assert ";" in set(written["labels"])  # an image without a label
    parquet = tmp_path / "p.parquet"
    (folder / "broken.png").write_bytes(b"no image")
    try:
        run(capsys, "predict", model, str(folder), "-o", str(parquet), status=3)
    finally:
        (folder / "broken.png").unlink()
    read = pq.read_table(parquet).to_pylist()
    [broken] = [row for row in read if row["reason"]]
    assert broken["labels"] is None and broken["probability_red"] is None and len(read) == N + 1


def test_evaluate_has_the_figures_of_the_field(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = str(tmp_path / "r.json")
    found = run_json(capsys, "evaluate", model, str(folder / "all.csv"), "-o", report)
    assert (found["n"], found["split"], found["trained_on"], found["failed"]) == (12, "test", 0, 0)
    for name in ("micro_f1", "macro_f1", "mean_average_precision", "subset_accuracy"):
        assert found[name]["value"] > 0.8 and found[name]["n"] == 12
    assert found["hamming_loss"]["value"] < 0.1
    assert [label["name"] for label in found["per_label"]] == ["blue", "green", "red"]
    rows = json.loads(Path(report).read_text())["predictions"]
    at = {one["name"]: one["threshold"] for one in found["per_label"]}
    for row in rows:
        named = [name for name, p in row["probabilities"].items() if p >= at[name]]
        assert named == row["prediction"] and "group" in row
    wrong = sum(len(set(row["labels"]) ^ set(row["prediction"])) for row in rows)
    assert wrong / 36 == pytest.approx(found["hamming_loss"]["value"])
    shown, told = run(
        capsys, "evaluate", model, str(folder / "all.csv"), "--split", "all", "--group-column", "who"
    )
    for text in ("micro F1 ", "mean average precision (mAP)", "Hamming loss", "average precision"):
        assert text in shown
    assert "Intervals draw whole groups, of which there are 18" in shown
    assert "24 of these 36 images were trained on" in told


def test_groups_that_were_trained_on_are_told(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = run(capsys, "evaluate", model, str(folder / "all.csv"), "--group-column", "who")[1]
    assert "12 of these 12 images are of groups that were trained on: the figures flatter" in told


def test_a_label_of_few_images_is_said(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(folder / "all.csv")
    table.loc[[0, 2, 3], "label"] += "|rare"
    table.to_csv(folder / "few.csv", index=False)
    arguments = ["fit", str(folder / "few.csv"), "-o", str(tmp_path / "m"), "--label-delimiter", "|"]
    shown, told = run(capsys, *arguments, "--head", "ridge", *VIEWS)
    assert "1 of 4 labels is on at most 5 images (the fewest, 3: 'rare')" in told
    assert "rare   3" in shown


@pytest.mark.slow
@pytest.mark.parametrize("command", ["fit", "codes", "evaluate", "check", "baseline"])
def test_names_of_labels_that_look_wrong_are_pointed_out(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    table = pd.read_csv(folder / "plain.csv")
    table.loc[:5, "label"] += "|nan"
    table.loc[3:20, "label"] = table["label"].str.replace("red", "Red")
    src = str(folder / "names.csv")
    table.to_csv(src, index=False)
    out, delimiter = str(tmp_path / "m"), ["--label-delimiter", "|"]
    arguments = {
        "fit": ["fit", src, "-o", out, "--head", "ridge", *delimiter, *VIEWS],
        "codes": ["fit", str(tmp_path / "c.codes"), "-o", out, "--head", "ridge", *delimiter],
        "evaluate": ["evaluate", model, src],
        "check": ["check", src, "--backbone", "small", *delimiter],
        "baseline": ["baseline", src, "--only", "shares", *delimiter],
    }[command]
    if command == "codes":
        run(capsys, "embed", src, "-o", str(tmp_path / "c.codes"), "--views", "flip", "--backbone", "small")
    told = run(capsys, *arguments)[1]
    assert "the label 'nan' of 6 images is taken as one of the labels" in told
    assert "2 of 5 labels differ from others by spaces, capitals, or" in told and "'Red' and 'red'" in told


def test_labels_that_are_not_there_or_not_known_are_said(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown, told = run(capsys, "evaluate", model, str(folder / "more.csv"))
    assert "1 of the labels here is unknown to the classifier, which never names it: 'violet'" in told
    assert "violet (unknown to the classifier)" in shown
    assert "No image has 1 of 4 labels (blue)" in shown


def test_another_delimiter_than_that_of_the_fit_is_said(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = run(capsys, "evaluate", model, str(folder / "all.csv"), "--label-delimiter", ";")[1]
    assert "unknown to the classifier" in told and "was fitted to labels that '|' divides, not ';'" in told


@pytest.mark.slow
def test_an_empty_cell_is_left_out_and_that_is_said(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, table = str(tmp_path / "m.cnncodes"), str(folder / "gaps.csv")
    arguments = ["fit", table, "-o", out, "--label-delimiter", "|", "--head", "ridge", *VIEWS]
    shown, told = run(capsys, *arguments)
    assert "trained on 20 images" in shown
    assert "of 24 images have no label and are left out" in told
    assert "where none of the labels applies write '|' alone" in told
    codes = str(tmp_path / "c.codes")
    run(capsys, "embed", table, "-o", codes, "--views", "center")
    shown, told = run(capsys, "fit", codes, *arguments[2:-4])
    assert "trained on 20 images" in shown
    assert "an empty label is of an image that nobody has labelled, which is left out" in told


@pytest.mark.slow
def test_the_same_images_are_held_out_everywhere(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, table, codes = str(tmp_path / "m.cnncodes"), str(folder / "plain.csv"), str(tmp_path / "c.codes")
    hold = ["--holdout", "0.25"]
    delimiter = ["--label-delimiter", "|"]
    run(capsys, "embed", table, "-o", codes, "--views", "center", *hold, *delimiter)
    fitted = run_json(capsys, "fit", codes, "-o", out, "--head", "ridge", *delimiter)
    assert (fitted["images"], fitted["split"]) == (27, "train")
    found = run_json(capsys, "evaluate", out, table, *hold)
    assert (found["n"], found["trained_on"], found["split"]) == (9, 0, "test")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["all.csv", "--label-delimiter", ";"], "Did you mean '|'"),
        (["always.csv", "--label-delimiter", "|"], "1 label is on all of the 24 images"),
        (["all.csv", "--label-delimiter", "|", "--label-column", "who"], "none of the 24 labels holds"),
        (["all.csv", "--label-delimiter", "|", "--head", "lda"], "takes one label an image"),
        (["all.csv", "--label-delimiter", "|", "--aggregate", "probability"], "aggregate of a multi-label"),
        (["all.csv", "--label-delimiter", "|", "--regression"], "--regression is not for several labels"),
        (["all.csv", "--label-delimiter", "|", "--class-weight", "balanced"], "--class-weight is not for"),
        (["all.csv", "--label-delimiter", "|", "--threshold", "2"], "threshold must be"),
        (["all.csv", "--threshold", "0.5"], "--threshold is for several labels"),
        (["all.csv", "--label-delimiter", ""], "--label-delimiter"),
    ],
)
def test_fit_refuses_what_does_not_go_together(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    src, *others = arguments
    capsys.readouterr()
    assert main(["fit", str(folder / src), "-o", str(tmp_path / "m"), *others]) in (1, 2)
    assert text in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["predict", "MODEL", "all.csv", "--abstain", "0.1"], "--abstain is for one class an image"),
        (["predict", "MODEL", "all.csv", "--top-k", "2"], "--top-k is for one class an image"),
        (["predict", "MODEL", "all.csv", "--coverage", "0.9"], "--coverage is for numbers"),
        (["predict", "MODEL", "all.csv", "--priors", "red=0.5"], "--priors is for one class an image"),
        (["predict", "MODEL", "all.csv", "--label-delimiter", "e"], "contains 'e', which is to divide"),
        (
            ["evaluate", "MODEL", "all.csv", "-o", "r.html", "--baseline", "b.json"],
            "compares ways to classify by their accuracy, and this page is about several labels an image",
        ),
        (["evaluate", "MODEL", "all.csv", "--abstain", "0.1"], "--abstain is for one class an image"),
        (["evaluate", "MODEL", "all.csv", "--target", "who"], "--target is for numbers"),
        (["evaluate", "MODEL", "all.csv", "--top-k", "2"], "--top-k is for one class an image"),
        (
            ["evaluate", "MODEL", "all.csv", "--label-column", "who"],
            "the classifier knows none of the labels",
        ),
        (["compare", "MODEL", "COPY", "all.csv"], "several labels an image"),
        (["models", "quantize", "MODEL", "--calibrate", "all.csv"], "several labels an image"),
    ],
)
def test_commands_say_what_they_have_not_for_several_labels(
    folder: Path,
    model: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    text: str,
) -> None:
    places = {"MODEL": model, "all.csv": str(folder / "all.csv"), "r.html": str(tmp_path / "r.html")}
    (tmp_path / "b.json").write_text(json.dumps(make_ladder()))
    places["b.json"] = str(tmp_path / "b.json")
    places["COPY"] = str(shutil.copy(model, tmp_path / "copy.cnncodes"))
    capsys.readouterr()
    assert main([places.get(part, part) for part in arguments]) in (1, 2)
    assert text in capsys.readouterr().err


@pytest.mark.slow
def test_a_page_is_written_with_the_figures_that_are_printed(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.html"
    found = run_json(capsys, "evaluate", model, str(folder / "more.csv"), "-o", str(path))
    page, figure = path.read_text("utf-8"), found["mean_average_precision"]
    ends = f"{figure['low']:.3f} to {figure['high']:.3f}"
    assert found["report"] == str(path) and f"<td>{figure['value']:.3f}</td><td>{ends}</td>" in page
    assert "does not know <bdi>violet</bdi>" in page and "that were trained on, by the codes of this" in page
    assert "images of the part train of" in page and "<td><code>ridge</code>" in page


def test_what_is_for_several_labels_is_refused_elsewhere(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, report, one = str(folder / "all.csv"), str(tmp_path / "r.json"), str(tmp_path / "c.cnncodes")
    run(capsys, "evaluate", model, table, "-o", report)
    told = run(capsys, "baseline", table, "--compare", report, status=2)[1]
    assert "about several labels an image, and this ladder about classes: give --label-delimiter" in told
    run(capsys, "fit", table, "-o", one, "--label-column", "one", "--head", "centroid", *VIEWS)
    for command in ("predict", "evaluate"):
        told = run(capsys, command, one, table, "--label-delimiter", "|", status=2)[1]
        assert "--label-delimiter is for several labels an image" in told


@pytest.mark.slow
def test_a_classifier_that_was_fitted_to_sets_needs_a_delimiter(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(folder / "all.csv").head(12)
    sets = [set(text.split("|")) - {""} for text in table["label"]]
    clf = ImageMultiLabelClassifier(head="ridge", train_views="center", test_views="center")
    clf.fit([folder / name for name in table["image"]], sets).save(tmp_path / "a.cnncodes")
    arguments = ["evaluate", str(tmp_path / "a.cnncodes"), str(folder / "all.csv")]
    assert "was fitted to label sets" in run(capsys, *arguments, status=2)[1]
    assert run_json(capsys, *arguments, "--label-delimiter", "|")["n"] == 12
