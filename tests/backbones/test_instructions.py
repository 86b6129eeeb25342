"""8-bit dot products: read off the system's file, and one warning where an int8 network lacks them."""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from cnncodes import load_backbone
from cnncodes.backbones import Backbone
from cnncodes.backbones.running import instructions
from cnncodes.backbones.running.instructions import has_dot_products


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


@pytest.mark.usefixtures("old_processor")
def test_an_int8_network_runs_with_one_warning_of_what_it_costs() -> None:
    with pytest.warns(UserWarning, match="VNNI") as caught:
        backbone = load_backbone(precision="int8")
    [warning] = caught
    assert re.search(
        r"no 8-bit dot products \(VNNI\).*takes [0-9.]+ times as long as fp32 here", str(warning.message)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images = np.zeros((1, 224, 224, 3), np.uint8)
        for again in (backbone, copy.deepcopy(backbone), pickle.loads(pickle.dumps(backbone))):
            assert again.run(images).shape == (1, 1280)


@pytest.mark.usefixtures("old_processor")
def test_without_the_fp32_file_the_cost_is_said_in_words() -> None:
    with pytest.warns(UserWarning, match="VNNI"):
        backbone = load_backbone(precision="int8")
    with pytest.warns(UserWarning, match="it may be slower than fp32") as caught:
        Backbone.from_bytes(backbone.model_bytes(), backbone.card)
    assert len(caught) == 1


@pytest.mark.usefixtures("old_processor")
def test_fp32_is_no_reason_to_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_backbone()


def test_a_processor_that_has_them_or_is_unknown_is_no_reason_to_warn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (write(tmp_path / "cpuinfo", "flags\t\t: avx_vnni"), tmp_path / "none"):
        monkeypatch.setattr(instructions, "CPUINFO", path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert load_backbone(precision="int8").precision == "int8"
