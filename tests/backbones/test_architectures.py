"""Every architecture that is promised: exported with random weights, compared, verified, and used.

One test an architecture, and the export of each is shared with other tests, lest it be made several times.
Those that take long are slim here (slim_networks.py), and as they are published in a test outside CI.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image
from slim_networks import SLIM, WIDTH

from cnncodes import embed, load_backbone, read_codes
from cnncodes.backbones import Backbone, Card
from cnncodes.backbones.checking.photos import find_photos
from cnncodes.backbones.checking.verification import verify_backbone
from cnncodes.backbones.graphs.picking import list_layers
from cnncodes.errors import BackboneError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@dataclass(frozen=True)
class Expected:
    """What an architecture's card must say."""

    address: str
    code_size: int
    layer: str
    sizes: str = "dynamic"
    norms: int = 0
    dense: bool = True


ARCHITECTURES = [
    Expected("torchvision:alexnet", WIDTH, "input of classifier.6", "fixed"),
    Expected("torchvision:vgg11_bn", WIDTH, "input of classifier.6", "fixed", norms=8),
    Expected("torchvision:squeezenet1_1", 512, "input of classifier.1, average-pooled"),
    Expected("torchvision:resnet18", 512, "input of fc", norms=20),
    Expected("torchvision:resnet50", 2048, "input of fc", norms=29),
    Expected("torchvision:densenet121", 200, "input of classifier", norms=29),
    Expected("torchvision:mobilenet_v2", 1280, "input of classifier.1", norms=52),
    Expected("torchvision:mobilenet_v3_small", 1024, "input of classifier.3", norms=34),
    Expected("torchvision:efficientnet_b0", 1280, "input of classifier.1", norms=37),
    Expected("torchvision:convnext_tiny", 768, "input of classifier.2"),
    Expected("torchvision:regnet_y_400mf", 440, "input of fc", norms=53),
    Expected("torchvision:vit_b_16", 768, "input of heads.head", "fixed", dense=False),
    Expected("timm:tf_efficientnet_lite0", 1280, "input of classifier", norms=49),
    Expected("timm:tf_efficientnet_lite2", 1280, "input of classifier", norms=37),
    Expected("timm:resnet18", 512, "input of fc", norms=20),
    Expected("timm:vit_small_patch14_dinov2", 384, "output", "fixed", dense=False),
    Expected("timm:mobilenetv4_conv_small", 1280, "input of classifier", norms=46),
    Expected("timm:convnext_nano", 640, "input of head.fc"),
]
#: Those of which another of its kind is tried in CI.
TWINS = (
    *("torchvision:vgg11_bn", "torchvision:resnet50", "torchvision:mobilenet_v2", "torchvision:vit_b_16"),
    *("timm:tf_efficientnet_lite2", "timm:resnet18"),
)
#: What differs in those that are slim as they are published.
PUBLISHED: dict[str, dict[str, Any]] = {
    "torchvision:alexnet": {"code_size": 4096},
    "torchvision:vgg11_bn": {"code_size": 4096},
    "torchvision:resnet50": {"norms": 53},
    "torchvision:densenet121": {"code_size": 1024, "norms": 121},
    "torchvision:efficientnet_b0": {"norms": 49},
    "timm:tf_efficientnet_lite2": {"norms": 64},
}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Return a folder of one photo."""
    (tmp_path / "photos").mkdir()
    with Image.open(find_photos()[0]) as opened:
        opened.convert("RGB").resize((300, 260)).save(tmp_path / "photos" / "astronaut.png")
    return tmp_path / "photos"


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param(item, id=item.address, marks=[pytest.mark.heavy] if item.address in TWINS else [])
        for item in ARCHITECTURES
    ],
)
def test_an_architecture_end_to_end(
    expected: Expected, tmp_path: Path, photo: Path, shared_export: Callable[..., Path]
) -> None:
    check(shared_export(expected.address, 0), expected, tmp_path, photo)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "expected", [item for item in ARCHITECTURES if item.address in SLIM], ids=lambda item: item.address
)
def test_what_is_slim_elsewhere_as_it_is_published(
    expected: Expected, tmp_path: Path, photo: Path, shared_export: Callable[..., Path]
) -> None:
    expected = replace(expected, **PUBLISHED.get(expected.address, {}))
    check(shared_export(expected.address, 0, whole=True), expected, tmp_path, photo)


def check(folder: Path, expected: Expected, tmp_path: Path, photo: Path) -> None:
    """Look at an export, verify it, and use it."""
    card = Card.read(folder / "card.toml")
    print(f"{expected.address}: {card.parity}, min_size {card.min_size}")
    assert (card.code_size, card.layer, card.sizes) == (expected.code_size, expected.layer, expected.sizes)
    assert card.parity["images"] >= 16
    assert card.parity["relative_error"] <= 1e-3 and card.parity["cosine"] >= 0.9999
    model = onnx.load(folder / "model.onnx")
    norms = [node for node in model.graph.node if node.op_type == "BatchNormalization"]
    assert len(norms) == expected.norms
    checks = verify_backbone(folder)["checks"]
    assert "equal bits in batches of 1, 3 and 8" in checks and "trainable weights" in checks
    embed(photo, tmp_path / "photo.codes", backbone=folder, dtype="float32")  # random weights give any scale
    codes = read_codes(tmp_path / "photo.codes").X
    assert codes.shape == (1, expected.code_size) and np.isfinite(codes).all() and np.ptp(codes) > 0
    check_layers(folder)
    check_map(load_backbone(folder), expected)
    check_module(load_backbone(folder))


def check_module(backbone: Backbone) -> None:
    """Run the graph as a torch module, and write its numbers back into the same file."""
    import torch

    from cnncodes.finetuning.loading import load_graph_module, write_back

    module = load_graph_module(backbone)
    assert write_back(module, backbone.model_bytes()) == backbone.model_bytes()
    height, width = _sides(backbone)
    for sides in [(height, width)] + [(160, 192)] * (backbone.card.sizes == "dynamic"):
        images = np.random.default_rng(0).integers(0, 256, (2, *sides, 3), dtype=np.uint8)
        expected = backbone.run(images)
        with torch.no_grad():
            found = module(torch.from_numpy(images)).numpy()
        assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def check_layers(folder: Path) -> None:
    """Make codes of the network's first and last layers besides its own."""
    backbone = load_backbone(folder)
    layers = list_layers(backbone.model_bytes(), backbone.card)
    names = [layers[0].name, layers[-2].name, "code"]
    images = np.random.default_rng(0).integers(0, 256, (2, *_sides(backbone), 3), dtype=np.uint8)
    picked = load_backbone(folder, layer=",".join(names))
    codes = picked.run(images)
    assert list(picked.card.layers or ()) == names and codes.shape == (2, picked.code_size)
    assert np.isfinite(codes).all() and np.ptp(codes, axis=1).min() > 0
    own = backbone.run(images)
    scale = np.abs(own).max()
    np.testing.assert_allclose(codes[:, -backbone.code_size :] / scale, own / scale, atol=1e-5)


def check_map(backbone: Backbone, expected: Expected) -> None:
    """Make a map of codes of a larger image; that its windows are the codes is checked as it is made."""
    if not expected.dense:
        with pytest.raises(BackboneError, match="no dense form"):
            backbone.dense()
        return
    height, width = _sides(backbone)
    dense = backbone.dense()
    [cells] = dense.run(np.zeros((1, height + 32, width + 96, 3), np.uint8))
    assert len(cells) == expected.code_size and min(cells.shape[1:]) > 1
    if expected.address == "torchvision:alexnet":
        assert cells.shape == (expected.code_size, 2, 4)  # of 256 x 320


def _sides(backbone: Backbone) -> tuple[int, int]:
    return backbone.frame.height, backbone.frame.width
