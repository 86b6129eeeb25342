"""Quantised networks: near the original, of the same bytes each time, no float where none is promised."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from small_backbones import build_model, make_card
from small_convolutions import CODE, EQUAL, OWN, draw_pictures, make_backbone

import cnncodes
from cnncodes.backbones import Backbone
from cnncodes.backbones.checking.parity import compare_each
from cnncodes.backbones.quantizing.calibration import measure_values
from cnncodes.backbones.quantizing.halving import halve
from cnncodes.backbones.quantizing.preparing import find_float_tail, prepare_graph
from cnncodes.backbones.quantizing.quantization import quantize
from cnncodes.errors import BackboneError, BackendMissing

CALIBRATION, TEST = draw_pictures(64), draw_pictures(64, 1)


def make(backbone: Backbone, kind: str = "uint8") -> Any:
    [made] = quantize(backbone, CALIBRATION, (kind,))
    return made


def read(backbone: Backbone) -> Any:
    return onnx.load_from_string(backbone.model_bytes())


@pytest.mark.parametrize("kind", ["uint8", "int8"])
@pytest.mark.parametrize(
    "choices",
    [{"mean": EQUAL}, {"mean": OWN}, {"pads": 0}, {"kind": "noted"}, {"kind": "open"}, {"kind": "shared"}],
    ids=str,
)
def test_codes_are_near_those_of_fp32(kind: str, choices: dict[str, Any]) -> None:
    backbone = make_backbone(**choices)
    made = make(backbone, kind)
    assert np.median(compare_each(made.backbone.run(TEST), backbone.run(TEST))) > 0.99
    assert made.backbone.precision == "int8" and made.activations == kind
    assert made.folded == (choices.get("kind") != "shared")
    operators = Counter(node.op_type for node in read(made.backbone).graph.node)
    assert operators["DequantizeLinear"] > operators["Conv"] >= 3
    assert not {"Sub", "Div"} & set(operators) or not made.folded


def test_raw_pixels_enter_the_first_convolution() -> None:
    graph = read(make(make_backbone()).backbone).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    first = next(node for node in graph.node if node.op_type == "Conv")
    entering = makers[first.input[0]]
    assert entering.op_type == "DequantizeLinear"
    assert constants[entering.input[1]] == 1 and constants[entering.input[2]] == 116
    before = entering.input[0]
    while before != "image":
        assert makers[before].op_type in ("Transpose", "Split", "Pad", "Concat")
        before = makers[before].input[0]


def test_weights_are_signed_with_a_scale_for_each_channel() -> None:
    graph = read(make(make_backbone()).backbone).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.op_type == "Conv":
            weights = makers[node.input[1]]
            assert constants[weights.input[0]].dtype == np.int8
            assert constants[weights.input[1]].shape == (len(constants[weights.input[0]]),)


def test_the_code_itself_is_not_rounded() -> None:
    for kind in ("plain", "open"):
        made = make(make_backbone(kind=kind))
        values = made.backbone.run(TEST)
        assert len(np.unique(values[values > 0])) > 256 * 1.5, kind


def test_biases_put_right_what_rounding_shifts(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = make_backbone()
    expected = backbone.run(TEST)
    corrected = make(backbone).backbone.run(TEST)
    monkeypatch.setattr("cnncodes.backbones.quantizing.quantization.correct_biases", lambda *_: None)
    plain = make(backbone).backbone.run(TEST)
    shift, left = (np.abs((codes - expected).mean(axis=0)).sum() for codes in (plain, corrected))
    assert left < 0.7 * shift


def test_the_order_of_images_and_the_process_are_no_matter(tmp_path: Path) -> None:
    backbone = make_backbone()
    first = [one.backbone.sha256 for one in quantize(backbone, CALIBRATION)]
    assert [one.backbone.sha256 for one in quantize(backbone, CALIBRATION[::-1])] == first
    code = (
        "from small_convolutions import *\n"
        "from cnncodes.backbones.quantizing.quantization import quantize\n"
        "print(*[one.backbone.sha256 for one in quantize(make_backbone(), draw_pictures(64))])"
    )
    roots = [str(Path(cnncodes.__file__).parents[1]), str(Path(__file__).parent)]
    environment = {"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(roots), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.split() == first


def test_codes_do_not_depend_on_the_batch() -> None:
    backbone = make(make_backbone()).backbone
    single = np.concatenate([backbone.run(TEST[i : i + 1]) for i in range(8)])
    assert np.array_equal(backbone.run(TEST[:8]), single)


def test_what_is_quantised_already_is_refused() -> None:
    int8 = make(make_backbone()).backbone
    with pytest.raises(BackboneError, match="'conv' is int8 already"):
        quantize(int8, CALIBRATION)
    disguised = make_card(int8.model_bytes(), code_size=int8.code_size, name="disguised")
    with pytest.raises(BackboneError, match="'disguised' is quantised already"):
        quantize(Backbone.from_bytes(int8.model_bytes(), disguised), CALIBRATION)


def test_a_network_without_weights_has_nothing_to_quantise() -> None:
    model = build_model("mean")
    with pytest.raises(BackboneError, match="has nothing to quantise"):
        quantize(Backbone.from_bytes(model, make_card(model)), CALIBRATION)


def test_a_missing_package_brings_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BackendMissing, match=r"onnx is not installed.*pip install .*report"):
        quantize(make_backbone(), CALIBRATION)


def test_an_older_operator_set_is_brought_up() -> None:
    made = make(make_backbone(opset=13))
    assert {item.domain: item.version for item in read(made.backbone).opset_import}[""] == 18
    assert np.median(compare_each(made.backbone.run(TEST), make_backbone(opset=13).run(TEST))) > 0.99


def test_ranges_leave_odd_images_out_and_means_do_not() -> None:
    model = prepare_graph(make_backbone().model_bytes(), "conv")
    usual = np.full((19, 32, 32, 3), 120, np.uint8)
    odd = np.full((1, 32, 32, 3), 255, np.uint8)
    name = next(node for node in model.graph.node if node.op_type == "Conv").input[0]
    plain = measure_values(model, usual, ranges=[name], means=[name])
    mixed = measure_values(model, np.concatenate([usual, odd]), ranges=[name], means=[name])
    assert mixed.ranges[name] == pytest.approx(plain.ranges[name])
    expected = (19 * plain.means[name] + (255 - np.array(OWN)) / 58) / 20
    assert mixed.means[name] == pytest.approx(expected, abs=1e-5)


def test_the_tail_that_stays_float() -> None:
    def operators(kind: str) -> set[str]:
        graph = prepare_graph(make_backbone(kind=kind).model_bytes(), kind).graph
        tail = find_float_tail(graph)
        return {node.op_type for node in graph.node if node.name in tail}

    assert operators("plain") == {"GlobalAveragePool", "Flatten"}
    assert operators("open") == {"Relu"}


def test_the_card_says_which_file_it_is_of() -> None:
    made = make(make_backbone())
    digest = hashlib.sha256(made.backbone.model_bytes()).hexdigest()
    assert made.backbone.card.files == {"int8.onnx": digest} and made.backbone.sha256 == digest
    assert made.method.endswith("raw pixels enter the first convolution")


def test_a_relu_that_rounding_stands_for_stays() -> None:
    """Of two vectors side by side the last one's ReLU is part of its rounding, which is not left out then."""
    from written_graphs import write_backbone, write_model

    body = (
        "a = Conv<strides = [4, 4]>(pixels, w1)\n r = Relu(a)\n p = GlobalAveragePool(r)\n f = Flatten(p)\n"
        "m = Flatten(r)\n g = Gemm<transB = 1>(m, w2, b2)\n h = Relu(g)\n code = Concat<axis = 1>(f, h)"
    )
    weights = {"w1": (8, 3, 4, 4), "w2": (12, 512), "b2": (12,)}
    model = write_model(body, weights, code_size=20, image="uint8[batch, 32, 32, 3] image")
    backbone = write_backbone(model, side=32, sizes="fixed")
    expected = backbone.run(TEST)
    assert expected.min() >= 0 and (expected == 0).any()
    for made in quantize(backbone, CALIBRATION):
        codes = made.backbone.run(TEST)
        assert codes.min() >= 0, made.activations
        assert np.median(compare_each(codes, expected)) > 0.95


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["w1", "w3", "b1"])
def test_a_weight_that_is_not_finite_is_named(name: str, bad: float) -> None:
    model = onnx.load_from_string(make_backbone().model_bytes())
    [tensor] = [tensor for tensor in model.graph.initializer if tensor.name == name]
    values = numpy_helper.to_array(tensor).copy()
    values.flat[-1] = bad
    tensor.CopyFrom(numpy_helper.from_array(values, name))
    data = model.SerializeToString()
    backbone = Backbone.from_bytes(data, make_card(data, code_size=CODE, name="conv"))
    words = f"'conv' cannot be made less precise: the weight '{name}' has values that are not finite. Its"
    with pytest.raises(BackboneError, match=words):
        quantize(backbone, CALIBRATION)
    with pytest.raises(BackboneError, match=words):
        halve(backbone)
