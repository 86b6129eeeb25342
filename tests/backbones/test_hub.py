"""Repositories on a hub: the hub's own client against a small hub on this machine."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import SMALL, Hub, make_environment, serve
from small_backbones import write_backbone

from cnncodes.backbones import Card, Frame
from cnncodes.backbones.exporting.sources import find_original

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]

CONFIG: dict[str, Any] = {
    "architecture": "test_efficientnet",  # which timm has for tests
    "num_classes": 10,
    "model_args": {"num_classes": 10},
    "pretrained_cfg": {
        "input_size": [3, 96, 96],
        "fixed_input_size": False,
        "interpolation": "bilinear",
        "crop_pct": 0.9,
        "crop_mode": "center",
        "mean": [0.4, 0.5, 0.6],
        "std": [0.2, 0.3, 0.25],
        "num_classes": 10,
        "first_conv": "conv_stem",
        "classifier": "classifier",
    },
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the weights of a network of timm in both formats, and its configuration."""
    import safetensors.torch
    import timm
    import torch

    from cnncodes.backbones.exporting.weights import randomise

    folder = tmp_path_factory.mktemp("weights")
    net = timm.create_model("test_efficientnet", num_classes=10)
    randomise(net, 3)
    safetensors.torch.save_file(net.state_dict(), folder / "model.safetensors")
    torch.save(net.state_dict(), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve() as hub:
        yield hub


@pytest.fixture
def repository(weights: Path, hub: Hub, tmp_path: Path) -> Path:
    """Return the folder of the repository ``some/net``: a network of timm."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in ("model.safetensors", "config.json"):
        shutil.copy(weights / name, folder)
    hub.add("some/net", folder)
    return folder


def run(url: str, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own: the hub's client reads its address when it is imported."""
    return subprocess.run(
        [sys.executable, "-m", "cnncodes", "models", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=make_environment(url, tmp_path / "home"),
    )


def refuse(done: subprocess.CompletedProcess[str], tmp_path: Path) -> str:
    """Return the one line of an export that ends with an error and leaves nothing."""
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("cnncodes: ")
    assert not (tmp_path / "out").exists()
    return line


def test_a_network_of_timm_is_fetched_exported_and_made_again(
    hub: Hub, repository: Path, tmp_path: Path, here: Run
) -> None:
    done = run(hub.url, tmp_path, "export", "hf-hub:some/net", "-o", "out", "--json")
    assert done.returncode == 0, done.stderr
    card, commit = Card.read(tmp_path / "out" / "card.toml"), hub.commit("some/net")
    digest = hashlib.sha256((repository / "model.safetensors").read_bytes()).hexdigest()
    assert card.source_weights == f"model.safetensors of some/net at commit {commit}, sha256 {digest}"
    assert (card.name, card.address) == ("hf-hub-some-net", f"hf-hub:some/net@{commit}")
    assert (card.licence, card.code_size, card.layer) == ("MIT", 256, "input of classifier")
    assert card.frame == Frame(96, 96, 106, "bilinear")
    assert card.mean == pytest.approx((102, 127.5, 153)) and card.std == pytest.approx((51, 76.5, 63.75))
    done = here("verify", "out", "--parity", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parity"]["relative_error"] <= 1e-4
    # Weights go by the large store, the configuration by git: both kinds of hash were compared.
    assert (
        (repository / "config.json").stat().st_size
        < SMALL
        < (repository / "model.safetensors").stat().st_size
    )
    fetched = [request for request in hub.requests if request.startswith("GET") and "resolve" in request]
    assert len(fetched) == 2 and all(commit in request for request in fetched)
    (repository / "README.md").write_text("moved on")  # and this hub forgets what was before
    done = here("verify", "out", "--parity")
    assert f"some/net has no branch, tag or commit '{commit}'" in done.stderr


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("hf-hub:some/nix", "there is no repository 'some/nix' on the hub, or it is private"),
        ("hf-hub:some/net@v9", "some/net has no branch, tag or commit 'v9'"),
        ("hf-hub:some/net:model.onnx", "has no network 'model.onnx'. Known: model.safetensors."),
    ],
)
def test_what_is_not_there_is_said(
    repository: Path, tmp_path: Path, address: str, words: str, here: Run
) -> None:
    assert words in refuse(here("export", address, "-o", "out"), tmp_path)


def test_without_a_network_a_line_says_what_to_do(tmp_path: Path) -> None:
    line = refuse(run("http://127.0.0.1:9", tmp_path, "export", "hf-hub:some/net", "-o", "out"), tmp_path)
    assert "'some/net' cannot be fetched from the hub (" in line and "Check the network" in line


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_damaged_file_is_refused(hub: Hub, repository: Path, tmp_path: Path, name: str, here: Run) -> None:
    hub.damaged = {name}
    line = refuse(here("export", "hf-hub:some/net", "-o", "out"), tmp_path)
    assert f"{name!r} of some/net at commit {hub.commit('some/net')} is damaged" in line
    hub.damaged = set()  # what is left of it in the hub's own cache does no harm
    find_original("hf-hub:some/net").make()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"README.md": "hello"}, "holds no network that can be exported: expected timm's config.json with"),
        ({"config.json": '{"model_type": "vit"}', "model.safetensors": "x"}, "holds no network that can be"),
        ({"config.json": "{", "model.safetensors": "x"}, "config.json of some/net at commit "),
        (
            {"config.json": '{"architecture": "resnet81"}', "model.safetensors": "x"},
            "Did you mean 'resnet18'?",
        ),
        (
            {"config.json": '{"architecture": "resnet18"}', "model.safetensors": "x"},
            "(input_size, interpolation",
        ),
        ({"a.onnx": "x", "b.onnx": "x"}, "say 'hf-hub:some/net:a.onnx' or 'hf-hub:some/net:b.onnx'."),
        (
            {"onnx/model.onnx": "x", "onnx/model_int8.onnx": "x"},
            "has no preprocessor_config.json: nothing says",
        ),
        ({"model.onnx": "x", "preprocessor_config.json": '{"do_resize": true}'}, "size is missing."),
    ],
)
def test_a_repository_that_is_neither_or_leaves_something_open_is_refused(
    hub: Hub, tmp_path: Path, files: dict[str, str], words: str, here: Run
) -> None:
    for name, text in files.items():
        (tmp_path / "odd" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "odd" / name).write_text(text)
    hub.add("some/net", tmp_path / "odd")
    assert words in refuse(here("export", "hf-hub:some/net", "-o", "out"), tmp_path)


