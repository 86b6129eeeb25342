"""The baseline beside an evaluation: both on the same images."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes.cli import main
from cnncodes.commands.ladders import render_baseline


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
    only = ["--only", "majority, pixels"]
    assert main(["baseline", source, "--compare", report, *only, "--quiet", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    evaluated = json.loads(Path(report).read_text())
    assert evaluated["n"] == found["n"] == found["raw_pixels"]["accuracy"]["n"] == 7
    assert found["failed"] == 1 and found["majority"]["accuracy"]["n"] == 7
    gap = evaluated["accuracy"]["value"] - found["raw_pixels"]["accuracy"]["value"]
    assert found["difference"]["value"] == pytest.approx(gap)
    compared = found["compared"]
    assert compared["accuracy"] == evaluated["accuracy"]
    assert (compared["name"], compared["n"], compared["cpu_seconds"]) == (str(tmp_path / "m"), 7, None)
    [last] = [
        line for line in render_baseline({**found, "compared": compared}).splitlines() if "/m  " in line
    ]
    assert last.split()[-2:] == ["-", "-"] and f"{evaluated['accuracy']['value']:.3f}" in last
    report_of = json.loads(Path(report).read_text())
    report_of["reproduce"]["training_cpu_seconds"] = 61.25
    Path(report).write_text(json.dumps(report_of))
    assert main(["baseline", source, "--compare", report, *only, "--quiet", "--json"]) == 3
    timed = json.loads(capsys.readouterr().out)
    assert timed["compared"]["cpu_seconds"] == 61.25
    assert "61.2 s" in render_baseline(timed)


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
    assert main(["baseline", source, "--only", "pixels", "-q"]) == 1
    assert "only images of the class 'a' are left to train on: 1 of 4" in capsys.readouterr().err
    (tmp_path / "in/train/a/0.png").write_text("no picture")
    assert main(["baseline", source, "--only", "pixels", "-q"]) == 1
    assert "no image to train on is left: 2 of 4" in capsys.readouterr().err


def test_labels_that_look_like_several_are_said_once_and_before_none_can_be_held_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["image,label"]
    for i, label in enumerate(("sea;sky", "sky;cliff", "sea;cliff")):
        Image.new("RGB", (9, 9), (20 * i, 9, 9)).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,{label}")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    assert main(["baseline", str(tmp_path / "t.csv"), "--only", "majority", "-q"]) == 1
    said = capsys.readouterr().err
    assert said.count("--label-delimiter ';'") == 1 and "no image can be held out" in said


def make_source(folder: Path, count: int = 12) -> str:
    """Write dark and light noise without parts."""
    rng = np.random.default_rng(0)
    for label, low in (("dark", 0), ("light", 128)):
        (folder / label).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(low, low + 128, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{i}.png")
    return str(folder)


#: Runs the command line where files may not grow beyond so many bytes; with -B, else modules that Python
#: compiles would be cut off, too, and stay so.
FULL = """
import resource, sys
import matplotlib.font_manager  # writes its cache, where there is none
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
from cnncodes.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--plot", "-o"])
def test_what_was_found_is_shown_though_it_cannot_be_written(tmp_path: Path, option: str) -> None:
    source, out = make_source(tmp_path / "in", 4), tmp_path / ("a.png" if option == "--plot" else "a.json")
    out.write_bytes(b"what was there")
    command = [
        sys.executable,
        "-B",
        "-c",
        FULL,
        "baseline",
        source,
        "--only",
        "majority",
        option,
        str(out),
        "-q",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1 and "majority class" in done.stdout
    assert str(out) in done.stderr and done.stderr.count("\n") == 1
    assert out.name not in done.stdout  # it is no report of this run
    assert out.read_bytes() == b"what was there"


@pytest.mark.slow
def test_a_plot_may_be_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    source, plot = make_source(tmp_path / "in", 4), tmp_path / "new/a.svg"
    assert main(["baseline", source, "--only", "majority", "--plot", str(plot), "-q"]) == 0
    assert b"<svg" in plot.read_bytes()


@pytest.mark.slow
def test_interrupted_it_shows_and_writes_what_was_tried(tmp_path: Path) -> None:
    source, report = make_source(tmp_path / "in", 16), tmp_path / "r.json"
    command = [sys.executable, "-m", "cnncodes", "baseline", source, "-o", str(report), "-j", "1"]
    job = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert job.stderr is not None and job.stdout is not None
    said = ""
    while "tencrop" not in said:  # after pixels, histograms, one view and its heads
        assert job.poll() is None, said
        said += job.stderr.read(1)
    job.send_signal(signal.SIGINT)
    out, errors = job.communicate(timeout=120)
    assert job.returncode == 130 and "Traceback" not in errors, errors
    assert "center: logistic" in out and "it was interrupted" in out
    found = json.loads(report.read_text())
    assert "codes" in {method["group"] for method in found["methods"]} and f"{report}" in out


@pytest.mark.slow
@pytest.mark.parametrize(("only", "rows"), [("majority,codes", 1), ("codes", 0)])
def test_interrupted_early_it_shows_and_writes_the_guess(tmp_path: Path, only: str, rows: int) -> None:
    source, report = make_source(tmp_path / "in", 16), tmp_path / "r.html"
    command = [sys.executable, "-m", "cnncodes", "baseline", source, "-o", str(report), "--only", only]
    job = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert job.stderr is not None
    said = ""
    while "testing on" not in said:
        assert job.poll() is None, said
        said += job.stderr.read(1)
    time.sleep(0.2)  # its network is being loaded, which takes longer
    job.send_signal(signal.SIGINT)
    out, errors = job.communicate(timeout=120)
    assert job.returncode == 130 and "Traceback" not in errors, errors
    assert out.count("1  majority class") == out.count("before the end of 1 of 2 methods") == rows
    assert report.exists() == bool(rows)
    if rows:
        assert "1 way to classify was tried, trained on 24 images" in report.read_text()


@pytest.mark.slow
def test_everything_is_tried_within_the_budget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, plot, report = make_source(tmp_path / "in"), str(tmp_path / "cost.png"), str(tmp_path / "r.json")
    only = ["--only", "majority,pixels,codes,heads", "--backbones", "efficientnet-lite0"]
    assert main(["baseline", source, *only, "--curve", "--plot", plot, "-o", report, "--budget", "10m"]) == 0
    said = capsys.readouterr()
    assert "25% of each class, held out since the source has no parts" in said.err
    assert "raw pixels, 16 x 16: logistic" in said.out and "flip: ridge" in said.out
    assert "Trained on 18 images, measured on 6, in" in said.out
    with Image.open(plot) as picture:
        assert picture.width > 500
    found = json.loads(Path(report).read_text())
    assert len(found["methods"]) == len(found["answers"]) and len(found["images"]) == found["n"] == 6
    assert [point["images"] for point in found["curve"]["points"]] == [4, 8, 18]
    assert "labelled images instead of 18 would bring" in said.out and "extrapolated" in said.out
    assert found["left_out"] == []
    assert found["recommended"] is None and "6 test images are too few" in found["verdict"]
    assert {method["group"] for method in found["methods"]} == {"majority", "pixels", "codes", "heads"}


def test_what_does_not_fit_is_left_out_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = make_source(tmp_path / "in")
    assert main(["baseline", source, "--budget", "0.0000001s", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert out.count("no time was left") > 5 and "majority class" in out
    assert "There was no time for any codes: whether they are worth it is not known." in out
    long_ago = time.perf_counter() - 100
    assert main(["baseline", source, "--budget", "90s", "--only", "majority,pixels", "--quiet"]) == 0
    assert "no time was left" not in capsys.readouterr().out
    late = ["baseline", source, "--budget", "90s", "--only", "majority,pixels", "--quiet"]
    assert main(late, began=long_ago) == 0  # what the process took before the images counts, too
    assert "no time was left" in capsys.readouterr().out
    assert main(["baseline", source, "--budget", "0.0000001s", "--only", "pixels", "--quiet"]) == 2
    assert "nothing could be tried: raw pixels" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--budget", "soon"],
            "--budget is wrong: must be a time such as 90s, 5m or 1h, or none. Got 'soon'",
        ),
        (["--only", "pixel"], "unknown kind of methods 'pixel'. Did you mean 'pixels'"),
        (["--backbones", "nix"], "unknown backbone 'nix'"),
        (["--plot", "plot.txt"], "must end in .png, .svg or .pdf"),
    ],
)
def test_wrong_options_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    source = make_source(tmp_path / "in", 2)
    assert main(["baseline", source, *options, "-q"]) in (1, 2)
    assert said in capsys.readouterr().err


