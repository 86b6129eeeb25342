"""Half precision: near the original on the CPU, its normalisation in 32 bits."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from small_backbones import build_model, make_card
from small_convolutions import draw_pictures, make_backbone

from cnncodes.backbones import Backbone
from cnncodes.backbones.checking.parity import compare_each
from cnncodes.backbones.quantizing.halving import halve
from cnncodes.errors import BackboneError


@pytest.mark.parametrize("kind", ["plain", "open", "noted", "shared"])
def test_codes_are_near_those_of_fp32(kind: str) -> None:
    backbone, images = make_backbone(kind=kind), draw_pictures(16)
    half = halve(backbone)
    codes = half.run(images)
    assert codes.dtype == np.float32 and half.precision == "fp16"
    assert compare_each(codes, backbone.run(images)).min() > 0.9999
    assert not np.array_equal(codes, backbone.run(images))


def test_weights_have_16_bits_and_the_normalisation_32() -> None:
    half = halve(make_backbone())
    model = onnx.load_from_string(half.model_bytes())
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    for node in model.graph.node:
        kind = onnx.TensorProto.FLOAT16 if node.op_type == "Conv" else onnx.TensorProto.FLOAT
        if node.op_type in ("Conv", "Sub", "Div"):
            assert types[node.input[1]] == kind, node.op_type
    operators = [node.op_type for node in model.graph.node]
    assert operators[:5] == ["Transpose", "Cast", "Sub", "Div", "Cast"]
    assert halve(make_backbone()).sha256 == half.sha256


def test_what_has_less_already_or_no_weights_is_refused() -> None:
    with pytest.raises(BackboneError, match="is fp16 already"):
        halve(halve(make_backbone()))
    model = build_model("mean")
    with pytest.raises(BackboneError, match="has nothing to quantise"):
        halve(Backbone.from_bytes(model, make_card(model)))
