"""Stored codes instead of images on the command line: predict and evaluate answer them alike."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cnncodes.cli import main

VIEWS = ["--train-views", "flip", "--test-views", "flip", "--backbone", "small"]
N = 40
#: Of each of the tasks the options of fit and of embed that tell it, and those of predict and evaluate.
TASKS = {
    "classes": (["--out-of-fold"], [], ["--abstain", "0.3"], []),
    "numbers": (["--target", "level"], ["--label-column", "level"], ["--coverage", "0.5"], []),
    "labels": (["--label-delimiter", "|", "--label-column", "tags"], ["--label-column", "tags"], [], []),
}


@pytest.fixture(scope="module")
def table(small_network: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a table of pictures, the darker half of them of another class, with the parts train and test."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    rows = []
    for i, level in enumerate(np.linspace(20, 230, N)):
        noise = rng.normal(0, 15, (8, 8, 3)).repeat(8, axis=0).repeat(8, axis=1)
        Image.fromarray(np.clip(level + noise, 0, 255).astype(np.uint8)).save(root / f"{i:02}.png")
        row = {
            "image": f"{i:02}.png",
            "level": level,
            "label": "ab"[i >= N // 2],
            "tags": ["a|b", "a", "b"][i // 3 % 3],
        }
        rows.append({**row, "split": "test" if i % 3 == 1 else "train", "group": f"g{i // 2}"})
    pd.DataFrame(rows).to_csv(root / "all.csv", index=False)
    return str(root / "all.csv")


@pytest.fixture(scope="module")
def prepare(table: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what gives a model and stored codes of a task."""
    root, known = tmp_path_factory.mktemp("prepared"), {}

    def make(task: str) -> tuple[str, str]:
        if task not in known:
            known[task] = str(root / f"{task}.cnncodes"), str(root / f"{task}.codes")
            fit, embed, _, _ = TASKS[task]
            assert main(["fit", table, "-o", known[task][0], *VIEWS, *fit, "-q"]) == 0
            stored = ["--views", "flip", "--dtype", "float32", "--backbone", "small"]
            assert main(["embed", table, "-o", known[task][1], *stored, *embed, "-q"]) == 0
        return known[task]

    return make


