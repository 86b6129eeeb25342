"""Numbers instead of classes on the command line: fit, predict, evaluate, from tables, folders and codes."""

from __future__ import annotations

import csv
import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from made_reports import make_ladder
from PIL import Image
from sklearn.metrics import r2_score

from cnncodes import ImageRegressor, load
from cnncodes.cli import main
from cnncodes.report.html import significant

N = 30
VIEWS = ["--train-views", "center", "--test-views", "center", "--backbone", "small"]


@pytest.fixture(scope="module")
def folder(small_network: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of pictures with tables that say how light they are."""
    root = tmp_path_factory.mktemp("numbers")
    rng = np.random.default_rng(0)
    rows = []
    for i, level in enumerate(np.linspace(20, 230, N)):
        noise = rng.normal(0, 15, (8, 8, 3)).repeat(8, axis=0).repeat(8, axis=1)
        Image.fromarray(np.clip(level + noise, 0, 255).astype(np.uint8)).save(root / f"{i}.png")
        part = "test" if i % 3 == 1 else "train"
        rows.append({"image": f"{i}.png", "level": level, "label": "ab"[i % 2], "split": part, "who": i // 2})
    table = pd.DataFrame(rows)
    table.to_csv(root / "all.csv", index=False)
    table.to_parquet(root / "all.parquet")
    table.drop(columns=["label", "split"]).to_csv(root / "plain.csv", index=False)
    table.assign(label=table["level"]).drop(columns="level").to_csv(root / "labels.csv", index=False)
    table.assign(level=table["level"].where(table["level"] < 200)).to_csv(root / "gaps.csv", index=False)
    table.assign(level=table["label"]).to_csv(root / "text.csv", index=False)
    table.assign(level=None).drop(columns="split").to_csv(root / "empty.csv", index=False)
    table.assign(level=table["level"].where(table.index != 2, np.inf)).to_csv(root / "odd.csv", index=False)
    return root


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = str(tmp_path_factory.mktemp("model") / "m.cnncodes")
    assert main(["fit", str(folder / "all.csv"), "-o", out, "--target", "level", *VIEWS, "--quiet"]) == 0
    return out


def run(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert main(list(arguments)) == status
    shown = capsys.readouterr()
    return shown.out, shown.err


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(capsys, *arguments, "--json")[0])
    return found


def test_fit_says_what_it_predicts_and_how_well(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "m.cnncodes")
    arguments = ["fit", str(folder / "all.csv"), "-o", out, "--target", "level", *VIEWS]
    shown = run(capsys, *arguments)[0]
    assert "ridge, C=" in shown and "trained on 20 images to predict level in" in shown
    assert "90% intervals: the prediction ± " in shown and "by 20 held-out training images" in shown
    [said] = re.findall(
        r"^R2 (\d\.\d{3}) on 20 held-out training images, by which settings were chosen, too: it flatters a"
        r" little\.$",
        shown,
        re.MULTILINE,
    )
    train = pd.read_csv(folder / "all.csv").query("split == 'train'")
    regressor = ImageRegressor("small", train_views="center", test_views="center")
    found = regressor.fit([folder / name for name in train.image], train.level).head_.held_out_
    assert said == f"{r2_score(found.y, found.prediction):.3f}"
    found = run_json(capsys, *arguments, "--head", "kernel-ridge")
    assert (found["head"], found["classes"], found["targets"], found["split"]) == (
        "kernel-ridge", None, ["level"], "train",
    )  # fmt: skip
    assert found["gamma"] > 0 and found["interval"] > 0
    assert 0.5 < found["held_out_r2"]["value"] < 1 and found["held_out_r2"]["n"] == 20
    loaded = load(out)
    assert isinstance(loaded, ImageRegressor) and loaded.targets_ == ("level",)


def test_the_time_of_a_fit_is_without_that_of_its_cross_validation(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started = time.perf_counter()
    asked = ["fit", str(folder / "plain.csv"), "-o", str(tmp_path / "m"), "--target", "level", *VIEWS]
    found = run_json(capsys, *asked, "--head", "knn", "--cv", "2", "--repeats", "4")
    taken = time.perf_counter() - started
    assert found["seconds"] + found["cross_validation"]["seconds"] <= taken + 0.01  # rounded to thousandths
    assert found["cross_validation"]["seconds"] > 0


def test_few_images_are_told_and_one_in_a_fold_is_said_to_be_one(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [str(tmp_path / "m"), "--target", "level", *VIEWS, "--cv", "2"]
    (folder / "two.csv").write_text("image,level\n0.png,1\n29.png,2\n")
    told = run(capsys, "fit", str(folder / "two.csv"), "-o", *asked)[1]
    assert "only 2 images were trained on: settings are chosen" in told
    assert "there is one image alone, as in training for a fold of two" in told
    (folder / "one.csv").write_text("image,level,group\n0.png,1,a\n29.png,2,a\n5.png,7,a\n")
    assert "R2" not in run(capsys, "fit", str(folder / "one.csv"), "-o", *asked[:-2])[0]
    assert "all images are of one group" not in told


def test_few_images_to_measure_on_are_told(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "eight.csv").write_text("image,level\n" + "".join(f"{i}.png,{i}\n" for i in range(20, 28)))
    told = "8 images, fewer than 10, are too few for these figures: one that is far off moves them all."
    shown = run(capsys, "evaluate", model, str(folder / "eight.csv"))[0]
    assert told in shown.splitlines()
    assert "of further images up to 31.2% may have a larger one (95% confidence)" in shown
    assert "too few for" not in run(capsys, "evaluate", model, str(folder / "all.csv"))[0]


def test_groups_are_spoken_of_where_there_are_any(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["fit", str(folder / "plain.csv"), "-o", str(tmp_path / "m"), "--target", "level", *VIEWS]
    shown, told = run(capsys, *asked, "--head", "knn")
    assert f"by {N} held-out training images.\n" in shown and "were trained on:" not in told
    shown = run(capsys, *asked, "--head", "knn", "--group-column", "who")[0]
    assert f"by {N} held-out training images of {N // 2} groups.\n" in shown


def test_groups_that_were_trained_on_are_told(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["evaluate", model, str(folder / "all.csv"), "--group-column", "who", "--json"]
    shown, told = run(capsys, *asked)
    assert "10 of these 10 images are of groups that were trained on: the figures flatter" in told
    assert json.loads(shown)["groups_trained_on"] == 10
    shown, told = run(capsys, *asked, "--split", "train")  # the others of their groups were not trained on
    assert json.loads(shown)["groups_trained_on"] == 0 and "are of groups" not in told


@pytest.mark.slow
def test_fit_cross_validates_too(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["fit", str(folder / "plain.csv"), "-o", str(tmp_path / "m"), "--target", "level", *VIEWS]
    asked += ["--cv", "3", "--repeats", "2", "--group-column", "who"]
    found = run_json(capsys, *asked)["cross_validation"]
    assert (found["folds"], found["repeats"]) == (3, 2) and "not_held_out" not in found
    assert found["n"] == found["mae"]["n"] == N and found["n_groups"] == N // 2
    assert (
        found["r2"]["value"] == pytest.approx(np.mean(found["r2_by_repeat"])) and found["r2"]["value"] > 0.8
    )
    out, err = run(capsys, *[*asked[:-5], "40", *asked[-4:]])
    assert f"Cross-validation in {N // 2} folds: heads on images that they had not seen" in out
    assert "1 repetition instead of 2" in err  # each group is a fold: there is no other division
    assert f"{N // 2} folds instead of 40: there are images of no more groups" in err


def test_predict_writes_numbers_with_intervals(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = run(capsys, "predict", model, str(folder / "all.csv"), "--split", "test")[0]
    rows = list(csv.DictReader(shown.splitlines()))
    assert list(rows[0]) == ["image", "prediction", "low", "high", "reason"] and len(rows) == 10
    truth = {f"{i}.png": level for i, level in enumerate(np.linspace(20, 230, N))}
    off = [abs(float(row["prediction"]) - truth[row["image"]]) for row in rows]
    assert np.mean(off) < 25
    inside = [float(row["low"]) <= truth[row["image"]] <= float(row["high"]) for row in rows]
    assert np.mean(inside) >= 0.6  # of ten, of which nine are expected
    out = str(tmp_path / "p.parquet")
    (folder / "broken.png").write_bytes(b"no image")
    try:
        status = main(["predict", model, str(folder), "-o", out, "--coverage", "0.5", "--novelty", "--quiet"])
    finally:
        (folder / "broken.png").unlink()
    assert status == 3  # one of 31 images cannot be read
    table = pq.read_table(out)
    assert table.column_names == ["image", "prediction", "low", "high", "novelty", "reason"]
    read = [row for row in table.to_pylist() if row["reason"] is None]
    assert len(read) == N and table.num_rows == N + 1
    half = (read[0]["high"] - read[0]["low"]) / 2
    assert half < (float(rows[0]["high"]) - float(rows[0]["low"])) / 2
    assert all(row["prediction"] == pytest.approx((row["low"] + row["high"]) / 2) for row in read)


def test_predicted_numbers_are_written_whole(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = str(folder / "3.png")
    asked = ["predict", model, one, "--coverage", "0.8"]
    [found] = run_json(capsys, *asked)["predictions"]
    [shown] = csv.DictReader(run(capsys, *asked)[0].splitlines())
    run(capsys, *asked, "-o", str(tmp_path / "p.csv"))
    [written] = csv.DictReader((tmp_path / "p.csv").read_text().splitlines())
    assert written == shown
    assert all(float(shown[name]) == found[name] for name in ("prediction", "low", "high"))


def test_evaluate_knows_the_column(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = str(tmp_path / "r.json")
    found = run_json(capsys, "evaluate", model, str(folder / "all.parquet"), "-o", report)
    assert (found["n"], found["split"], found["target"], found["trained_on"]) == (10, "test", "level", 0)
    assert found["r2"]["value"] > 0.8 and found["spearman"]["value"] > 0.9
    assert found["mae"]["low"] < found["mae"]["value"] < found["mae"]["high"]
    assert found["covered"]["n"] == 10 and found["coverage"] == 0.9
    written = json.loads(Path(report).read_text())
    assert len(written["predictions"]) == 10 and all("group" in row for row in written["predictions"])
    asked = ["evaluate", model, str(folder / "all.parquet"), "--group-column", "who", "-o", report]
    run_json(capsys, *asked)
    rows = json.loads(Path(report).read_text())["predictions"]
    assert len({row["group"] for row in rows}) > 1 and None not in {row["group"] for row in rows}
    errors = [abs(row["target"] - row["prediction"]) for row in written["predictions"]]
    assert np.mean(errors) == pytest.approx(found["mae"]["value"])
    shown, told = run(
        capsys, "evaluate", model, str(folder / "all.csv"), "--split", "all", "--group-column", "who"
    )
    for text in ("R2 ", "root mean squared error", "Spearman's rank correlation", "in 90% intervals (±"):
        assert text in shown
    assert "Intervals draw whole groups, of which there are 15" in shown
    assert "20 of these 30 images were trained on" in told


def test_another_column_is_named_and_what_it_cannot_tell_is_said(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(folder / "all.csv").assign(age=7.0)
    table.to_csv(folder / "ages.csv", index=False)
    asked = ("evaluate", model, str(folder / "ages.csv"), "--target", "age")
    found = run_json(capsys, *asked)
    assert found["target"] == "age" and found["r2"]["value"] is None
    missing = {name: why for name, why in found["missing"].items() if not why.startswith("no interval")}
    assert missing == dict.fromkeys(("r2", "spearman", "relative_mae"), "all targets are equal")
    shown, told = run(capsys, *asked)
    assert "No R2, Spearman's rank correlation, share of the median's error: all targets are equal." in shown
    assert f"these are numbers of 'age', and {model} was fitted to 'level'" in told


def test_classes_are_not_evaluated_and_what_the_regressor_predicts_is_said(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").mkdir()
    shutil.copy(folder / "0.png", tmp_path / "a")
    for src in (tmp_path, folder / "text.csv"):
        told = run(capsys, "evaluate", model, str(src), status=2)[1]
        assert f"They look like classes: {model!r} predicts numbers of 'level'. Give a table that has" in told
        assert "--regression" not in told


def test_a_page_is_written_with_the_figures_that_are_printed(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.html"
    found = run_json(capsys, "evaluate", model, str(folder / "all.csv"), "--target", "level", "-o", str(path))
    page, mae = path.read_text("utf-8"), found["mae"]
    assert found["report"] == str(path) and f"<td>{significant(mae['value'], 4)}</td>" in page
    assert f"Predictions of <bdi>level</bdi> are off by {significant(mae['value'])} on average" in page
    assert f"Searched are 20 images of the part train of {folder / 'all.csv'} that the regressor" in page
    assert "Checked are 10 images that were evaluated and 20 that were trained on, by the codes of" in page
    assert "<td><code>ridge</code>" in page
    [command] = re.findall(r'aria-label="Command"><code>(.*?)</code>', page)
    assert command.endswith(f"--report {path} --target level")


@pytest.mark.slow
def test_a_page_says_why_training_images_with_other_labels_are_not_checked(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, page = tmp_path / "train", tmp_path / "r.html"
    (train / "a").mkdir(parents=True)
    for i in (0, 2, 3):
        shutil.copy(folder / f"{i}.png", train / "a")
    asked = ("evaluate", model, str(folder / "all.csv"), "-o", str(page), "--train", str(train))
    told = run(capsys, *asked)[1]
    said = f"3 of 3 labels are no finite numbers: '{train}/a/0.png (a)'"
    assert f"the data are not checked: of the training images {said}" in told
    assert "The data were not checked. Of the training images 3 of 3" in page.read_text("utf-8")
    assert said in run(capsys, *asked, "--checks", "always", status=2)[1]


def test_the_same_images_are_held_out_for_fit_and_evaluate(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, table = str(tmp_path / "m.cnncodes"), str(folder / "plain.csv")
    hold = ["--holdout", "0.3"]
    fitted = run_json(capsys, "fit", table, "-o", out, "--target", "level", *hold, *VIEWS)
    assert fitted["images"] == 21
    found = run_json(capsys, "evaluate", out, table, *hold)
    assert (found["n"], found["trained_on"], found["split"]) == (9, 0, "test")
    shown = run(capsys, "predict", out, table, *hold, "--split", "test")[0]
    assert len(shown.splitlines()) == 10


@pytest.mark.slow
def test_labels_that_are_numbers(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, table = str(tmp_path / "m.cnncodes"), str(folder / "labels.csv")
    told = run(capsys, "fit", table, "-o", out, "--head", "centroid", *VIEWS)[1]
    assert "the labels are numbers such as 20.0" in told and "--regression" in told
    assert run_json(capsys, "fit", table, "-o", out, "--regression", *VIEWS)["targets"] == ["label"]
    assert run_json(capsys, "evaluate", out, table)["r2"]["value"] > 0.8
    codes = str(tmp_path / "l.codes")
    run(capsys, "embed", table, "-o", codes, "--views", "center")
    found = run_json(capsys, "fit", codes, "-o", out, "--regression", "--head", "knn")
    assert (found["targets"], found["images"], found["split"]) == ([None], 20, "train")
    assert run_json(capsys, "evaluate", out, table)["n"] == 10


def test_empty_cells_are_left_out(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["fit", str(folder / "gaps.csv"), "-o", str(tmp_path / "m"), "--target", "level", *VIEWS]
    found = json.loads(run(capsys, *arguments, "--json")[0])
    assert 15 < found["images"] < 20


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["text.csv", "--target", "level"], "in the column 'level' are no finite numbers: '0.png (a)'"),
        (["odd.csv", "--target", "level"], "is no finite number: '2.png (inf)'"),
        (["all.csv", "--target", "levels"], "Did you mean 'level'"),
        (["all.csv", "--target", "level", "--head", "logistic"], "is a classifier, and numbers"),
        (["all.csv", "--target", "level", "--class-weight", "balanced"], "--class-weight is for classes"),
        (["all.csv", "--target", "level", "--aggregate", "decision"], "aggregate of a regressor"),
        ([".", "--target", "level"], "--target names a column"),
        (["all.csv", "--target", "level", "--label-column", "who"], "give one of them"),
        (["empty.csv", "--target", "level"], "all 30 cells of its column 'level' are empty"),
        (["all.csv", "--head", "kernel-ridge"], "--head kernel-ridge is for numbers"),
        (["all.csv", "--aggregate", "prediction"], "--aggregate prediction is for numbers"),
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


def test_regressors_are_not_compared_and_that_is_said_before_labels_are_read(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(model, tmp_path / "copy.cnncodes")
    for src, more in (("gaps.csv", []), ("all.csv", ["--label-column", "level"])):
        asked = ["compare", model, str(tmp_path / "copy.cnncodes"), str(folder / src), *more]
        told = run(capsys, *asked, status=2)[1]
        assert told.count("\n") == 1 and "predicts numbers, or several labels an image" in told


def test_what_is_for_classes_is_refused(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = str(folder / "all.csv")
    delimited = run(capsys, "evaluate", model, table, "--label-delimiter", "|", status=2)[1]
    assert "--label-delimiter is for several labels an image" in delimited
    for name, value in (("--abstain", "0.1"), ("--top-k", "2")):
        for command in ("evaluate", "predict"):
            told = run(capsys, command, model, table, name, value, status=2)[1]
            assert f"{name} is for one class an image" in told
    told = run(capsys, "predict", model, table, "--coverage", "0.999", status=2)[1]
    assert "takes at least 999 held-out training images" in told
    (tmp_path / "b.json").write_text(json.dumps(make_ladder()))
    page = ["-o", str(tmp_path / "r.html"), "--baseline", str(tmp_path / "b.json")]
    told = run(capsys, "evaluate", model, table, *page, status=2)[1]
    assert "compares ways to classify by their accuracy, and this page is about numbers" in told
    told = run(capsys, "evaluate", model, str(folder / "plain.csv"), "--target", "levels", status=1)[1]
    assert "Did you mean 'level'" in told
    classes = str(tmp_path / "c.cnncodes")
    assert main(["fit", table, "-o", classes, "--head", "centroid", *VIEWS, "--quiet"]) == 0
    assert (
        "--coverage is for numbers"
        in run(capsys, "predict", classes, table, "--coverage", "0.9", status=2)[1]
    )
    assert (
        "--target is for numbers" in run(capsys, "evaluate", classes, table, "--target", "level", status=2)[1]
    )


def test_a_report_on_numbers_is_not_compared_with_classes(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, table = str(tmp_path / "r.json"), str(folder / "all.csv")
    run(capsys, "evaluate", model, table, "-o", report)
    told = run(capsys, "baseline", table, "--compare", report, status=2)[1]
    assert "is about numbers, and this ladder about classes: give --target COLUMN or --regression" in told


def test_it_is_said_why_there_are_no_intervals(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, table = str(tmp_path / "m.cnncodes"), folder / "few.csv"
    pd.read_csv(folder / "all.csv").assign(group=lambda rows: rows.who % 3).to_csv(table, index=False)
    arguments = ["--target", "level", "--head", "ridge"]
    why = "takes at least 9 held-out training images (or groups); there are 3."
    shown = run(capsys, "fit", str(table), "-o", out, *arguments, *VIEWS)[0]
    assert "No intervals: an interval that holds 0.9 of the truths" in shown and why in shown
    shown = run(capsys, "evaluate", out, str(table), "--split", "test")[0]
    assert "No intervals: an interval that holds 0.9 of the truths" in shown and why in shown
