"""Ready backbones from a hub: whole, sound and in place, or not there at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hub_server import Hub, make_environment, serve
from small_backbones import write_backbone

from cnncodes.backbones import Card

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
    fails(pull("hf-hub:some/small"), "holds another backbone than 'small' of the repository: --replace")
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
        fails(pull("hf-hub:some/small", "-o", "photos", *flags), "'photos' is there and is no backbone")
    assert files(tmp_path / "photos") == ["a.jpg"]


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
    fails(pull("hf-hub:some/small", "-o", "file/small"), "'file/small' cannot be written: ")
