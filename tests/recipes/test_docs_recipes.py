"""What docs/recipes.md says of recipes is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes.cli import main
from cnncodes.cli.entry import ALL_COMMANDS
from cnncodes.cli.parser import parse
from cnncodes.commands import COMMANDS
from cnncodes.recipes import read_recipe
from cnncodes.recipes.recipe import change_settings, check_recipe, place_recipe

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder that holds the example, ``photos`` and ``other``."""
    rng = np.random.default_rng(0)
    for source in ("photos", "other"):
        for label, colour in (("daisy", (250, 240, 120)), ("poppy", (220, 30, 30))):
            (tmp_path / source / label).mkdir(parents=True)
            for number in range(8):
                pixels = np.clip(np.array(colour) + rng.integers(-30, 30, (48, 48, 3)), 0, 255)
                Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / source / label / f"{number}.png")
    [text] = blocks("toml")
    file = tmp_path / "two-heads.toml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return file


def test_the_example_is_right(example: Path) -> None:
    recipe = read_recipe(example)
    assert recipe.name == example.stem
    check_recipe(place_recipe(recipe, None, "run"))


@pytest.mark.slow
def test_its_commands_run_one_after_another(example: Path) -> None:
    for line in "".join(blocks("sh")).splitlines():
        assert main(shlex.split(line, comments=True)[1:]) == 0, line
    made = {"ridge.cnncodes", "svm.cnncodes", "ridge.json", "svm.json", "run.json"}
    for folder in ("cnncodes-two-heads", "other-run", "flipped", "repeated"):
        assert made <= {path.name for path in (example.parent / folder).iterdir()}


def test_the_setting_in_the_text_is_right(example: Path) -> None:
    [line] = re.findall(r"`(--set '[^`]*)`", TEXT)
    _, values = parse(ALL_COMMANDS, ["run", "x", *shlex.split(line)])
    changed = change_settings(read_recipe(example), values["set"])
    check_recipe(place_recipe(changed, None, "run"))
    assert {step.id: step for step in changed.steps}["svm"].options["out"] == "${out}/other.cnncodes"


def test_every_command_stands_there_with_its_results() -> None:
    rows = re.findall(r"^\| `([a-z ]+)` \| ((?:`[a-z_]+`(?:, )?)+) \|$", TEXT, re.MULTILINE)
    described = {name: tuple(re.findall("`([^`]+)`", results)) for name, results in rows}
    assert described == {name: command.results for name, command in COMMANDS.items()}
