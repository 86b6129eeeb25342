"""The whole path on the command line, with bad files among the images."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cnncodes import read_codes
from cnncodes.backbones.zoo import find_backbone
from cnncodes.cli import main
from cnncodes.recipes.command import render_quickstart

ODD = 'a "quoted",\nbroken näme.png'


def draw(path: Path, seed: int, *, striped: bool) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 60, (40, 48, 3), dtype=np.uint8)
    if striped:
        pixels[:: int(rng.integers(4, 8))] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for part, n in (("train", 8), ("test", 4)):
        for label in ("7", "plain"):
            for i in range(n):
                name = ODD if (part, i) == ("test", 0) else f"{i}.png"
                draw(folder / part / label / name, 100 * (part == "test") + i, striped=label == "7")
    return folder


@pytest.fixture(scope="module")
def model(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = str(tmp_path_factory.mktemp("model") / "m.cnncodes")
    assert main(["fit", str(photos), "-o", out, "--quiet"]) == 0
    return out


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict[str, object]:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == status
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_fit_on_stored_codes(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes, saved = str(tmp_path / "p.codes"), str(tmp_path / "m.cnncodes")
    embedded = run_json(capsys, "embed", str(photos), "-o", codes, "--views", "flip")
    assert (embedded["images"], embedded["embedded"], embedded["rows"]) == (24, 24, 48)
    again = run_json(capsys, "embed", str(photos), "-o", codes, "--views", "flip")
    assert (again["embedded"], again["unchanged"]) == (0, 24)
    fitted = run_json(capsys, "fit", codes, "-o", saved, "--head", "ridge")
    assert (fitted["images"], fitted["split"], fitted["classes"]) == (16, "train", ["7", "plain"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("views", "is_needless"),
    [(("center",), True), (("flip", "--reduce", "mean"), True), (("flip",), False)],
)
def test_folds_of_their_own_that_change_nothing_are_told(
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    views: tuple[str, ...],
    is_needless: bool,
) -> None:
    """Of one row an image the search averages what prediction does, whatever that is."""
    codes = str(tmp_path / "p.codes")
    assert main(["embed", str(photos / "train"), "-o", codes, "--views", *views, "--quiet"]) == 0
    options = ["--head", "centroid", "--aggregate", "probability", "--out-of-fold"]
    assert main(["fit", codes, "-o", str(tmp_path / "m.cnncodes"), *options]) == 0
    assert ("--out-of-fold changed nothing" in capsys.readouterr().err) == is_needless


@pytest.mark.slow
def test_evaluate_and_the_paired_baseline(
    photos: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = str(tmp_path / "sub" / "report.json")
    found = run_json(capsys, "evaluate", model, str(photos), "-o", report)
    assert (found["n"], found["split"]) == (8, "test")
    written = json.loads(Path(report).read_text())
    assert len(written["predictions"]) == 8
    assert {"brier", "calibration_error", "top_k_accuracy", "confusion", "missing"} <= set(written)
    assert sum(map(sum, written["confusion"])) == written["brier"]["n"] == 8
    assert "fewer than three classes" in written["missing"]["top_k_accuracy"]
    baseline = run_json(capsys, "baseline", str(photos), "--compare", report)
    assert baseline["n"] == 8
    assert baseline["majority"]["accuracy"]["value"] == 0.5  # type: ignore[index]
    assert set(baseline["difference"]) >= {"value", "low", "high"}  # type: ignore[call-overload]


def test_a_report_of_other_images_is_refused(photos: Path, model: str, tmp_path: Path) -> None:
    report = str(tmp_path / "report.json")
    assert main(["evaluate", model, str(photos), "--split", "train", "-o", report, "--quiet"]) == 0
    assert main(["baseline", str(photos), "--compare", report, "--quiet"]) == 2


@pytest.mark.slow
def test_fit_cross_validates_too(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--head", "ridge", "--cv", "3", "--repeats", "2"]
    found = run_json(capsys, "fit", str(photos), "-o", str(tmp_path / "m"), *options)["cross_validation"]
    assert isinstance(found, dict)
    assert (found["folds"], found["repeats"], found["n"], found["accuracy"]["n"]) == (3, 2, 16, 16)
    assert len(found["accuracy_by_repeat"]) == 2 and sum(map(sum, found["confusion"])) == 32
    assert main(["fit", str(photos), "-o", str(tmp_path / "m"), *options[:4]]) == 0
    shown = capsys.readouterr()
    assert "Cross-validation in 3 folds: heads on images that they had not seen" in shown.out
    assert "Brier score" in shown.out and "a head for each of 3 folds" in shown.err
    assert "cross-validating: 3/3 folds" in shown.err
    codes = str(tmp_path / "a.codes")
    run_json(capsys, "embed", str(photos), "-o", codes, "--views", "flip")
    of_codes = run_json(capsys, "fit", codes, "-o", str(tmp_path / "n"), *options)["cross_validation"]
    assert isinstance(of_codes, dict) and of_codes["n"] == 16
    assert main(["fit", codes, "-o", str(tmp_path / "n"), "--cv", "1"]) == 2
    assert main(["fit", codes, "-o", str(tmp_path / "none"), "--repeats", "2"]) == 2
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_unsure_predictions_are_left_empty_and_what_is_unlike_is_told(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved, new = str(tmp_path / "m"), tmp_path / "new"
    run_json(capsys, "fit", str(photos), "-o", saved, "--split", "all")
    draw(new / "a.png", 1, striped=True)
    (new / "text.png").write_text("no picture")
    assert main(["predict", saved, str(new), "--abstain", "0.05", "--novelty"]) == 3
    captured = capsys.readouterr()
    assert "no image is answered: a risk of 0.05 with a confidence of 0.95 takes at least 59" in captured.err
    rows = list(csv.DictReader(captured.out.splitlines()))
    assert list(rows[0]) == ["image", "prediction", "probability", "answered", "novelty", "reason"]
    assert (rows[0]["prediction"], rows[0]["answered"]) == ("", "false") and float(rows[0]["probability"]) > 0
    assert 0 <= float(rows[0]["novelty"]) < 1
    assert (rows[1]["prediction"], rows[1]["answered"], rows[1]["novelty"]) == ("", "", "")

    options = ["--abstain", "0.2", "--top-k", "2", "-o", str(tmp_path / "out.parquet"), "--novelty"]
    assert main(["predict", saved, str(new), *options]) == 3
    captured = capsys.readouterr()
    assert "answered from a probability of" in captured.err and "1 answered and 0 left open" in captured.out
    import pyarrow.parquet as pq

    table = pq.read_table(tmp_path / "out.parquet")
    assert str(table.schema.field("answered").type) == "bool"
    assert table["answered"].to_pylist() == [True, None]
    assert table["prediction"].to_pylist()[0] in ("7", "plain")
    assert main(["predict", saved, str(new), "--abstain", "1.5"]) == 2

    found = run_json(capsys, "evaluate", saved, str(photos), "--abstain", "0.2")["abstention"]
    assert isinstance(found, dict) and found["rule"]["risk"] == 0.2
    assert found["coverage"]["n"] == 8 and found["risk"]["n"] == round(8 * found["coverage"]["value"])
    assert main(["evaluate", saved, str(photos), "--abstain", "0.2"]) == 0
    shown = capsys.readouterr().out
    assert "wrong among the answers" in shown and "at most 0.200" in shown and "100%" in shown
    assert main(["evaluate", saved, str(photos), "--abstain", "0.05"]) == 0
    assert "No image was answered: a risk of 0.05" in capsys.readouterr().out
    assert main(["evaluate", saved, str(photos), "--abstain", "0"]) == 2


@pytest.mark.slow
def test_promises_to_images_unlike_those_of_training_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(24):
        draw(tmp_path / "photos" / ("7" if i % 2 else "plain") / f"{i}.png", i, striped=bool(i % 2))
    saved, rng = str(tmp_path / "m"), np.random.default_rng(0)
    run_json(capsys, "fit", str(tmp_path / "photos"), "-o", saved)
    for i in range(8):
        place = tmp_path / "noise" / ("7" if i % 2 else "plain")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(place / f"{i}.png")
    for command in ("predict", "evaluate"):
        assert main([command, saved, str(tmp_path / "noise"), "--abstain", "0.3"]) == 0
        assert "8 of 8 images are farther from the training images than" in capsys.readouterr().err
        assert main([command, saved, str(tmp_path / "photos"), "--abstain", "0.3"]) == 0
        assert "farther from the training images" not in capsys.readouterr().err


@pytest.mark.slow
def test_one_line_says_that_images_are_few(
    photos: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = tmp_path / "few"
    for label in ("7", "plain"):
        for i in range(3 if label == "7" else 4):
            draw(few / label / f"{i}.png", i, striped=label == "7")
    assert main(["fit", str(few), "-o", str(tmp_path / "m"), "--head", "centroid"]) == 0
    said = capsys.readouterr().err
    assert "2 of 2 classes have at most 5 images (the fewest, 3: '7'): settings" in said
    assert said.count("warning") == 1
    assert main(["fit", str(photos), "-o", str(tmp_path / "m"), "--head", "centroid"]) == 0
    assert "mostly chance" not in capsys.readouterr().err
    assert main(["evaluate", model, str(photos)]) == 0
    shown = capsys.readouterr().out
    assert "No interval of macro F1: nearly all resamples agree, as where answers" in shown
    assert (
        "2 of 2 classes with images here have fewer than 10 of them, too few" in shown
        and "its true recall may still be 0.51." in shown
    )


@pytest.mark.slow
def test_other_shares_of_the_classes_are_given_or_estimated(
    photos: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    predict = ["predict", model, str(photos), "--split", "test", "--top-k", "2"]
    plain = run_json(capsys, *predict, "-q")
    assert plain["priors"] is None
    given = run_json(capsys, *predict, "-q", "--priors", "7=0.999")
    assert given["priors"] == pytest.approx({"7": 0.999, "plain": 0.001})
    rows = zip(plain["predictions"], given["predictions"], strict=True)  # type: ignore[call-overload]
    for before, after in rows:
        p = before["probability"] if before["prediction"] == "7" else before["probability_2"]
        q = after["probability"] if after["prediction"] == "7" else after["probability_2"]
        assert q == pytest.approx(p * 0.999 / (p * 0.999 + (1 - p) * 0.001))
    assert main([*predict, "--priors", "estimate"]) == 0
    said = capsys.readouterr().err
    assert "probabilities for 7 " in said and "2 classes are estimated on 8 images" in said
    for wrong, message in (
        (["--priors", "7"], "must be CLASS=SHARE"),
        (["--priors", "7=0.1", "--priors", "7=0.2"], "given twice"),
        (["--priors", "8=0.1"], "'8', which is no class"),
        (["--priors", "7=0.1", "--abstain", "0.1"], "leave out --abstain or --priors"),
    ):
        assert main([*predict, *wrong]) == 2
        assert message in capsys.readouterr().err


def test_predictions_as_a_table_with_odd_names_and_bad_files(
    photos: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    draw(new / ODD, 1, striped=True)
    (new / "text.png").write_text("no picture")
    assert main(["predict", model, str(new), "--top-k", "5"]) == 3
    captured = capsys.readouterr()
    rows = list(csv.DictReader(captured.out.splitlines(keepends=True)))
    assert [row["image"] for row in rows] == [ODD, "text.png"]
    assert {rows[0]["prediction"], rows[0]["prediction_2"]} == {"7", "plain"}
    assert float(rows[0]["probability"]) >= float(rows[0]["probability_2"])
    assert rows[1]["prediction"] == "" and rows[1]["reason"]
    assert "text.png" in captured.err
    assert main(["predict", model, str(new), "-o", str(tmp_path / "p.json")]) == 2
    assert "As JSON they go to stdout, by --json." in capsys.readouterr().err
    out = tmp_path / "p.parquet"
    assert main(["predict", model, str(new), "-o", str(out), "--max-failures", "1", "--quiet"]) == 0
    table = pq.read_table(out).to_pylist()
    assert [row["prediction"] for row in table] == [rows[0]["prediction"], None]


@pytest.mark.slow
@pytest.mark.parametrize(
    "head",
    ["knn", pytest.param("rbf-svm", marks=pytest.mark.slow), pytest.param("auto", marks=pytest.mark.slow)],
)
def test_fit_says_what_was_chosen_and_why(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], head: str
) -> None:
    codes, saved = str(tmp_path / "p.codes"), str(tmp_path / "p.cnncodes")
    assert main(["embed", str(photos), "-o", codes, "--quiet"]) == 0
    capsys.readouterr()
    assert main(["fit", codes, "-o", saved, "--head", head]) == 0
    said = capsys.readouterr().out
    fitted = run_json(capsys, "fit", codes, "-o", saved, "--head", head)
    assert (fitted["head"], fitted["chosen"] == head) == (head, head != "auto")
    assert f"{fitted['chosen']}" in said and (fitted["k"] is not None) == (fitted["chosen"] == "knn")
    if head == "auto":
        assert said.startswith(f"auto chose {fitted['chosen']}: its log-loss") and fitted["reason"] in said
    else:
        assert fitted["reason"] is None
    assert main(["predict", saved, str(photos), "--quiet"]) == 0


@pytest.mark.parametrize("command", ["embed", "fit", "predict", "evaluate"])
def test_the_limit_on_pixels_is_heard(
    command: str, photos: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [model] if command in ("predict", "evaluate") else ["-o", str(tmp_path / "out")]
    main([command, *given, str(photos), "--max-pixels", "1000"])
    assert "40 pixels are more than the limit of 1000" in capsys.readouterr().err


def test_one_image_can_be_predicted(photos: Path, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = run_json(capsys, "predict", model, str(photos / "test" / "7" / "1.png"))
    assert found["images"] == 1


@pytest.mark.slow
def test_fit_leaves_unreadable_images_out_and_says_so(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for label in ("a", "b"):
        for i in range(5):
            draw(tmp_path / "in" / label / f"{i}.png", i, striped=label == "a")
    (tmp_path / "in" / "a" / "empty.png").touch()
    out = str(tmp_path / "m.cnncodes")
    assert main(["fit", str(tmp_path / "in"), "-o", out]) == 3
    assert "empty.png" in capsys.readouterr().err
    assert main(["fit", str(tmp_path / "in"), "-o", out, "--max-failures", "10%", "--quiet"]) == 0
    assert main(["fit", str(tmp_path / "in"), "-o", out, "--on-error", "raise", "--quiet"]) == 1
    assert "--on-error skip (in Python on_error='skip') drops them with a warning" in capsys.readouterr().err
    options = ["--cv", "2", "--head", "centroid", "--out-of-fold"]
    assert main(["fit", str(tmp_path / "in"), "-o", out, "--max-failures", "10%", *options]) == 0
    said = capsys.readouterr().err
    assert said.count("They were left out, with their labels") == 1
    assert "--out-of-fold changed nothing" in said


def test_folds_that_cannot_be_made_are_said_before_the_fit(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = sorted((photos / "train/plain").glob("*.png"))[:4]
    rows = [f"{path},{'ab'[i % 2]},{'AB'[i % 2]}" for i, path in enumerate(paths)]
    (tmp_path / "table.csv").write_text("\n".join(["image,label,group", *rows]))
    assert main(["fit", str(tmp_path / "table.csv"), "-o", str(tmp_path / "m"), "--cv", "3"]) == 1
    told = capsys.readouterr().err
    assert (
        "no folds can be made: 2 of 2 classes ('a', 'b') have images of 1 group" in told
        and "fitting" not in told
    )


@pytest.mark.slow
def test_intervals_are_by_the_groups_of_a_table(
    photos: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The images that are told wrong are all of one group: drawn together, they may be all or none."""
    paths = sorted((photos / "train/plain").glob("*.png"))[:8]
    lines = [f"{path},{('plain', '7')[i % 2]},{('one', 'other')[i % 2]}" for i, path in enumerate(paths)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["image,label,patient", *lines]))
    plain, grouped = (
        run_json(capsys, "evaluate", model, str(table), *options)["log_loss"]
        for options in ((), ("--group-column", "patient"))
    )
    assert grouped["value"] == plain["value"]
    assert grouped["low"] < plain["low"] < plain["high"] < grouped["high"]


