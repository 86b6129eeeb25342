"""torchvision's and timm's networks: how they are fed is read and never guessed; what is missing is named."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnncodes.backbones import Card, Frame
from cnncodes.backbones.exporting.addresses import Address
from cnncodes.backbones.exporting.sources import find_original
from cnncodes.backbones.exporting.torchvision_networks import find_arguments, find_in_torchvision
from cnncodes.cli import main
from cnncodes.errors import BackboneError

pytestmark = pytest.mark.slow

#: A network that timm has for tests.
SMALL = "test_efficientnet"

IMAGENET_MEAN = pytest.approx((123.675, 116.28, 103.53))
IMAGENET_STD = pytest.approx((58.395, 57.12, 57.375))


@pytest.mark.parametrize(
    ("address", "frame", "weights"),
    [
        ("torchvision:alexnet", Frame(224, 224, 256, "bilinear"), "AlexNet_Weights.IMAGENET1K_V1 (alex"),
        ("torchvision:resnet50", Frame(224, 224, 232, "bilinear"), "ResNet50_Weights.IMAGENET1K_V2 (res"),
        ("torchvision:efficientnet_b3", Frame(300, 300, 320, "bicubic"), "EfficientNet_B3_Weights.IMAGE"),
        ("timm:resnet18.tv_in1k", Frame(224, 224, 256, "bilinear"), "resnet18.tv_in1k"),
        ("timm:convnext_nano.d1h_in1k", Frame(224, 224, 235, "bicubic"), "convnext_nano.d1h_in1k"),
        ("timm:vit_small_patch14_dinov2", Frame(518, 518, 518, "bicubic"), "vit_small_patch14_dinov2.lvd"),
    ],
)
def test_how_a_network_is_fed_comes_with_its_weights(address: str, frame: Frame, weights: str) -> None:
    found = find_original(address)
    assert found.frame == frame
    assert found.mean == IMAGENET_MEAN and found.std == IMAGENET_STD
    assert found.weights.startswith(weights)
    assert (found.address, found.random_state, found.note) == (address, None, "")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_timm_cuts_the_family_of_the_zoo_alike(number: int) -> None:
    ours = find_original(f"efficientnet-lite{number}")
    assert find_original(f"timm:tf_efficientnet_lite{number}.in1k").frame == ours.frame


def test_other_normalisations_are_read_too() -> None:
    found = find_original("timm:tf_efficientnet_lite0.in1k")
    assert found.mean == found.std == (127.5, 127.5, 127.5)
    assert (found.licence, found.headless) == ("Apache-2.0", False)
    assert find_original("timm:vit_small_patch14_dinov2.lvd142m").headless
    assert find_original("torchvision:resnet18").licence == "NOASSERTION"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("torchvision:resnet81", "torchvision has no classifier 'resnet81'. Did you mean 'resnet18'?"),
        ("torchvision:deeplabv3_resnet50", "torchvision has no classifier 'deeplabv3_resnet50'."),
        ("timm:resnet81", "timm has no network 'resnet81'. Did you mean 'resnet18'?"),
        ("timm:resnet18.a9_in1k", "no weights 'a9_in1k' of resnet18: expected timm:resnet18.a1_in1k or"),
        ("timm:resnet18", "could mean several weights: expected timm:resnet18.a1_in1k or timm:resnet18."),
        ("resnet18", "'resnet18' could mean 'timm:resnet18' or 'torchvision:resnet18': say which."),
        ("alexnet", "Did you mean 'torchvision:alexnet'?"),
        ("missing.onnx", "the ONNX file 'missing.onnx' cannot be read: No such file"),
    ],
)
def test_what_is_not_there_or_means_two_things_is_said(address: str, words: str) -> None:
    with pytest.raises(BackboneError, match=re.escape(words)):
        find_original(address)


def test_weights_of_ones_own_exclude_random_ones(tmp_path: Path) -> None:
    (tmp_path / "own.pth").touch()
    for address in ("efficientnet-lite0", f"torchvision:resnet18@{tmp_path / 'own.pth'}"):
        with pytest.raises(BackboneError, match="has weights of its own: random ones cannot be asked for"):
            find_original(address, 0)


def test_a_network_that_nothing_says_how_to_feed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timm.get_pretrained_cfg", lambda name: None)
    with pytest.raises(BackboneError, match=r"does not say how 'resnet18' is fed \(input_size, .* guessed"):
        find_original("timm:resnet18", 0)


def export(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[dict[str, Any], str]:
    assert main(["models", "export", *arguments, "--json"]) == 0
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_checkpoint_of_ones_own_and_what_is_said_of_how_it_is_fed(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    shared_export: Callable[..., Path],
    suffix: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    from test_weights import save

    from cnncodes.backbones.exporting.weights import randomise

    source, default = ("torchvision", "SqueezeNet1_1_Weights") if suffix == ".pth" else ("timm", SMALL)
    name = "squeezenet1_1" if suffix == ".pth" else SMALL
    net = find_original(f"{source}:{name}", 5).make()
    randomise(net, 0)
    path = save(net.state_dict(), tmp_path / f"own{suffix}")
    found, said = export(capsys, f"{source}:{name}@{path}", "-o", str(tmp_path / "out"))
    assert "resize, crop and normalisation are those of " + default in said
    card = Card.read(tmp_path / "out" / "card.toml")
    assert card.name == found["name"] == f"{source}-{name}-own"
    assert card.source_weights == f"own{suffix}, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert (card.address, card.random_state) == (f"{source}:{name}@own{suffix}", None)
    drawn = Card.read(shared_export(f"{source}:{name}", 0) / "card.toml")
    assert found["files"] == card.files == drawn.files  # the same weights, drawn again


def test_the_command_draws_the_same_random_weights_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shared_export: Callable[..., Path]
) -> None:
    address, out = f"timm:{SMALL}", str(tmp_path / "out")
    found, _ = export(capsys, address, "--random-weights", "--random-state", "0", "-o", out)
    card = Card.read(tmp_path / "out" / "card.toml")
    assert found["files"] == card.files and (card.address, card.random_state) == (address, 0)
    assert card == Card.read(shared_export(address, 0) / "card.toml")


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_weights_of_ones_own_go_into_the_network_that_the_published_ones_are_for(
    name: str, tmp_path: Path
) -> None:
    """Without weights torchvision builds these two to take pixels that are normalised in another way."""
    import torch
    from torchvision import models

    address = Address("torchvision", name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # they have something to say of weights that are replaced anyway
        net = find_in_torchvision(address, 0).make()
    assert net.transform_input
    published = models.get_model_weights(name).DEFAULT
    assert find_arguments(name, published) == {"transform_input": True}
    assert find_arguments("vit_b_16", models.get_model_weights("vit_b_16").DEFAULT) == {"image_size": 224}
    assert find_arguments("resnet18", models.get_model_weights("resnet18").DEFAULT) == {}
    assert isinstance(net, torch.nn.Module)


def test_all_arguments_that_torchvision_takes_from_weights_are_known() -> None:
    import inspect
    import re

    from torchvision import models

    found = set()
    for name in models.list_models(module=models):
        source = inspect.getsource(inspect.getmodule(models.get_model_builder(name)))
        found |= set(re.findall(r'_ovewrite_named_param\(kwargs, "(\w+)"', source))
    known = {"transform_input", "image_size", "input_size"}
    # What a builder always passes, and what eval() leaves out.
    assert found - known == {"num_classes", "aux_logits", "init_weights", "groups", "width_per_group"}
