"""One warning where an int8 network runs on a processor that makes it no gain."""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from int8_networks import write_both, write_cpuinfo

from cnncodes import load_backbone
from cnncodes.backbones import Backbone
from cnncodes.backbones.running import instructions
from cnncodes.errors import CostWarning

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
    for path in (write_cpuinfo(tmp_path / "cpuinfo", "flags\t\t: avx_vnni"), tmp_path / "none"):
        monkeypatch.setattr(instructions, "CPUINFO", path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            load_backbone(precision="int8").run(np.zeros((1, 224, 224, 3), np.uint8))