def test_what_has_no_label_or_an_unknown_one_is_said(
    photos: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "table.csv"
    labels = ["7", "plain", "", "strange"]
    lines = [f"{photos}/train/plain/{i}.png,{label}" for i, label in enumerate(labels)]
    table.write_text("\n".join(["image,label", *lines]))
    assert main(["evaluate", model, str(table)]) == 0
    shown = capsys.readouterr()
    assert f"1 of 4 images have no label and are left out: '{photos}/train/plain/2.png'" in shown.err
    assert "1 of the classes here is unknown to the classifier, so its 1 image counts" in shown.err
    assert "strange (unknown to the classifier)" in shown.out
    table.write_text(table.read_text().replace(",plain", ",odd").replace(",7", ",7|plain"))
    assert main(["evaluate", model, str(table), "-q"]) == 1
    said = capsys.readouterr().err
    assert "knows none of the classes here, such as '7|plain'; its own are such as" in said


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["fit", "{photos}/train/plain", "-o", "{tmp}/x"], 1),
        (["embed", "{tmp}/nowhere", "-o", "{tmp}/x"], 1),
        (["embed", "{tmp}", "-o", "{tmp}/x"], 1),
        (["embed", "{photos}", "-o", "{tmp}/x", "--split", "val"], 1),
        (["embed", "{photos}/train", "-o", "{tmp}/x", "--split", "train"], 1),
        (["embed", "{photos}", "-o", "{tmp}/x", "--holdout", "1"], 2),
        (["evaluate", "{tmp}/nowhere", "{photos}"], 1),
        (["embed", "{photos}", "-o", "{tmp}/x", "--backbone", "efficientnet-light0"], 1),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], status: int, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([a.format(photos=photos, tmp=tmp_path) for a in arguments]) == status
    errors = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("fitting ")]
    assert len(errors) == 1
    assert errors[0].startswith("cnncodes: ")


