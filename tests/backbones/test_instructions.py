"""8-bit dot products: read off the system's file, and one warning where an int8 network lacks them."""

from __future__ import annotations

import copy
import hashlib
import pickle
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from small_convolutions import write_convolutions

from cnncodes import load_backbone
from cnncodes.backbones import Backbone, Card
from cnncodes.backbones.running import instructions
from cnncodes.backbones.running.instructions import has_dot_products
from cnncodes.errors import BackboneError, CostWarning


def write(path: Path, line: str) -> Path:
    path.write_text(f"processor\t: 0\nmodel name\t: some\n{line}\n\nprocessor\t: 1\n")
    return path


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_vnni", True),
        ("flags\t\t: fpu avx2 avx_vnni", True),
        ("flags\t\t: fpu amx_int8", True),
        ("flags\t\t: fpu avx2 fma avx512f avx512_vnniX", False),
        ("Features\t: fp asimd asimddp", True),
        ("Features\t: fp asimd", False),
        ("bogomips\t: 3", None),
    ],
)
def test_the_systems_file_says_what_there_is(tmp_path: Path, line: str, expected: bool | None) -> None:
    assert has_dot_products(write(tmp_path / "cpuinfo", line)) is expected


def test_without_that_file_nothing_is_known(tmp_path: Path) -> None:
    assert has_dot_products(tmp_path / "none") is None


@pytest.fixture
def old_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instructions, "CPUINFO", write(tmp_path / "cpuinfo", "flags\t\t: fpu avx2 fma"))


def write_both(folder: Path, **work: int) -> Path:
    """Write a network of two files, of which that of int8 or that of fp32 has more to do."""
    folder = write_convolutions(folder)
    read = onnx.load(folder / "model.onnx")
    for node in read.graph.node:
        if node.output[0] == "pixels_":
            node.output[0] = "sin_0"
    for number in range(200):
        last = "pixels_" if number == 199 else f"sin_{number + 1}"
        read.graph.node.append(helper.make_node("Sin", [f"sin_{number}"], [last]))
    names = {"fast.onnx": (folder / "model.onnx").read_bytes(), "slow.onnx": read.SerializeToString()}
    for name, data in names.items():
        (folder / name).write_bytes(data)
    full, int8 = sorted(names, key=lambda name: work[name.removesuffix(".onnx")])
    files = {name: hashlib.sha256(data).hexdigest() for name, data in names.items()}
    card = Card.read(folder / "card.toml")
    replace(card, model_file=full, files=files, precisions={"int8": int8}).write(folder / "card.toml")
    return folder


IMAGES = np.zeros((1, 32, 32, 3), np.uint8)


@pytest.mark.usefixtures("old_processor")
def test_an_int8_network_that_is_no_gain_warns_once_when_it_first_runs(tmp_path: Path) -> None:
    folder = write_both(tmp_path, fast=0, slow=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backbone = load_backbone(folder, precision="int8")  # there may be nothing to do
    with pytest.warns(CostWarning, match="VNNI") as caught:
        backbone.run(IMAGES)
    [warning] = caught
    assert re.search(
        r"no 8-bit dot products \(VNNI\).*takes [0-9.e+]+ times as long as fp32 here. Without --precision",
        str(warning.message),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for again in (backbone, copy.deepcopy(backbone), pickle.loads(pickle.dumps(backbone))):
            assert again.run(IMAGES).shape == (1, 16)


@pytest.mark.usefixtures("old_processor")
def test_an_int8_network_that_is_faster_all_the_same_warns_of_nothing(tmp_path: Path) -> None:
    backbone = load_backbone(write_both(tmp_path, fast=1, slow=0), precision="int8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backbone.run(IMAGES)


@pytest.mark.usefixtures("old_processor")
def test_without_the_fp32_file_the_cost_is_said_in_words() -> None:
    backbone = load_backbone(precision="int8")
    alone = Backbone.from_bytes(backbone.model_bytes(), backbone.card)
    with pytest.warns(CostWarning, match="it may be slower than fp32") as caught:
        alone.run(np.zeros((1, 224, 224, 3), np.uint8))
    assert len(caught) == 1


@pytest.mark.usefixtures("old_processor")
def test_lanes_that_run_it_together_warn_once(tmp_path: Path) -> None:
    backbone = load_backbone(write_both(tmp_path, fast=0, slow=1), precision="int8")
    with pytest.warns(CostWarning) as caught, ThreadPoolExecutor(4) as lanes:
        list(lanes.map(backbone.run, [IMAGES] * 8))
    assert len(caught) == 1


@pytest.mark.usefixtures("old_processor")
def test_fp32_is_no_reason_to_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_backbone().run(np.zeros((1, 224, 224, 3), np.uint8))


def test_a_processor_that_has_them_or_is_unknown_is_no_reason_to_warn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (write(tmp_path / "cpuinfo", "flags\t\t: avx_vnni"), tmp_path / "none"):
        monkeypatch.setattr(instructions, "CPUINFO", path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            load_backbone(precision="int8").run(np.zeros((1, 224, 224, 3), np.uint8))


@pytest.mark.usefixtures("old_processor")
def test_int8_by_openvino_is_refused_where_its_sums_overflow(tmp_path: Path) -> None:
    folder = write_both(tmp_path / "net", fast=0, slow=1)
    with pytest.raises(BackboneError, match=r"int8 by OpenVINO gives other codes of 'conv' .*--provider cpu"):
        load_backbone(folder, precision="int8", providers=("openvino",))


@pytest.mark.parametrize(
    ("flags", "exact"), [("fpu avx2", True), ("fpu avx512_vnni", False), ("amx_int8", False)]
)
def test_the_exact_way_is_asked_for_where_sums_would_overflow_and_not_where_it_would_cost(
    flags: str, exact: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instructions, "CPUINFO", write(tmp_path / "cpuinfo", f"flags\t\t: {flags}"))
    options = load_backbone()._session.get_session_options()
    if exact:
        assert options.get_session_config_entry("session.x64quantprecision") == "1"
    else:
        with pytest.raises(RuntimeError):  # there is no such entry
            options.get_session_config_entry("session.x64quantprecision")
