"""Ready backbones from a hub: whole, sound and in place, or not there at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hub_server import Hub, make_environment, serve
from PIL import Image
from small_backbones import write_backbone

from cnncodes.backbones import Card
from cnncodes.cli import main

pytestmark = pytest.mark.slow  # huggingface_hub comes with the extra


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serve() as hub:
        hub.add("some/small", write_backbone(tmp_path / "repository"))
        yield hub


@pytest.fixture
def pull(
    here: Callable[..., subprocess.CompletedProcess[str]],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    return partial(here, "pull")


@pytest.fixture
def pull_apart(hub: Hub, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that pulls in a process of its own, which finds the hub by its variables."""

    def pull(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cnncodes", "models", "pull", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=make_environment(hub.url, tmp_path / "home"),
        )

    return pull


def fails(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("cnncodes: ") and words in line, line


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


MODELS = Path("home/cnncodes/models")


def test_a_backbone_comes_into_the_users_folder(
    hub: Hub,
    pull: Callable[..., subprocess.CompletedProcess[str]],
    pull_apart: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    done = pull_apart("hf-hub:some/small", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    card = Card.read(tmp_path / "repository" / "card.toml")
    assert (found["name"], found["changed"], found["files"]) == ("small", True, card.files)
    assert (found["out"], found["commit"]) == (str(tmp_path / MODELS / "small"), hub.commit("some/small"))
    assert files(tmp_path / MODELS) == ["small", "small/card.toml", "small/model.onnx"]
    for name in ("card.toml", "model.onnx"):
        pulled = tmp_path / MODELS / "small" / name
        assert pulled.read_bytes() == (tmp_path / "repository" / name).read_bytes()
        assert not pulled.is_symlink()
    done = pull("hf-hub:some/small")
    assert done.returncode == 0 and "was there already, sound" in done.stdout


def test_another_backbone_goes_only_when_told(
    pull: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    write_backbone(tmp_path / MODELS / "small", description="mine")
    before = (tmp_path / MODELS / "small" / "card.toml").read_bytes()
    fails(
        pull("hf-hub:some/small"), "than 'small' of the repository, which differs in description: --replace"
    )
    assert (tmp_path / MODELS / "small" / "card.toml").read_bytes() == before
    assert pull("hf-hub:some/small", "--replace").returncode == 0
    assert Card.read(tmp_path / MODELS / "small" / "card.toml").description == "mean colour"
    assert files(tmp_path / MODELS) == ["small", "small/card.toml", "small/model.onnx"]


def test_a_damaged_copy_is_made_whole(
    pull: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    assert pull("hf-hub:some/small", "-o", "mine").returncode == 0
    (tmp_path / "mine" / "model.onnx").write_bytes(b"damage")
    done = pull("hf-hub:some/small", "-o", "mine")
    assert done.returncode == 0 and "pulled to mine" in done.stdout
    assert (tmp_path / "mine" / "model.onnx").read_bytes() == (
        tmp_path / "repository" / "model.onnx"
    ).read_bytes()


def test_what_is_no_backbone_is_left_alone(
    pull: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    for flags in ([], ["--replace"]):
        fails(pull("hf-hub:some/small", "-o", "photos", *flags), "'photos' holds other things ('a.jpg')")
    assert files(tmp_path / "photos") == ["a.jpg"]


def test_the_card_of_something_else_is_left_alone(
    pull: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "card.toml").write_text('title = "me"')
    (tmp_path / "site" / "a.jpg").touch()
    for flags in ([], ["--replace"]):
        fails(pull("hf-hub:some/small", "-o", "site", *flags), "holds a card.toml that is no backbone's")
    assert files(tmp_path / "site") == ["a.jpg", "card.toml"]


@pytest.mark.parametrize("kind", ["mean", "constant"])
def test_files_of_ones_own_stay(
    pull: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, kind: str
) -> None:
    mine = write_backbone(tmp_path / "mine", kind)
    (mine / "model.onnx").write_bytes(b"damage")
    (mine / "notes.txt").write_text("mine")
    (mine / "photos").mkdir()
    (mine / "photos" / "a.jpg").touch()
    flags = [] if kind == "mean" else ["--replace"]
    done = pull("hf-hub:some/small", "-o", "mine", *flags)
    assert done.returncode == 0 and "pulled to mine" in done.stdout, done.stderr
    assert files(mine) == ["card.toml", "model.onnx", "notes.txt", "photos", "photos/a.jpg"]
    assert (mine / "card.toml").read_bytes() == (tmp_path / "repository" / "card.toml").read_bytes()


def test_a_file_of_ones_own_by_a_name_that_is_needed_is_no_backbones(
    pull: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    (repository / "notes.txt").write_text("theirs")
    digest = hashlib.sha256(b"theirs").hexdigest()
    card = (repository / "card.toml").read_text()
    (repository / "card.toml").write_text(card.replace("[files]", f'[files]\n"notes.txt" = "{digest}"'))
    mine = write_backbone(tmp_path / "mine")
    (mine / "notes.txt").write_text("mine")
    for flags in ([], ["--replace"]):
        fails(
            pull("hf-hub:some/small", "-o", "mine", *flags), "notes.txt' is there already and belongs to no"
        )
    assert (mine / "notes.txt").read_text() == "mine"


def test_what_was_made_of_it_stays(
    hub: Hub, pull: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    from small_convolutions import draw_pictures, write_convolutions

    hub.add("some/net", write_convolutions(tmp_path / "net"))
    (tmp_path / "photos").mkdir()
    for number, picture in enumerate(draw_pictures(4)):
        Image.fromarray(picture).save(tmp_path / "photos" / f"{number}.png")
    mine = tmp_path / "mine"

    def pull_again() -> str:
        done = pull("hf-hub:some/net", "-o", "mine")
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "pulled to mine" in pull_again()
    assert main(["models", "quantize", "mine", "--precision", "fp16", "--compare", "photos", "-q"]) == 0
    made = Card.read(mine / "card.toml")
    assert "was there already, sound" in pull_again()
    (mine / "model.onnx").write_bytes(b"damage")
    assert "pulled to mine" in pull_again()
    assert Card.read(mine / "card.toml") == made and set(made.precisions) == {"fp16"}
    fp16 = mine / made.precisions["fp16"]
    fp16.write_bytes(b"damage")  # which the repository cannot give back
    assert "pulled to mine" in pull_again()
    assert not fp16.exists() and Card.read(mine / "card.toml").precisions == {}


def remove_card(folder: Path) -> None:
    (folder / "card.toml").unlink()


def remove_model(folder: Path) -> None:
    (folder / "model.onnx").unlink()


def change_model(folder: Path) -> None:
    other = write_backbone(folder.parent / "other", "constant")
    shutil.copy(other / "model.onnx", folder)


def break_model(folder: Path) -> None:
    write_backbone(folder, "constant")


def add_code(folder: Path) -> None:
    card = (folder / "card.toml").read_text()
    (folder / "card.toml").write_text(card.replace("[files]", '[files]\n"net.py" = "' + "0" * 64 + '"'))
    (folder / "net.py").touch()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            remove_card,
            "has no card.toml beside an ONNX file. 'cnncodes models export hf-hub:some/small' makes",
        ),
        (remove_model, "lacks the file 'model.onnx' that its card names"),
        (change_model, "model.onnx of backbone 'small' has sha256"),
        (break_model, "fails: different images have one code"),
        (add_code, "names 'net.py': files of backbones end in .onnx,"),
    ],
)
def test_what_is_not_as_its_card_says_is_not_there(
    pull: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    change: Callable[[Path], None],
    words: str,
) -> None:
    change(tmp_path / "repository")
    fails(pull("hf-hub:some/small"), words)
    assert not (tmp_path / MODELS).exists() or files(tmp_path / MODELS) == []


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (
            "torchvision:resnet18",
            "'cnncodes models export torchvision:resnet18' makes a backbone of a network",
        ),
        ("efficientnet-lite1", "'cnncodes models export efficientnet-lite1' makes"),
        ("hf-hub:some/small:model.onnx", "is no repository of a ready backbone"),
        ("hf-hub:some/nix", "there is no repository 'some/nix'"),
    ],
)
def test_other_addresses_name_what_to_do(
    pull: Callable[..., subprocess.CompletedProcess[str]], address: str, words: str
) -> None:
    fails(pull(address), words)


def test_the_name_of_one_that_ships_needs_another_folder(
    hub: Hub, pull: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    hub.add("some/small", write_backbone(tmp_path / "repository", name="efficientnet-lite0"))
    fails(pull("hf-hub:some/small"), "'efficientnet-lite0' comes with cnncodes and would be found first")
    assert pull("hf-hub:some/small", "-o", "mine").returncode == 0


def test_a_folder_that_cannot_be_written_says_so(
    pull: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    fails(pull("hf-hub:some/small", "-o", "file/small"), "'file/small' cannot be used as a folder: Not a dir")
