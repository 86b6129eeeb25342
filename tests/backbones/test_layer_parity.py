"""Parity of picked layers: measured against what the original gives within, or said not to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncodes.backbones import Card
from cnncodes.commands.exporting import render_export
from cnncodes.errors import BackboneError

CODES = np.random.default_rng(0).normal(size=(20, 12)).astype(np.float32)


def compare(found: dict[str, Any], controls: dict[str, Any], codes: Any = CODES) -> Any:
    from cnncodes.backbones.exporting.layer_parity import Within, compare_layers

    return compare_layers(codes, [5, 7], Within(found, controls))


def test_each_part_is_compared_with_what_is_nearest_within() -> None:
    a, b = CODES[:, :5], CODES[:, 5:]
    seen = {"far": a * 1.0005, "near": a * 1.00001, "same": b, "other": b[::-1]}
    wrong = {"swapped": {name: codes[::-1] for name, codes in seen.items()}}
    parity = compare(seen, wrong)
    assert parity.images == 20 and 1e-6 < parity.relative_error < 1e-4


def test_what_is_not_found_or_whose_controls_are_not_noticed_is_not_compared() -> None:
    a, b = CODES[:, :5], CODES[:, 5:]
    wrong = {"swapped": {"x": a[::-1], "y": b[::-1]}}
    assert compare({"x": a, "y": b}, wrong) is not None
    assert compare({"x": a, "y": b * 1.01}, wrong) is None
    assert compare({"x": a}, wrong) is None
    assert compare({"x": a, "y": b}, {"swapped": {"x": a, "y": b}}) is None
    assert compare({"x": a, "y": b}, wrong, np.full_like(CODES, np.nan)) is None


@pytest.mark.slow
def test_the_card_has_the_parity_of_the_layer_where_a_module_gives_it(tmp_path: Path) -> None:
    from small_networks import make_original

    from cnncodes.backbones.exporting.export import export_backbone

    card = export_backbone(make_original("hidden"), tmp_path, layer="relu_0", pool="both")
    assert card.layer == "relu_0; both" and set(card.parity) == {"images", "relative_error", "cosine"}
    assert card.parity["images"] == 20 and card.parity["relative_error"] <= 1e-5
    assert Card.read(tmp_path / "card.toml") == card


@pytest.mark.slow
def test_a_layer_that_no_module_gives_has_no_parity_of_its_own(tmp_path: Path) -> None:
    from small_networks import make_original

    from cnncodes.backbones.exporting.export import export_backbone

    card = export_backbone(make_original("functional"), tmp_path, layer="relu_0")
    assert set(card.parity) == {"own_code_images", "own_code_relative_error", "own_code_cosine"}
    assert card.parity["own_code_cosine"] >= 0.9999
    result = {"name": "n", "out": "o", "code_size": 8, "layer": card.layer, "sizes": "dynamic", "map": None}
    said = render_export({**result, "files": card.files, "parity": card.parity})
    assert "parity on 20 photos of the network's own code: relative error" in said
    assert "; the layer's codes cannot be compared, since they are not found within the original\n" in said


@pytest.mark.slow
@pytest.mark.parametrize(("layer", "pool"), [("c", "max"), ("a,c", "both"), ("f", "mean"), ("code", "mean")])
def test_layers_of_a_file_are_compared_with_its_tensors(tmp_path: Path, layer: str, pool: str) -> None:
    from test_onnx_files import write_file

    from cnncodes.backbones.exporting.export import export_backbone

    path = write_file(tmp_path / "net.onnx")
    card = export_backbone(str(path), tmp_path / "out", layer=layer, pool=pool)
    assert card.parity["images"] == 20 and card.parity["relative_error"] <= 1e-5


@pytest.mark.slow
def test_a_layer_that_no_module_gives_is_verified_by_another_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from small_networks import NETWORKS
    from test_onnx_files import FACTS

    from cnncodes.backbones.checking.verification import verify_backbone
    from cnncodes.backbones.exporting.export import export_backbone
    from cnncodes.backbones.exporting.weights import randomise
    from cnncodes.commands.models import render_verify

    monkeypatch.chdir(tmp_path)
    net = NETWORKS["functional"]()
    randomise(net, 2)
    torch.save(net.state_dict(), "w.pth")
    (tmp_path / "functionalnet.py").write_text(
        "from small_networks import NETWORKS\n\nmake = NETWORKS['functional']\n"
    )
    (tmp_path / "w.card.toml").write_text(FACTS)
    card = export_backbone("python:functionalnet.py:make@w.pth", "out", layer="relu_0,code")
    assert "own_code_cosine" in card.parity and card.layers == {"relu_0": 8, "code": 6}
    found = verify_backbone("out", parity=True)
    assert found["parity"]["relative_error"] <= 1e-6 and found["parity"]["own_code"]["cosine"] >= 0.9999
    assert "exported again, whose own code has relative error" in render_verify({**found, "seconds": 1.0})
    randomise(net, 3)
    torch.save(net.state_dict(), "w.pth")
    with pytest.raises(BackboneError, match="its weights are w.pth"):
        verify_backbone("out", parity=True)
    (tmp_path / "out" / "card.toml").write_text(
        (tmp_path / "out" / "card.toml").read_text().replace(card.source_weights, describe("w.pth"))
    )
    with pytest.raises(BackboneError, match="fails: its codes are not those of the original"):
        verify_backbone("out", parity=True)


def describe(checkpoint: str) -> str:
    from cnncodes.backbones.exporting.checkpoints import hash_checkpoint

    return f"{checkpoint}, sha256 {hash_checkpoint(Path(checkpoint))}"
