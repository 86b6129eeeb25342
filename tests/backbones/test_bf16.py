"""bf16 runs or is an error: OpenVINO takes it as a hint, and goes on in fp32 on a processor without it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from small_convolutions import make_backbone

from cnncodes import load_backbone
from cnncodes.backbones import Backbone
from cnncodes.backbones.running import instructions
from cnncodes.backbones.running.bf16 import check_bf16
from cnncodes.backbones.running.starting import CPU, start_session
from cnncodes.errors import BackboneError, ProviderError


def round_weights(model: bytes) -> bytes:
    """Return a network whose weights are those that bf16 has: what computing in it gives, about."""
    read = onnx.load_from_string(model)
    for tensor in read.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim == 4:
            bits = (values.view(np.uint32) + 0x8000) & np.uint32(0xFFFF0000)
            tensor.CopyFrom(numpy_helper.from_array(bits.view(np.float32), tensor.name))
    return bytes(read.SerializeToString())


@pytest.fixture
def network() -> Backbone:
    return make_backbone()


def test_codes_that_are_rounded_are_taken(network: Backbone) -> None:
    model = network.model_bytes()
    check_bf16(start_session(round_weights(model), "it", CPU, 1), model, "it", network.frame)


def test_codes_of_fp32_are_refused(
    network: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network.model_bytes()
    session = start_session(model, "it", CPU, 1)
    with pytest.raises(BackboneError, match=r"bf16 does not run here: .* Take --precision fp32"):
        check_bf16(session, model, "it", network.frame)
    (tmp_path / "cpuinfo").write_text("flags\t\t: fpu avx2 fma\n")
    monkeypatch.setattr(instructions, "CPUINFO", tmp_path / "cpuinfo")
    with pytest.raises(BackboneError, match="has none of amx_bf16, avx512_bf16, bf16, OpenVINO computes it"):
        check_bf16(session, model, "it", network.frame)


@pytest.mark.skipif(
    "OpenVINOExecutionProvider" not in onnxruntime.get_available_providers(), reason="needs OpenVINO"
)
def test_openvino_computes_in_bf16_or_says_that_it_does_not() -> None:
    if not {"avx512f", "amx_bf16", "bf16"} & set(instructions.list_instructions() or ()):
        with pytest.raises(BackboneError, match="bf16 does not run here"):
            load_backbone(precision="bf16", providers=("openvino",))
        return
    found = load_backbone(precision="bf16")
    assert found.providers[0].name == "OpenVINOExecutionProvider"
    images = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    assert np.abs(found.run(images) - load_backbone().run(images)).max() > 1e-3


@pytest.mark.skipif(
    "OpenVINOExecutionProvider" in onnxruntime.get_available_providers(),
    reason="needs that OpenVINO is missing",
)
def test_bf16_asks_for_openvino_by_itself_and_for_no_other() -> None:
    with pytest.raises(ProviderError, match="'OpenVINOExecutionProvider' is not available"):
        load_backbone(precision="bf16")
    with pytest.raises(BackboneError, match="computed by OpenVINO alone.* is to run on CPUExecutionProvider"):
        load_backbone(precision="bf16", providers=("cpu",))
