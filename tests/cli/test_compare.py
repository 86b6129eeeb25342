"""``cnncodes compare``: saved classifiers and files of predictions on the same images."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cnncodes.cli import main
from cnncodes.commands.prediction_files import read_predictions


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with pictures of two classes in two parts, and classifiers that know one, or both."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("made")
    for part in ("train", "test"):
        for label, bright in (("dark", 80), ("light", 130), ("lighter", 190)):
            (folder / "photos" / part / label).mkdir(parents=True)
            for i in range(4):
                pixels = rng.integers(bright - 60, bright + 60, (40, 48, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / "photos" / part / label / f"{i}.png")
    common = ["-q", "--memory", str(folder / "memory"), "--train-views", "center", "--test-views", "center"]
    for head in ("centroid", "lda"):
        out = str(folder / f"{head}.cnncodes")
        assert main(["fit", str(folder / "photos"), "-o", out, "--head", head, *common]) == 0
    return folder


def compare(made: Path, *models: str, options: tuple[str, ...] = (), src: str = "photos") -> int:
    paths = [str(made / model) for model in models]
    return main(["compare", *paths, str(made / src), "-q", "--memory", str(made / "memory"), *options])


def predict(made: Path, model: str, out: str, *options: str) -> None:
    asked = ["predict", str(made / model), str(made / "photos"), "-o", str(made / out), "-q"]
    assert main([*asked, "--memory", str(made / "memory"), *options]) == 0


def test_two_classifiers_in_words_and_json(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = ("centroid.cnncodes", "lda.cnncodes")
    assert compare(made, *models, options=("-o", str(made / "compared.json"))) == 0
    text = capsys.readouterr().out
    assert "2 classifiers on the same 12 images" in text and ", part test" in text
    assert "first - second" in text and "log loss" in text and "difference" in text
    assert compare(made, *models, options=("--json",)) == 0
    found = json.loads(capsys.readouterr().out)
    written = json.loads((made / "compared.json").read_text())
    assert written["pairs"] == found["pairs"] and found["n"] == 12
    again = written["reproduce"]
    assert [Path(one["model"]).name for one in again["models"]] == list(models)
    assert all(len(one["model_sha256"]) == 64 for one in again["models"])
    assert again["command"].startswith("cnncodes compare ") and again["split"] == "test"
    [pair] = found["pairs"]
    values = [entry["accuracy"]["value"] for entry in found["classifiers"]]
    assert pair["accuracy"]["value"] == pytest.approx(values[0] - values[1])
    test = pair["mcnemar"]
    assert test["both"] + test["neither"] + test["only_first"] + test["only_second"] == 12
    assert pair["sentence"] in text.replace("No ", "no ")


@pytest.mark.slow
def test_predictions_say_what_their_classifier_says(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predict(made, "centroid.cnncodes", "centroid.csv", "--top-k", "3")
    predict(made, "centroid.cnncodes", "centroid.parquet", "--top-k", "3")
    predict(made, "lda.cnncodes", "short.csv")
    capsys.readouterr()
    models = ("centroid.cnncodes", "centroid.csv", "centroid.parquet", "short.csv", "lda.cnncodes")
    assert compare(made, *models, options=("--json",)) == 0
    found = json.loads(capsys.readouterr().out)
    own, *others, short, lda = found["classifiers"]
    for other in others:
        assert other["accuracy"] == own["accuracy"]
        assert other["log_loss"]["value"] == pytest.approx(own["log_loss"]["value"], abs=1e-4)
    assert short["accuracy"] == lda["accuracy"] and short["log_loss"] is None
    last = found["pairs"][-1]
    assert last["accuracy"]["low"] is None and "no interval" in last["missing"]["accuracy"]
    assert "no probabilities of" in last["missing"]["log_loss"]
    assert compare(made, *models) == 0
    assert "raised for the number of pairs" in capsys.readouterr().out


def test_images_without_an_answer_are_left_out_and_counted(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predict(made, "centroid.cnncodes", "whole.csv", "--split", "test")
    lines = (made / "whole.csv").read_text().splitlines()
    (made / "part.csv").write_text("\n".join(lines[:-2]))
    capsys.readouterr()
    assert compare(made, "part.csv", "lda.cnncodes", options=("--json",)) == 3
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert found["n"] == 10 and found["failed"] == 2
    said = "2 of 12 images have no answer in part.csv and are left out: 'test/lighter/2.png', "
    assert f"warning: {said}'test/lighter/3.png'\n" in shown.err and "could not be used" not in shown.err
    assert [entry["failed"] for entry in json.loads(shown.out)["classifiers"]] == [2, 0]
    (made / "other.csv").write_text("\n".join([lines[0], *lines[2:]]))
    compare(made, "part.csv", "other.csv", "lda.cnncodes")
    told = capsys.readouterr()
    assert "3 images without an answer of all (part.csv lacks 2, other.csv lacks 1)." in told.out
    assert "1 of 12 images has no answer in other.csv and is left out: 'test/dark/0.png'\n" in told.err
    assert "more than --max-failures 1% allows" in told.err


def test_an_image_that_cannot_be_read_is_told_once_with_the_reason(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{made}/photos/test/{label}/{i}.png,{label}" for label in ("dark", "light") for i in range(3)]
    (tmp_path / "bad.png").write_bytes(b"no image")
    (tmp_path / "t.csv").write_text("\n".join(["image,label", *rows, "bad.png,dark"]))
    assert compare(made, "centroid.cnncodes", "lda.cnncodes", src=str(tmp_path / "t.csv")) == 3
    said = capsys.readouterr().err
    assert said.count("1 of 7 images could not be used: 'bad.png' (") == 1 and ".cnncodes)" not in said


def test_images_that_were_trained_on_are_told(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(made, "centroid.cnncodes", "lda.cnncodes", options=("--split", "train")) == 0
    assert "lda.cnncodes was trained on, or chosen by, 12 of these images" in capsys.readouterr().err


def test_groups_that_were_trained_on_are_told_of_each_classifier(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = ("dark", "light", "lighter")
    rows = [
        f"photos/{part}/{label}/0.png,{label},{part},{label}"
        for part in ("train", "test")
        for label in labels
    ]
    (made / "seen.csv").write_text("\n".join(["image,label,split,group", *rows]))
    rows = [f"photos/test/{label}/{i}.png,{label},{i}" for label in labels for i in range(4)]
    (made / "other.csv").write_text("\n".join(["image,label,group", *rows]))
    other = str(made / "other.cnncodes")
    views = ("--train-views", "center", "--test-views", "center")
    assert main(["fit", str(made / "other.csv"), "-o", other, "--head", "lda", "-q", *views]) == 0
    capsys.readouterr()
    models = ("centroid.cnncodes", "other.cnncodes")
    assert compare(made, *models, src="seen.csv", options=("--json",)) == 0
    shown = capsys.readouterr()
    said = "was trained on other images of the groups that 3 of these 3 images are of: its figures flatter"
    assert f"centroid.cnncodes {said}" in shown.err and f"other.cnncodes {said}" not in shown.err
    assert "other.cnncodes was trained on, or chosen by, 3 of these images" in shown.err
    found = [entry["groups_trained_on"] for entry in json.loads(shown.out)["classifiers"]]
    assert found == [3, 0]


def refuse(made: Path, capsys: Any, status: int, *models: str, src: str = "photos") -> str:
    assert compare(made, *models, src=src) == status
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return str(said)


def test_bad_input_is_one_line(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predict(made, "centroid.cnncodes", "good.csv", "--split", "test")
    good = (made / "good.csv").read_text()
    (made / "other.csv").write_text("image,label\na.png,dark\n")
    (made / "twice.csv").write_text(good + good.splitlines()[1] + "\n")
    (made / "elsewhere.csv").write_text(good.replace("test/", "tset/"))
    (made / "abstained.csv").write_text("image,prediction,probability,answered,reason\na,dark,0.9,true,\n")
    (made / "number.csv").write_text("image,prediction,probability\ntest/dark/0.png,dark,much\n")
    lda = "lda.cnncodes"
    assert "must be at least two" in refuse(made, capsys, 2, lda)
    assert "is there twice" in refuse(made, capsys, 2, lda, lda)
    assert "no column 'prediction'" in refuse(made, capsys, 1, "other.csv", lda)
    assert "more than once" in refuse(made, capsys, 1, "twice.csv", lda)
    assert "Predict the same source" in refuse(made, capsys, 1, "elsewhere.csv", lda)
    assert "the probability 'much': expected a number" in refuse(made, capsys, 1, "number.csv", lda)
    assert "without it" in refuse(made, capsys, 1, "abstained.csv", lda)
    row = "test/dark/1.png,dark,{},light,{}\n"
    head = "image,prediction,probability,prediction_2,probability_2\n" + row.format("0.6", "0.4")
    for name, shares, said in (
        (
            "much.csv",
            ("9.9", "0.1"),
            "much.csv: row 2 has the probability '9.9': expected a number from",
        ),
        ("below.csv", ("0.9", "-0.1"), "row 2 has the probability '-0.1'"),
        ("nan.csv", ("nan", "0.1"), "row 2 has the probability 'nan'"),
        ("sum.csv", ("0.9", "0.3"), "sum.csv: the probabilities of row 2 sum to 1.2: expected 1 at most"),
    ):
        (made / name).write_text(head + row.replace("1.png", "2.png").format(*shares))
        assert said in refuse(made, capsys, 1, name, lda)
    assert "holds no labelled images" in refuse(made, capsys, 1, lda, "good.csv", src="photos/test/dark")


def test_intervals_and_tests_go_by_groups(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        f"photos/test/{label}/{i}.png,{label},{label}{i % 2}"
        for label in ("dark", "light", "lighter")
        for i in range(4)
    ]
    (made / "table.csv").write_text("\n".join(["image,label,group", *rows]))
    assert compare(made, "centroid.cnncodes", "lda.cnncodes", src="table.csv") == 0
    assert "go by whole groups, of which there are 6, too few" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("test/dark/2.png,light,0.6,bark,0.4", "row 2 others than most: 'bark'"),
        ("test/dark/2.png,light,0.6,dark,0.2", "those of row 2 sum to 0.8, so that classes are missing"),
        ("test/dark/2.png,light,0.6,dark,", "row 2 has no 'probability_2'"),
        ("test/dark/2.png,light,0.6,,0.4", "row 2 does not name 2 classes"),
    ],
)
def test_why_a_file_has_no_probabilities_is_said_with_the_row(tmp_path: Path, last: str, said: str) -> None:
    rows = ["image,prediction,probability,prediction_2,probability_2", "test/dark/1.png,dark,0.6,light,0.4"]
    (tmp_path / "said.csv").write_text("\n".join([*rows, last]))
    found = read_predictions(str(tmp_path / "said.csv"))
    assert found.proba is None and said in found.why_no_proba and len(found.labels) == 2
    assert "" not in found.classes


def test_an_empty_or_missing_prediction_is_no_answer(tmp_path: Path) -> None:
    path, images = tmp_path / "said.parquet", ["a.png", "b.png", "c.png"]
    for predicted in (["dark", "", None], [1.5, math.nan, None]):
        pq.write_table(pa.table({"image": images, "prediction": predicted}), path)
        found = read_predictions(str(path))
        assert found.labels.tolist() == found.classes.tolist() == [str(predicted[0])]
        assert found.rows == {"a.png": 0}


def write_answers(made: Path, name: str, answers: list[Any]) -> None:
    images = [f"test/{label}/{i}.png" for label in ("dark", "light", "lighter") for i in range(4)]
    pq.write_table(pa.table({"image": images, "prediction": answers}), made / name)


def test_answers_of_a_file_that_are_no_class_are_told(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_answers(made, "some.parquet", ["dark"] * 7 + ["NaN"] * 4 + ["drak"])
    assert compare(made, "some.parquet", "lda.cnncodes") == 0
    said = "5 answers of some.parquet are of no class here, and count as wrong: 'NaN', 'drak'\n"
    assert said in capsys.readouterr().err


def test_a_file_none_of_whose_answers_is_a_class_is_refused(made: Path, capsys: Any) -> None:
    write_answers(made, "numbers.parquet", [float(i) for i in range(12)])
    said = refuse(made, capsys, 2, "numbers.parquet", "lda.cnncodes")
    assert "no answer of numbers.parquet is a class of these images: it says '0.0', '1.0', '10.0' and" in said
    assert "the labels are 'dark', 'light', 'lighter'" in said


def test_a_classifier_that_knows_no_class_of_the_images_is_told_once_by_name(made: Path, capsys: Any) -> None:
    (made / "words.csv").write_text(
        "image,label\n" + "".join(f"photos/test/dark/{i}.png,{'xy'[i % 2]}\n" for i in range(4))
    )
    assert compare(made, "centroid.cnncodes", "lda.cnncodes", src="words.csv") == 0
    said = capsys.readouterr().err
    assert said.count("lda.cnncodes does not know 'x', 'y': these images count as wrong") == 1
    assert "unknown to the classifier" not in said


@pytest.mark.parametrize("command", ["evaluate", "compare", "predict"])
def test_a_holdout_of_a_source_with_parts_is_said_to_change_nothing(
    command: str, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [str(made / f"{name}.cnncodes") for name in ("centroid", "lda")]
    given = models if command == "compare" else models[:1]
    asked = [command, *given, str(made / "photos"), "--memory", str(made / "memory"), "--holdout", "0.2"]
    assert main(asked) == 0
    said = "--holdout 0.2 changes nothing: the source has parts already (test, train)"
    assert capsys.readouterr().err.count(said) == 1