def test_images_and_groups_on_both_sides_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = make_source(tmp_path / "in", 6)
    rows = [
        f"in/{label}/{i}.png,{label},{part}"
        for label in ("dark", "light")
        for i, part in enumerate(("train", "train", "train", "train", "test", "test"))
    ]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["image,label,split", *rows]) + "\n")
    same = ["--only", "pixels", "-q", "--json"]
    assert main(["baseline", str(table), *same, "--test", "train"]) == 0
    said = capsys.readouterr()
    assert "8 of these 8 test images were trained on, too (equal files)" in said.err
    assert "--holdout" not in said.err
    assert json.loads(said.out)["trained_on"] == 8
    grouped = [f"{row},{'both' if i % 2 else i}" for i, row in enumerate(rows)]
    table.write_text("\n".join(["image,label,split,group", *grouped]) + "\n")
    loud = [option for option in same if option != "-q"]
    assert main(["baseline", str(table), *loud, "--holdout", "0.3"]) == 0
    said = capsys.readouterr()
    assert "2 of these 4 test images are of groups that were trained on" in said.err
    assert "--holdout 0.3 changes nothing: the source has parts already (test, train)" in said.err
    found = json.loads(said.out)
    assert found["groups_trained_on"] == 2 and found["n_groups"] == 3
    assert "\nIntervals draw whole groups, of which there are 3: too few, so" in render_baseline(found)
    assert source


def test_where_nothing_can_be_held_out_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_source(tmp_path / "in", 1)
    assert main(["baseline", source, "-q"]) == 1
    assert "has no parts, and no image can be held out to test on" in capsys.readouterr().err


def test_json_says_how_to_make_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    source, report = make_source(tmp_path / "in"), tmp_path / "r.json"
    asked = ["baseline", source, "-o", str(report), "--only", "majority,pixels", "--budget", "10m"]
    assert main([*asked, "--random-state", "3", "-q"]) == 0
    again = json.loads(report.read_text())["reproduce"]
    command = shlex.split(again["command"])
    assert command[:3] == ["cnncodes", *asked[:2]]
    assert {"majority,pixels", "10m", "--random-state", "3"} <= {*command}
    assert again["date"] == "1970-01-01 00:00 UTC" and again["versions"]["cnncodes"]
    assert (again["source"], again["train"], again["test"]) == (source, "train", "test")
    assert again["holdout"] is None and again["budget"] == "10m"
    assert again["random_states"] == {"folds, draws and bootstrap": 3}