def run(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert main([*arguments]) == status
    captured = capsys.readouterr()
    # How fast it went differs.
    return captured.out, re.sub("^predicting: .*\n", "", captured.err, flags=re.MULTILINE)


@pytest.mark.parametrize("split", [[], ["--split", "test"]])
@pytest.mark.parametrize("task", list(TASKS))
def test_the_same_table_of_predictions(
    task: str, split: list[str], prepare: Any, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model, codes = prepare(task)
    options = [*TASKS[task][2], *split, "--novelty"]
    of_images = run(capsys, "predict", model, table, *options)[0]
    of_codes = run(capsys, "predict", model, codes, *options)[0]
    assert of_codes == of_images
    assert of_codes.count("\n") == (N if not split else N // 3) + 1


@pytest.mark.parametrize("task", list(TASKS))
def test_the_same_figures(
    task: str, prepare: Any, table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, codes = prepare(task)
    reports = []
    for source, options in ((table, TASKS[task][1]), (codes, [])):
        options = ["--target", "level"] if task == "numbers" and options else options
        shown, told = run(capsys, "evaluate", model, source, *options, "-o", str(tmp_path / "x.json"))
        report = json.loads((tmp_path / "x.json").read_text())
        assert report.pop("src") == report.pop("reproduce")["source"] == source
        reports.append((shown.replace(source, "SRC"), told.replace(source, "SRC"), report))
    assert reports[0] == reports[1]
    assert reports[0][2]["groups_trained_on"] > 0


def test_images_that_failed_when_embedded_are_empty_rows(
    prepare: Any, table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, _ = prepare("classes")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.png").write_bytes((Path(table).parent / "00.png").read_bytes())
    (tmp_path / "new" / "b.png").write_bytes(b"no picture")
    codes = str(tmp_path / "new.codes")
    stored = ["--views", "flip", "--dtype", "float32", "--backbone", "small", "--max-failures", "1", "-q"]
    assert main(["embed", str(tmp_path / "new"), "-o", codes, *stored]) == 0
    of_images = run(capsys, "predict", model, str(tmp_path / "new"), "--top-k", "2", status=3)
    assert run(capsys, "predict", model, codes, "--top-k", "2", status=3) == of_images
    assert "b.png" in of_images[0]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--holdout", "0.2"], "--holdout is for images.*cnncodes embed"),
        (["--max-pixels", "1000"], "--max-pixels is for images"),
        (["--memory", "cache"], "--memory is for images"),
        (["--label-column", "x"], "--label-column"),
        (["--split", "val"], "no part 'val'"),
    ],
)
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_options_of_images_are_refused_by_name(
    command: str, options: list[str], expected: str, prepare: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    status = 1 if options[0] == "--split" else 2
    told = run(capsys, command, *prepare("classes"), *options, "-q", status=status)[1]
    assert re.search(expected, told), told


def test_a_page_needs_the_images(prepare: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "x.html"
    told = run(capsys, "evaluate", *prepare("classes"), "-o", str(page), "-q", status=2)[1]
    assert "pictures" in told and ".json" in told
    assert not page.exists()


def test_other_views_name_both_ways_out(
    prepare: Any, table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = str(tmp_path / "c.codes")
    assert main(["embed", table, "-o", codes, "--views", "center", "--backbone", "small", "-q"]) == 0
    told = run(capsys, "predict", prepare("classes")[0], codes, "-q", status=2)[1]
    assert "--views flip" in told and "--test-views" in told


@pytest.fixture
def broken(table: str, tmp_path: Path) -> Any:
    """Return what makes a table, two of whose pictures cannot be read, with parts or without; and codes."""

    def make(*, parts: bool) -> tuple[str, str]:
        root = Path(table).parent
        rows = pd.read_csv(table)
        rows["image"] = [str(root / name) for name in rows["image"]]
        for name in ("bad1.png", "bad2.png"):
            (tmp_path / name).write_bytes(b"no picture")
            rows.loc[len(rows)] = {**rows.iloc[1].to_dict(), "image": str(tmp_path / name)}
        (rows if parts else rows.drop(columns="split")).to_csv(tmp_path / "some.csv", index=False)
        codes, some = str(tmp_path / "some.codes"), str(tmp_path / "some.csv")
        stored = ["--views", "flip", "--dtype", "float32", "--backbone", "small", "--max-failures", "2", "-q"]
        assert main(["embed", some, "-o", codes, *stored]) == 0
        return some, codes

    return make


@pytest.mark.parametrize("allowed", [0, 2])
def test_images_that_failed_when_embedded_count_where_there_are_no_parts(
    allowed: int, prepare: Any, broken: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, _ = prepare("classes")
    said = []
    for source in broken(parts=False):
        options = ["-o", str(tmp_path / "x.json"), "--max-failures", str(allowed)]
        shown, told = run(capsys, "evaluate", model, source, *options, status=0 if allowed else 3)
        report = json.loads((tmp_path / "x.json").read_text())
        assert (report["failed"], report["failed_of_unknown_part"]) == (2, 0)
        assert "Not in these figures: 2 that could not be used." in shown and "2 of 42 images" in told
        said.append((shown.replace(source, "SRC"), told.replace(source, "SRC")))
    assert said[0] == said[1]


def test_images_that_failed_are_told_apart_where_their_part_is_not_known(
    prepare: Any, broken: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, codes, page = prepare("classes")[0], broken(parts=True)[1], str(tmp_path / "x.json")
    shown, told = run(capsys, "evaluate", model, codes, "-o", page, "--max-failures", "0")
    report = json.loads(Path(page).read_text())
    assert (report["failed"], report["failed_of_unknown_part"]) == (0, 2)
    assert "Not in these figures, and of an unknown part: 2 that could not be used." in shown
    assert "2 images of" in told and "--max-failures does not count them" in told
    shown, _ = run(
        capsys, "evaluate", model, codes, "-o", page, "--split", "all", "--max-failures", "0", status=3
    )
    report = json.loads(Path(page).read_text())
    assert (report["failed"], report["failed_of_unknown_part"]) == (2, 0)
    shown, told = run(capsys, "predict", model, codes, "--split", "test", "--max-failures", "0")
    assert shown.count("\n") == N // 3 + 1 and "2 images of" in told and "no row for them" in told


def test_codes_none_of_whose_images_could_be_read_say_so(
    prepare: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new" / "a").mkdir(parents=True)
    (tmp_path / "new" / "a" / "b.png").write_bytes(b"no picture")
    codes = str(tmp_path / "new.codes")
    stored = ["--views", "flip", "--backbone", "small", "--max-failures", "1", "-q"]
    main(["embed", str(tmp_path / "new"), "-o", codes, *stored])
    told = run(capsys, "evaluate", prepare("classes")[0], codes, status=1)[1]
    assert re.search("none of the 1 images of", told) and "'a/b.png'" in told


@pytest.mark.parametrize("task", list(TASKS))
def test_an_unfinished_dataset_is_told_with_the_results(
    task: str, prepare: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, whole = prepare(task)
    codes, report, rows = str(tmp_path / "u.codes"), str(tmp_path / "x.json"), str(tmp_path / "x.csv")
    shutil.copytree(whole, codes)
    manifest = json.loads(Path(codes, "manifest.json").read_text())
    Path(codes, "manifest.json").write_text(json.dumps({**manifest, "complete": False}))
    assert json.loads(run(capsys, "predict", model, codes, "--json")[0])["incomplete"] is True
    assert json.loads(run(capsys, "predict", model, whole, "--json")[0])["incomplete"] is False
    shown = run(capsys, "predict", model, codes, "-o", rows)[0]
    assert shown == f"Predictions of 40 images of an unfinished dataset: {rows}\n"
    shown = run(capsys, "evaluate", model, codes, "-o", report)[0]
    assert shown.splitlines()[0].endswith(f"{codes}, an unfinished dataset, part test")
    assert json.loads(Path(report).read_text())["incomplete"] is True