@pytest.mark.slow
def test_predict_loads_no_scikit_learn(photos: Path, model: str) -> None:
    code = (
        "import sys; from cnncodes.cli import main;"
        f"status = main(['predict', {model!r}, {str(photos / 'test')!r}, '--quiet']);"
        "print(status, sorted({'sklearn', 'pandas', 'torch', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


@pytest.mark.slow
def test_images_without_parts_are_held_out_alike_by_every_step(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = str(photos / "train"), str(tmp_path / "run")
    found = run_json(capsys, "run", "quickstart", "--data", source, "-o", out)
    steps: dict[str, dict[str, object]] = found["steps"]  # type: ignore[assignment]
    assert [steps[name]["images"] for name in ("codes", "fit", "predict")] == [12, 12, 4]
    assert (steps["evaluate"]["n"], steps["baseline"]["n"]) == (4, 4)
    trained = {row["image"] for row in pq.read_table(tmp_path / "run" / "train.codes" / "data").to_pylist()}
    tested = {row["image"] for row in csv.DictReader((tmp_path / "run" / "predictions.csv").open())}
    assert len(trained) == 12 and len(tested) == 4 and not trained & tested
    told = render_quickstart({**found, "examples": []})
    assert {f"{path}" for path in Path(out).iterdir()} <= set(told.split())


@pytest.mark.slow
def test_a_recipe_leaves_a_record_and_can_be_run_again(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    arguments = [
        "run",
        "fixed-extractor",
        "--data",
        str(photos),
        "-o",
        str(out),
        "--set",
        "fit.random_state=3",
    ]
    first = run_json(capsys, *arguments)
    record = json.loads((out / "run.json").read_text())
    assert record["finished"] and record["seeds"] == {"codes": 0, "fit": 3}
    assert record["spaces"]["codes"]["backbone"] == "efficientnet-lite0"
    assert [step["id"] for step in record["steps"]] == ["codes", "fit", "evaluate"]
    second = run_json(capsys, *arguments)
    assert second["steps"]["codes"]["unchanged"] == 16  # type: ignore[index]
    assert first["steps"]["evaluate"]["accuracy"] == second["steps"]["evaluate"]["accuracy"]  # type: ignore[index]


@pytest.mark.slow
def test_images_that_were_trained_on_are_counted_and_said(
    photos: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    assert main(["evaluate", model, str(photos), "--split", "all", "-o", str(report), "--json"]) == 0
    shown = capsys.readouterr()
    assert "warning: 16 of these 24 images were trained on, or chosen by: the figures flatter" in shown.err
    assert json.loads(shown.out)["trained_on"] == json.loads(report.read_text())["trained_on"] == 16
    assert run_json(capsys, "evaluate", model, str(photos))["trained_on"] == 0
    main(["evaluate", model, str(photos)])
    assert "trained on" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["fit", "predict", "evaluate"])
@pytest.mark.parametrize("out", ["a-folder.{}", "a-file/out.{}"])
def test_what_cannot_be_written_is_said_before_any_work(
    command: str, out: str, photos: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = out.format("json" if command == "evaluate" else "csv")
    (tmp_path / "a-folder.csv").mkdir()
    (tmp_path / "a-folder.json").mkdir()
    (tmp_path / "a-file").touch()
    before = [str(photos)] if command == "fit" else [model, str(photos)]
    assert main([command, *before, "-o", str(tmp_path / out)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"cnncodes: cannot write {tmp_path / out}: ")


def replaces(tmp_path: Path, *arguments: str) -> bool:
    """Tell whether a command that must fail has changed a file."""

    def state() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    before = state()
    assert main([*arguments, "-q"]) in (1, 2)
    return state() != before


@pytest.mark.slow
def test_nothing_that_a_command_reads_is_replaced(
    photos: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(photos, tmp_path / "photos")
    shutil.copy(model, tmp_path / "m.json")
    photo = next((tmp_path / "photos").rglob("*.png"))
    table = tmp_path / "t.csv"
    table.write_text(f"image,label\n{photo},a\n")
    own, other = str(tmp_path / "photos"), str(tmp_path / "m.json")
    for arguments in (
        ["fit", own, "-o", str(photo)],
        ["fit", str(table), "-o", str(table)],
        ["fit", str(table), "-o", str(photo)],
        ["predict", model, str(table), "-o", str(table)],
        ["evaluate", other, own, "-o", other],
        ["evaluate", model, own, "-o", str(photo)],
        ["baseline", own, "-o", str(photo)],
        ["views", "show", str(photo), "-o", str(photo)],
    ):
        assert not replaces(tmp_path, *arguments), arguments
        assert capsys.readouterr().err.count("\n") == 1
    assert main(["fit", own, "-o", other, "-q"]) == 0  # a classifier gives way to a newer one


@pytest.mark.slow
def test_fit_on_unfinished_codes_warns(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes, out = tmp_path / "p.codes", str(tmp_path / "m.cnncodes")
    assert main(["embed", str(photos), "-o", str(codes), "--quiet"]) == 0
    assert main(["fit", str(codes), "-o", out, "--quiet"]) == 0
    assert "incomplete" not in capsys.readouterr().err
    manifest = json.loads((codes / "manifest.json").read_text())
    (codes / "manifest.json").write_text(json.dumps({**manifest, "complete": False}))
    assert main(["fit", str(codes), "-o", out, "--quiet"]) == 0
    expected = "cnncodes: warning: the codes are incomplete: the job that wrote them did not finish"
    assert expected in capsys.readouterr().err


@pytest.mark.slow
def test_fit_warns_where_nothing_could_be_held_out(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for label in ("a", "b"):
        draw(tmp_path / "two" / label / "0.png", ord(label), striped=label == "a")
    out = str(tmp_path / "m.cnncodes")
    said = "--holdout 0.25 held nothing out"
    assert main(["fit", str(tmp_path / "two"), "-o", out, "--holdout", "0.25", "--quiet"]) == 0
    assert said in capsys.readouterr().err
    draw(tmp_path / "two" / "a" / "1.png", 7, striped=True)
    assert main(["fit", str(tmp_path / "two"), "-o", out, "--holdout", "0.25", "--quiet"]) == 0
    assert said not in capsys.readouterr().err
    for source, warned in (("parts", True), ("photos", False)):
        if source == "parts":
            (tmp_path / source / "val").mkdir(parents=True)
            (tmp_path / source / "train").symlink_to(photos / "train")
            (tmp_path / source / "val" / "7").symlink_to(photos / "test" / "7")
        where = str(photos if source == "photos" else tmp_path / source)
        assert main(["fit", where, "-o", out, "--holdout", "0.25", "--quiet"]) == 0
        assert (said in capsys.readouterr().err) == warned


def test_another_resize_is_another_space(photos: Path, tmp_path: Path) -> None:
    source = find_backbone("efficientnet-lite0")
    shutil.copytree(source, tmp_path / "bb")
    card = (tmp_path / "bb/card.toml").read_text()
    assert "resize = 256" in card
    (tmp_path / "bb/card.toml").write_text(card.replace("resize = 256", "resize = 288"))
    out = str(tmp_path / "x.codes")
    assert main(["embed", str(photos), "-o", out, "--split", "train", "-q"]) == 0
    before = read_codes(out).to_arrow()
    assert main(["embed", str(photos), "-o", out, "--backbone", str(tmp_path / "bb"), "-q"]) == 1
    assert read_codes(out).to_arrow().equals(before)
    fit = ["fit", out, "-o", str(tmp_path / "m.cnncodes"), "--backbone", str(tmp_path / "bb"), "-q"]
    assert main(fit) == 1


def test_a_warning_is_said_although_the_work_fails(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "x.codes")
    assert main(["embed", str(photos / "train/plain"), "-o", out, "-q"]) == 0
    manifest = tmp_path / "x.codes/manifest.json"
    manifest.write_text(manifest.read_text().replace('"complete": true', '"complete": false'))
    assert main(["fit", out, "-o", str(tmp_path / "m"), "-q"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "the codes are incomplete" in lines[0] and "no labelled image" in lines[1]


def test_a_label_that_looks_missing_is_pointed_out(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "table.csv"
    labels = ["nan", "a", "a", "nan"]
    lines = [f"{photos}/train/plain/{i}.png,{label}" for i, label in enumerate(labels)]
    table.write_text("\n".join(["image,label", *lines]))
    assert main(["fit", str(table), "-o", str(tmp_path / "m"), "-q"]) == 0
    assert "the label 'nan' of 2 images is taken as a class" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["fit", "--hed", "ridge"], ["fit", "x", "--hed=ridge"]])
def test_an_unknown_flag_is_named_before_what_is_missing(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "unknown argument '--hed'. Did you mean '--head'?" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--label-delimiter", "--target", "--regression"])
def test_fine_tuning_says_that_it_is_for_classes(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["finetune", "photos.csv", "-o", "tuned", f"{flag}=a"]) == 2
    shown = capsys.readouterr().err
    assert f"unknown argument '{flag}'. Fine-tuning is for classes, one an image: numbers and" in shown
    assert "'cnncodes fit'" in shown and "Did you mean" not in shown


@pytest.mark.usefixtures("_obeys_rights")
def test_a_folder_that_cannot_be_listed_is_one_failure_and_said_with_what_to_do(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    draw(new / "a.png", 1, striped=True)
    (new / "lost+found").mkdir(mode=0)
    for command in (["predict", model, str(new)], ["embed", str(new), "-o", str(tmp_path / "x.codes")]):
        for more, status in ([], 3), (["--max-failures", "1"], 0):
            assert main([*command, *more]) == status
            said = "the folder cannot be listed: Permission denied; see to it that it can be"
            assert f"'lost+found/' ({said}" in capsys.readouterr().err
    assert main(["fit", str(new), "-o", str(tmp_path / "m")]) == 1
    assert "hidden folders are passed over" in capsys.readouterr().err
