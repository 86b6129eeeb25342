"""``cnncodes models``: what is listed, shown, verified and exported, and with which exit status."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from small_convolutions import write_convolutions
from test_onnx_files import write_file

from cnncodes.backbones import Card, find_backbone, models_folder
from cnncodes.backbones.seen import pack_seen
from cnncodes.cli import main

NAME = "efficientnet-lite0"
SHIPPED = models_folder() / NAME


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's folder of models."""
    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "models"


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["models", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def fail(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["models", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert line.startswith("cnncodes: ")
    return line


def copy_shipped(folder: Path) -> Path:
    shutil.copytree(SHIPPED, folder)
    return folder


def test_list(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [model] = run_json(capsys, "list")["models"]
    assert (model["name"], model["code_size"], model["licence"]) == (NAME, 1280, "Apache-2.0")
    assert Path(model["folder"]) == SHIPPED
    assert main(["models", "list"]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split()[:2] == ["name", "code"]
    assert row.split()[:3] == [NAME, "1280", "Apache-2.0"]


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1 image"), (1000, "1,000 images, a sample where there were more")]
)
def test_of_the_images_that_tuned_a_network_the_number_is_shown(
    number: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy_shipped(tmp_path / "tuned") / "card.toml"
    seen = pack_seen(f"{i:032x}"[::-1] for i in range(number))
    dataclasses.replace(Card.read(path), seen=seen).write(path)
    assert main(["models", "show", str(path.parent)]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("seen")]
    assert line.split(maxsplit=1)[1] == said
    assert run_json(capsys, "show", str(path.parent))["seen"] == seen


def test_list_says_that_the_users_own_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").touch()
    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "home"))
    assert main(["models", "list"]) == 0
    shown = capsys.readouterr()
    assert "cannot be read: Not a directory" in shown.err and "CNNCODES_HOME" in shown.err
    assert "efficientnet-lite0" in shown.out


def test_list_says_which_weights_are_random(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = copy_shipped(home / "drawn")
    dataclasses.replace(Card.read(folder / "card.toml"), random_state=3).write(folder / "card.toml")
    assert main(["models", "list"]) == 0
    _, drawn, trained = capsys.readouterr().out.splitlines()
    assert "Apache-2.0  random weights; EfficientNet-Lite0" in drawn and "random" not in trained


def test_a_random_state_without_random_weights_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert main(["models", "export", "torchvision:resnet18", "--random-state", "7", "-o", out]) == 2
    captured = capsys.readouterr()
    [line] = captured.err.splitlines()
    assert "give --random-weights, too" in line and captured.out == ""


def test_list_has_the_names_that_can_be_typed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy_shipped(home / "mine")  # its card says efficientnet-lite0
    names = [model["name"] for model in run_json(capsys, "list")["models"]]
    assert names == [NAME, "mine"]
    for name in names:
        assert find_backbone(name).is_dir()


def test_one_damaged_card_does_not_hide_the_others(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "broken").mkdir(parents=True)
    (home / "broken" / "card.toml").write_text("name = 3")
    broken, shipped = run_json(capsys, "list")["models"]
    assert shipped["name"] == NAME
    assert (broken["name"], broken["folder"]) == ("broken", str(home / "broken"))
    assert "name must be a string" in broken["error"]
    assert main(["models", "list"]) == 0
    assert "cannot be used: " in capsys.readouterr().out
    assert "card.toml: name must be a string" in fail(capsys, "show", "broken")


def test_show_is_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    found = run_json(capsys, "show", NAME)
    card = Card.read(SHIPPED / "card.toml")
    assert found["folder"] == str(SHIPPED)
    assert found["files"] == card.files and found["frame"]["resize"] == card.frame.resize
    assert main(["models", "show", NAME]) == 0
    text = capsys.readouterr().out
    assert card.files["model.onnx"] in text and "bicubic" in text


@pytest.mark.slow
def test_verify_says_what_was_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run_json(capsys, "verify", NAME)
    assert found["sha256"] == Card.read(SHIPPED / "card.toml").files["model.onnx"]
    assert "normalisation" in found["checks"] and found["seconds"] > 0 and "parity" not in found
    assert main(["models", "verify", str(write_convolutions(tmp_path / "net"))]) == 0
    text = capsys.readouterr().out
    assert text.startswith("conv is sound") and "equal bits in batches of 1, 3 and 8" in text
    assert "[" not in text and "{" not in text


@pytest.mark.slow
def test_verify_takes_a_folder_and_fails_on_a_damaged_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy_shipped(tmp_path / "copy")
    assert run_json(capsys, "verify", str(folder))["name"] == NAME
    with (folder / "model.onnx").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    assert "is damaged or is another one" in fail(capsys, "verify", str(folder))


@pytest.mark.slow
@pytest.mark.parametrize("command", ["show", "verify", "export"])
def test_an_unknown_name_brings_the_nearest(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = fail(capsys, command, "efficientnet-light0")
    assert "'efficientnet-light0'" in line and f"Did you mean {NAME!r}?" in line


def test_a_folder_without_a_card_is_no_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "expected a folder with card.toml" in fail(capsys, "show", str(tmp_path))


@pytest.mark.slow
def test_verify_shows_parity_and_its_controls(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify", NAME, "--parity"]) == 0
    text = capsys.readouterr().out
    assert "parity on 20 photos: relative error " in text
    assert "control swapped channels: relative error 0.86" in text
    assert "control wrong standard deviation: relative error 0.23" in text


def test_export_goes_to_the_users_folder_and_is_found_there(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run_json(capsys, "export", str(write_file(tmp_path / "mine.onnx")))
    assert Path(found["out"]) == home / "mine"
    card = Card.read(home / "mine" / "card.toml")
    assert (found["name"], found["files"]) == ("mine", card.files)
    assert run_json(capsys, "verify", "mine")["sha256"] == card.files["model.onnx"]


def test_a_folder_here_of_the_same_name_hides_no_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (tmp_path / "home" / "models" / "mine", tmp_path / "mine"):
        shutil.copytree(find_backbone("efficientnet-lite0"), folder)
    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert main(["models", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["models"]
    assert [model["name"] for model in listed] == ["efficientnet-lite0", "mine"]
    assert listed[1]["folder"] == str(tmp_path / "home" / "models" / "mine")