def test_a_ready_backbone_is_pulled(hub: Hub, tmp_path: Path, here: Run) -> None:
    hub.add("some/net", write_backbone(tmp_path / "ready"))
    line = refuse(here("export", "hf-hub:some/net", "-o", "out"), tmp_path)
    assert "is a ready backbone" in line and "'cnncodes models pull hf-hub:some/net' fetches it." in line


def test_an_onnx_file_is_fetched_with_its_weights_beside_it_and_fed_as_the_repository_says(
    hub: Hub, tmp_path: Path, here: Run
) -> None:
    from test_onnx_files import move_out, write_file
    from test_preprocessors import CROPPED

    folder = tmp_path / "odd" / "onnx"
    folder.mkdir(parents=True)
    graph = write_file(folder / "model.onnx", facts=None)
    move_out(graph, "model.onnx_data")
    (folder / "model_int8.onnx").write_text("x")
    (tmp_path / "odd" / "preprocessor_config.json").write_text(json.dumps(CROPPED))
    hub.add("some/net", tmp_path / "odd")
    done = here("export", "hf-hub:some/net", "-o", "out")
    assert done.returncode == 0, done.stderr
    card = Card.read(tmp_path / "out" / "card.toml")
    assert (card.frame, card.licence) == (Frame(224, 192, 256, "bilinear"), "MIT")
    assert card.address == f"hf-hub:some/net@{hub.commit('some/net')}"
    for name in ("model.onnx", "model.onnx_data"):
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert f"{name}, sha256 {digest}" in card.source_weights
    assert card.parent == hashlib.sha256(graph.read_bytes()).hexdigest()
    done = here("verify", "out", "--parity")
    assert done.returncode == 0 and "parity on 20 photos" in done.stdout


def test_weights_and_a_graph_in_one_repository_are_named_both(
    repository: Path, tmp_path: Path, here: Run
) -> None:
    (repository / "model.onnx").write_text("x")
    line = refuse(here("export", "hf-hub:some/net", "-o", "out"), tmp_path)
    assert "say 'hf-hub:some/net:model.safetensors' or 'hf-hub:some/net:model.onnx'." in line
    find_original("hf-hub:some/net:model.safetensors").make()


def test_a_pickle_is_read_without_its_code(
    repository: Path, weights: Path, tmp_path: Path, here: Run
) -> None:
    (repository / "model.safetensors").unlink()

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    (repository / "pytorch_model.bin").write_bytes(pickle.dumps({"fc.bias": Trap()}))
    line = refuse(here("export", "hf-hub:some/net", "-o", "out"), tmp_path)
    assert "pytorch_model.bin" in line and not (tmp_path / "sprung").exists()
    shutil.copy(weights / "pytorch_model.bin", repository)
    find_original("hf-hub:some/net").make()


def test_weights_that_do_not_fit_the_configuration_are_refused(
    repository: Path, tmp_path: Path, here: Run
) -> None:
    config = {**CONFIG, "architecture": "resnet34"}
    (repository / "config.json").write_text(json.dumps(config))
    line = refuse(here("export", "hf-hub:some/net", "-o", "out"), tmp_path)
    assert "timm cannot build the network of some/net at commit" in line
