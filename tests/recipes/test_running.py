"""A run and its record, from which it can be repeated."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncodes.cli import main
from cnncodes.commands import Reporter
from cnncodes.errors import StoreError, UsageError
from cnncodes.recipes import Recipe, Step, read_recipe, run_recipe

RECIPE = """
name = "tiny"
description = "Codes, a classifier and its figures."
data = "colours"

[[step]]
id = "codes"
command = "embed"
src = "${data}"
out = "${out}/train.codes"
split = "train"
holdout = 0.5

[[step]]
id = "fit"
command = "fit"
src = "${codes.out}"
out = "${out}/classifier.cnncodes"

[[step]]
id = "evaluate"
command = "evaluate"
model = "${fit.out}"
src = "${data}"
split = "test"
holdout = 0.5
report = "${out}/evaluation.json"
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Write a recipe, and beside it pictures of three colours."""
    rng = np.random.default_rng(0)
    for label, colour in (("red", (200, 40, 40)), ("green", (40, 200, 40)), ("blue", (40, 40, 200))):
        folder = tmp_path / "my recipes" / "colours" / label
        folder.mkdir(parents=True)
        for number in range(6):
            pixels = np.clip(np.array(colour) + rng.integers(-40, 40, (64, 64, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    file = tmp_path / "my recipes" / "tiny.toml"
    file.write_text(RECIPE)
    return file


def read_record(out: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((out / "run.json").read_text())
    return record


@pytest.mark.slow
def test_a_run_is_repeated_from_its_record(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(recipe.parent)
    assert main(["run", "tiny.toml", "--set", "fit.head=ridge", "--set", "codes.views=flip"]) == 0
    out = recipe.parent / "cnncodes-tiny"
    words = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert words[1:] == ["run", "cnncodes-tiny/run.json", "-o", "again"]
    first = read_record(out)
    assert first["data"] == str(recipe.parent / "colours") and first["out"] == str(out)
    assert first["finished"] and first["steps"][0]["options"]["src"] == "colours"
    steps = {step["id"]: step for step in first["recipe"]["step"]}
    assert steps["codes"]["src"] == "${data}" and steps["codes"]["views"] == "flip"
    assert steps["fit"]["src"] == "${codes.out}" and steps["fit"]["head"] == "ridge"
    assert steps["fit"]["out"] == "${out}/classifier.cnncodes"

    monkeypatch.chdir(tmp_path)
    assert main(["run", str(out / "run.json"), "-o", "again"]) == 0
    assert shlex.split(capsys.readouterr().out.splitlines()[-1])[-1] == "again-2"
    again = read_record(tmp_path / "again")
    assert again["recipe"] == first["recipe"] and again["data"] == first["data"]
    assert again["out"] == str(tmp_path / "again")
    assert (tmp_path / "again" / "classifier.cnncodes").read_bytes() == (
        out / "classifier.cnncodes"
    ).read_bytes()
    figures = [
        json.loads((run / "evaluation.json").read_text())["predictions"] for run in (out, tmp_path / "again")
    ]
    assert figures[0] == figures[1] and len(figures[0]) == 9


def test_a_record_goes_where_its_recipe_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_recipe(Recipe("look", "", (Step("a", "models list", {}),)), Reporter(quiet=True), out=Path("first"))
    assert read_record(tmp_path / "first")["data"] is None
    assert main(["run", "first/run.json", "--quiet"]) == 0
    assert (tmp_path / "cnncodes-look" / "run.json").is_file()


def test_a_step_begins_when_it_is_its_turn(tmp_path: Path) -> None:
    reporter = Reporter(quiet=True, began=1.0)
    run_recipe(Recipe("look", "", (Step("a", "models list", {}),)), reporter, out=tmp_path / "run")
    assert reporter.began != 1.0


def test_what_a_step_finds_wrong_is_wrong_with_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "look.toml"
    file.write_text("name='look'\ndescription=''\n[[step]]\nid='a'\ncommand='doctor'\nbackbone='none'\n")
    assert main(["run", str(file), "-o", str(tmp_path / "run"), "--json"]) == 1
    assert "unknown" in json.loads(capsys.readouterr().out)["problems"][0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no valid JSON"),
        ("[" * 100_000, "no valid JSON"),
        ("[]", "no record of a run"),
        ('{"format": 2}', "no record of a run"),
        ('{"format": 1, "recipe": {}}', "a record of format 1"),
        ('{"format": 2, "recipe": {"name": "../x"}}', "description is missing"),
        ('{"format": 2, "data": 3, "recipe": {}}', "data must be a text"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "run.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=words):
        read_recipe(file)


def test_a_file_that_is_no_record_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"mine": 1}')
    recipe = Recipe("r", "d", (Step("a", "doctor", {}),))
    with pytest.raises(UsageError, match="no record of a run"):
        run_recipe(recipe, Reporter(quiet=True), out=tmp_path)
    assert (tmp_path / "run.json").read_text() == '{"mine": 1}'


@pytest.mark.parametrize("below", ["", "further/run"])
def test_a_file_where_the_folder_is_to_be_is_told(recipe: Path, tmp_path: Path, below: str) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    with pytest.raises(UsageError, match=r"notes\.txt is a file, and a run needs a folder: give another -o"):
        run_recipe(read_recipe(recipe), Reporter(quiet=True), out=file / below)
    assert file.read_text() == "mine"


def test_a_folder_that_cannot_be_made_for_another_reason_is_no_bug(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to(tmp_path / "gone")
    with pytest.raises(StoreError, match="cannot write .*run is a link to .*, and nothing is there"):
        run_recipe(read_recipe(recipe), Reporter(quiet=True), out=tmp_path / "run")
