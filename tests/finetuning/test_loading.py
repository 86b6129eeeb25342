"""From a backbone to a module, and its numbers back into the same file."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from cnncodes import load_backbone
from cnncodes.backbones import Backbone, find_backbone
from cnncodes.errors import BackboneError, BackendMissing, UsageError
from cnncodes.finetuning.loading import load_graph_module, make_graph_module, write_back


@pytest.fixture(scope="module")
def shipped() -> Backbone:
    return load_backbone()


def train_a_step(module: Any, images: Any) -> None:
    import torch

    module.train()
    module(torch.from_numpy(images)).square().mean().backward()
    with torch.no_grad():  # an optimiser of torch takes seconds to import
        for weight in module.parameters():
            weight -= 0.01 * weight.grad
    module.eval()


def without_numbers(model: bytes) -> Any:
    """Return all of a graph but the values of its initializers."""
    graph = onnx.load_from_string(model)
    for tensor in graph.graph.initializer:
        if not tensor.name.startswith("constant_"):
            tensor.ClearField("raw_data")
    return graph


@pytest.mark.torch
def test_what_has_not_changed_is_the_same_file(shipped: Backbone) -> None:
    pytest.importorskip("torch")
    assert write_back(load_graph_module(shipped), shipped.model_bytes()) == shipped.model_bytes()


@pytest.mark.torch
def test_a_trained_network_goes_back_into_its_graph(shipped: Backbone) -> None:
    torch = pytest.importorskip("torch")
    model, images = shipped.model_bytes(), np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
    module = load_graph_module(shipped)
    train_a_step(module, images)
    written = write_back(module, model)
    assert written != model and without_numbers(written) == without_numbers(model)
    files = {shipped.card.model_file: hashlib.sha256(written).hexdigest()}
    card = dataclasses.replace(shipped.card, files=files, precisions={}, quantization={})
    tuned = Backbone.from_bytes(written, card).run(images)
    with torch.no_grad():
        found = module(torch.from_numpy(images)).numpy()
    assert np.abs(found - tuned).max() <= 1e-4 * np.abs(tuned).max()
    assert np.abs(shipped.run(images) - tuned).max() > 1e-2 * np.abs(tuned).max()
    again = make_graph_module(written)  # and from there into the first file: the same numbers
    assert write_back(again, model) == written
    assert write_back(load_graph_module(shipped), written) == model


@pytest.mark.torch
def test_weights_of_another_graph_are_refused(shipped: Backbone) -> None:
    torch = pytest.importorskip("torch")
    other = torch.nn.Sequential(torch.nn.Linear(2, 3))
    with pytest.raises(BackboneError, match=r"another graph: '0.weight' of the shape \(3, 2\) is not there"):
        write_back(other, shipped.model_bytes())
    module = load_graph_module(shipped)
    module.get_submodule("_bn0").bias = torch.nn.Parameter(torch.zeros(3))
    with pytest.raises(BackboneError, match=r"'_bn0.bias' of the shape \(3,\) is of the shape \(32,\)"):
        write_back(module, shipped.model_bytes())


@pytest.mark.torch
def test_numbers_that_are_not_finite_are_not_written(shipped: Backbone) -> None:
    torch = pytest.importorskip("torch")
    module = load_graph_module(shipped)
    with torch.no_grad():
        module.get_parameter("_bn0.bias")[3] = float("nan")
    with pytest.raises(BackboneError, match=r"'_bn0.bias' has values that are not finite.*Nothing"):
        write_back(module, shipped.model_bytes())


def test_a_quantised_network_is_refused() -> None:
    with pytest.raises(
        BackboneError,
        match=r"is int8.*take the fp32 network that it was made from, 'efficientnet-lite0' \(--backbone",
    ):
        load_graph_module(load_backbone(precision="int8"))


@pytest.mark.torch
def test_a_quantised_graph_is_refused_whatever_its_card_says() -> None:
    pytest.importorskip("torch")
    with pytest.raises(BackboneError, match=r"quantised \(operator '\w+Linear'.*take the fp32 file"):
        make_graph_module(load_backbone(precision="int8").model_bytes())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "take the fp32 network that it was made from, 'efficientnet-lite0'"),  # whose int8 file it is
        ({"parent": "1" * 64}, "whose file has the sha256 1{64}; none at hand has"),
        (
            {"address": "timm:efficientnet_lite0"},
            "of timm:efficientnet_lite0, which 'cnncodes models export'",
        ),
        ({"address": None}, "its card does not say which that is"),
    ],
)
def test_a_quantised_graph_with_a_card_of_fp32_names_its_parent(changes: dict[str, Any], said: str) -> None:
    rounded = load_backbone(precision="int8")
    loaded = onnx.load_from_string(rounded.model_bytes())
    loaded.producer_name = "another" if changes else loaded.producer_name  # another hash, which nobody knows
    model = loaded.SerializeToString() if changes else rounded.model_bytes()
    files = {"int8.onnx": hashlib.sha256(model).hexdigest()}
    plain = {"precision": "fp32", "quantization": {}, "parent": None, "files": files, **changes}
    backbone = Backbone(model, dataclasses.replace(rounded.card, **plain))
    with pytest.raises(BackboneError, match=rf"int8.onnx, is quantised \(operator .*{said}"):
        load_graph_module(backbone)


def test_the_network_in_the_same_folder_is_the_first_to_take(tmp_path: Path) -> None:
    """`models quantize` writes the rounded file beside the one that it was made from."""
    folder = tmp_path / "my net"
    shutil.copytree(find_backbone("efficientnet-lite0"), folder)
    said = f"take the fp32 network that it was made from, in the same folder (--backbone '{folder}')."
    with pytest.raises(BackboneError, match=re.escape(said)):
        load_graph_module(load_backbone(folder, precision="int8"))


def test_picked_layers_are_refused() -> None:
    with pytest.raises(BackboneError, match="part of a network, the layers clip_10: take the whole network"):
        load_graph_module(load_backbone(layer="clip_10"))


def test_weights_that_are_not_the_cards_are_refused(shipped: Backbone) -> None:
    assert shipped.card.weights is not None
    weights = dataclasses.replace(shipped.card.weights, sha256="0" * 64)
    changed = Backbone.from_bytes(shipped.model_bytes(), dataclasses.replace(shipped.card, weights=weights))
    with pytest.raises(BackboneError, match="not those of its card"):
        load_graph_module(changed)


def test_without_torch_the_error_says_which_extra(shipped: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cnncodes.finetuning.graph_module", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BackendMissing, match=r"torch is not installed, which fine-tuning needs.*finetune"):
        load_graph_module(shipped)


def test_torch_is_loaded_when_a_network_is() -> None:
    code = "import sys, cnncodes.finetuning.loading; print({'torch', 'onnx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.torch
def test_arguments_of_another_kind_are_told(shipped: Backbone) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(UsageError, match="must be a Backbone, as load_backbone gives it. Got str instead"):
        load_graph_module("efficientnet-lite0")  # type: ignore[arg-type]
    module = load_graph_module(shipped)
    with pytest.raises(UsageError, match="bytes of an ONNX file, .* Got NoneType instead"):
        write_back(module, None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"height, width, 3\), channels last\. Got \(1, 3, 64, 64\) instead"):
        module(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    with pytest.raises(UsageError, match="takes tensors of torch. Got ndarray instead"):
        module(np.zeros((1, 64, 64, 3), np.uint8))
