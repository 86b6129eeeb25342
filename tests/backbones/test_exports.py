"""Exports of small networks: what the card says of them, and what is refused before anything is written."""

from __future__ import annotations

import dataclasses
import functools
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from cnncodes.backbones import Card, Frame, load_backbone
from cnncodes.backbones.checking.verification import verify_backbone
from cnncodes.backbones.exporting.export import export_backbone, make_backbone, make_reference
from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.graphs.initializers import trainable_weights
from cnncodes.errors import BackboneError, UsageError

pytestmark = pytest.mark.slow

Made = Callable[[str], tuple[Path, Card]]


def original(kind: str, **changes: Any) -> Original:
    from small_networks import make_original

    return make_original(kind, **changes)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Card]]:
    """Return a function that gives the export of a small network, made once and only to be read."""

    @functools.cache
    def make(kind: str) -> tuple[Path, Card]:
        folder = tmp_path_factory.mktemp(kind)
        return folder, export_backbone(original(kind), folder)

    return make


@pytest.fixture
def copied(made: Made, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that puts such an export into the test's folder."""

    def copy(kind: str) -> Path:
        return shutil.copytree(made(kind)[0], tmp_path, dirs_exist_ok=True)

    return copy


@pytest.mark.parametrize(
    ("kind", "size", "sizes", "layer"),
    [
        ("linear", 8, "dynamic", "input of 6"),
        ("hidden", 12, "dynamic", "input of 7"),
        ("convolution", 8, "dynamic", "input of 3, average-pooled"),
        ("grouped", 8, "dynamic", "input of 5"),
        ("headless", 8, "dynamic", "output"),
        ("measuring", 8, "dynamic", "input of fc"),
        ("grid", 16, "fixed", "input of 7"),
        ("rigid", 16, "fixed", "input of net.5"),
    ],
)
def test_each_kind_of_classifier_becomes_a_sound_backbone(
    made: Made, kind: str, size: int, sizes: str, layer: str
) -> None:
    folder, card = made(kind)
    assert (card.code_size, card.sizes, card.layer) == (size, sizes, layer)
    assert card.min_size == (64 if sizes == "fixed" else 32)
    assert card.parity["relative_error"] <= 1e-5
    assert Card.read(folder / "card.toml") == card
    checks = verify_backbone(folder)["checks"]
    assert checks[5:] == [
        "one size, 64 x 64" if sizes == "fixed" else "other heights and widths",
        "operator set",
        "trainable weights",
        "normalisation",
    ]


@pytest.mark.parametrize("kind", ["linear", "hidden", "convolution", "headless", "measuring"])
def test_a_graph_traced_at_one_size_is_that_of_any_where_no_step_hangs_on_the_size(kind: str) -> None:
    quick, slow = make_reference(original(kind)), make_reference(original(kind))
    quick.cut_off()
    slow.cut_off()
    assert (quick.trace_quickly() == slow.trace()) == (kind != "measuring")


def test_a_network_that_reckons_with_the_size_does_so_in_its_graph(made: Made) -> None:
    torch = pytest.importorskip("torch")
    from small_networks import MEAN, STD, make_network

    backbone = load_backbone(made("measuring")[0])
    images = np.random.default_rng(0).integers(0, 256, (2, 96, 70, 3), np.uint8)
    net, (mean, std) = make_network("measuring"), (torch.tensor(x).reshape(3, 1, 1) for x in (MEAN, STD))
    pixels = (torch.from_numpy(images).permute(0, 3, 1, 2) - mean) / std
    with torch.no_grad():
        codes = net.body(pixels) * (70 / 96)
    np.testing.assert_allclose(backbone.run(images), codes.numpy(), rtol=1e-4, atol=1e-6)


def test_published_weights_are_pinned_by_their_values(tmp_path: Path) -> None:
    from small_networks import make_network

    published = [
        original("linear", weights="published", make=partial(make_network, "linear", state))
        for state in (0, 0, 1)
    ]
    said = [make_reference(one).weights for one in published]
    assert re.fullmatch(r"published, values sha256 [0-9a-f]{64}", said[0])
    assert said[0] == said[1] != said[2]
    assert export_backbone(published[0], tmp_path).source_weights == said[0]
    assert make_reference(original("linear", random_state=0)).weights == "random"


def test_the_same_network_gives_the_same_bytes(made: Made, tmp_path: Path) -> None:
    folder, _ = made("hidden")
    export_backbone(original("hidden"), tmp_path)
    for name in ("model.onnx", "card.toml"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_batch_normalisation_names_and_channels_are_kept(made: Made) -> None:
    folder, card = made("hidden")
    model = onnx.load(folder / "model.onnx")
    assert "BatchNormalization" in [node.op_type for node in model.graph.node]
    names = {tensor.name for tensor in model.graph.initializer}
    trained = {"0.weight", "0.bias", "1.weight", "1.bias", "5.weight", "5.bias"}
    assert names >= trained | {"1.running_mean", "1.running_var"}
    assert trainable_weights(model) == sorted(trained)
    assert card.weights is not None and (card.weights.count, card.weights.numbers) == (6, 348)
    arrays = [onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer]
    assert any(np.array_equal(a.ravel(), np.float32(card.mean)) for a in arrays)
    assert any(np.array_equal(a.ravel(), np.float32(card.std)) for a in arrays)


def test_a_backbone_of_one_size_says_so_of_others(made: Made) -> None:
    backbone = load_backbone(made("grid")[0])
    assert backbone.run(np.zeros((2, 64, 64, 3), np.uint8)).shape == (2, 16)
    with pytest.raises(UsageError, match=r"height and width 64 and 64\. Got \(1, 64, 65, 3\)"):
        backbone.run(np.zeros((1, 64, 65, 3), np.uint8))


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("drifting", {}, "'drifting' does not give the original's codes: its codes are not those"),
        ("unlike", {}, "no classifier to cut"),
        ("signed", {}, "gives something else than what entered that"),
        ("twice", {}, "without 'fc' the network gives something else than what entered that"),
        ("deciding", {}, r"cannot be made a backbone: torch\.export cannot follow what it computes"),
        # A network that is blind to colours, and to how they are normalised, proves nothing.
        ("linear", {"std": (1e30, 1e30, 1e30)}, "does not give the original's codes"),
    ],
)
def test_what_does_not_hold_is_not_written(
    tmp_path: Path, kind: str, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(BackboneError, match=words) as caught:
        export_backbone(original(kind, **changes), tmp_path / "out")
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


@pytest.mark.parametrize(("factors", "same"), [((0.9, 0.9, 0.9), True), ((0.9, 1.0, 1.0), False)])
def test_a_wrong_standard_deviation_is_noticed_where_a_norm_of_groups_leaves_any_effect(
    monkeypatch: pytest.MonkeyPatch, factors: tuple[float, ...], same: bool
) -> None:
    from small_networks import STD

    from cnncodes.backbones.exporting.references import TorchReference

    cut_off = TorchReference.cut_off

    def spoil(reference: TorchReference) -> None:
        """Have another normalisation traced than the one that the photos were fed with."""
        cut_off(reference)
        std = tuple(one * factor for one, factor in zip(STD, factors, strict=True))
        object.__setattr__(reference, "original", dataclasses.replace(reference.original, std=std))

    monkeypatch.setattr(TorchReference, "cut_off", spoil)
    if same:
        assert make_backbone(original("grouped")).card.parity["relative_error"] <= 1e-3
    else:
        with pytest.raises(BackboneError, match="its codes are not those of the original"):
            make_backbone(original("grouped"))


def test_verify_finds_the_original_again_by_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = original("linear", address="torchvision:linear", random_state=0)
    monkeypatch.setattr("cnncodes.backbones.checking.origin.find_original", lambda *_: published)
    export_backbone(published, tmp_path)
    parity = verify_backbone(tmp_path, parity=True)["parity"]
    assert parity["relative_error"] <= 1e-5
    assert parity["controls"]["swapped channels"]["relative_error"] > 0.01
    published = dataclasses.replace(published, weights="others")
    with pytest.raises(BackboneError, match="its weights are random, those at its address now others"):
        verify_backbone(tmp_path, parity=True)


def break_graph(folder: Path, *, dims: dict[int, int | str], **changes: Any) -> None:
    """Change the dimensions of a graph's input and its card's entries, and put its new hash on the card."""
    import hashlib

    model = onnx.load(folder / "model.onnx")
    shape = model.graph.input[0].type.tensor_type.shape.dim
    for index, length in dims.items():
        if isinstance(length, str):
            shape[index].dim_param = length
        else:
            shape[index].dim_value = length
    data = model.SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    files = {"model.onnx": hashlib.sha256(data).hexdigest()}
    dataclasses.replace(Card.read(folder / "card.toml"), files=files, **changes).write(folder / "card.toml")


@pytest.mark.parametrize(
    ("kind", "dims", "changes", "words"),
    [
        ("linear", {0: 2}, {}, "expected one input 'image', uint8 .batch, height, width, 3."),
        ("linear", {1: 64, 2: 64}, {}, "is no backbone"),
        ("linear", {}, {"sizes": "fixed"}, "expected one input 'image', uint8 .batch, 64, 64, 3."),
        ("grid", {}, {"sizes": "dynamic"}, "is no backbone"),
        ("grid", {}, {"frame": Frame(96, 96, 96)}, "uint8 .batch, 96, 96, 3."),
        ("grid", {1: "height", 2: "width"}, {"sizes": "dynamic"}, "at 96 x 64 it does not look beyond"),
        ("linear", {}, {"weights": None, "code_size": 9}, "is no backbone"),
    ],
)
def test_a_broken_graph_fails_verification(
    copied: Callable[[str], Path],
    kind: str,
    dims: dict[int, int | str],
    changes: dict[str, Any],
    words: str,
) -> None:
    folder = copied(kind)
    break_graph(folder, dims=dims, **changes)
    with pytest.raises(BackboneError, match=words):
        verify_backbone(folder)


def test_a_graph_with_other_weights_than_its_card_counts_fails(copied: Callable[[str], Path]) -> None:
    folder = copied("linear")
    card = Card.read(folder / "card.toml")
    assert card.weights is not None
    wrong = dataclasses.replace(card.weights, count=5)
    dataclasses.replace(card, weights=wrong).write(folder / "card.toml")
    with pytest.raises(BackboneError, match="it has 4 trainable weights .*, and its card says 5 of"):
        verify_backbone(folder)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda codes: codes[:1], "gives 1 rows for 4 images: expected one an image, whatever their number"),
        (lambda codes: (codes - 1e9).sqrt(), "gives codes that are not finite for 20 of 20 photos"),
    ],
)
def test_what_a_network_computes_wrongly_is_said(tmp_path: Path, spoil: Any, words: str) -> None:
    import torch

    class Spoiled(torch.nn.Module):
        def __init__(self, net: Any) -> None:
            super().__init__()
            self.body, self.head = net[:-1], net[-1]

        def forward(self, images: Any) -> Any:
            return self.head(spoil(self.body(images)))

    whole = original("linear")
    wrong = dataclasses.replace(whole, make=lambda: Spoiled(whole.make()).eval())
    with pytest.raises(BackboneError, match=words):
        export_backbone(wrong, tmp_path / "out")
    assert not (tmp_path / "out").exists()
