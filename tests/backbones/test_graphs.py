"""The shipped graph, and how exported graphs come to be canonical."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnncodes.backbones import Card, models_folder

FOLDER = models_folder() / "efficientnet-lite0"


@pytest.fixture(scope="module")
def model() -> Any:
    return onnx.load(FOLDER / "model.onnx")


def texts(message: Any) -> Iterator[str]:
    """Yield every text anywhere in a model; bytes too, but for the weights."""
    for field, value in message.ListFields():
        for item in value if hasattr(value, "append") else [value]:
            if isinstance(item, str):
                yield item
            elif isinstance(item, bytes) and field.name != "raw_data":
                yield item.decode()
            elif hasattr(item, "ListFields"):
                yield from texts(item)


def test_the_file_is_as_small_as_its_weights_and_its_hash_is_the_cards() -> None:
    data = (FOLDER / "model.onnx").read_bytes()
    assert 13_000_000 < len(data) < 14_000_000
    assert hashlib.sha256(data).hexdigest() == Card.read(FOLDER / "card.toml").files["model.onnx"]


def test_onnx_itself_finds_nothing_wrong(model: Any) -> None:
    onnx.checker.check_model(model, full_check=True)


def test_the_file_says_nothing_of_where_it_was_made(model: Any) -> None:
    found = list(texts(model))
    assert {"cnncodes", "image", "BatchNormalization", "_conv_stem.weight"} <= set(found)
    # Operators, and names of values, weights and attributes: no space, slash or suffix among them.
    assert [text for text in found if not re.fullmatch(r"[A-Za-z0-9_.]*", text)] == []
    assert [text for text in found if re.search(r"\.py|torch|packages|forward|home", text)] == []
    graph = model.graph
    for item in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        assert not item.doc_string and not item.metadata_props
    assert (model.producer_name, model.producer_version, model.domain) == ("cnncodes", "", "")
    assert not graph.value_info and not model.functions


def test_images_go_in_as_uint8_of_any_batch_and_size(model: Any) -> None:
    [image], [code] = model.graph.input, model.graph.output
    assert (image.name, image.type.tensor_type.elem_type) == ("image", TensorProto.UINT8)
    assert (code.name, code.type.tensor_type.elem_type) == ("code", TensorProto.FLOAT)
    dims = [[d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in (image, code)]
    assert dims == [["batch", "height", "width", 3], ["batch", 1280]]


def test_batch_normalisation_is_kept_and_the_classifier_is_not(model: Any) -> None:
    operators = Counter(node.op_type for node in model.graph.node)
    assert operators["BatchNormalization"] == operators["Conv"] == 49
    assert not {"Gemm", "MatMul", "Softmax", "Constant"} & set(operators)
    assert model.graph.node[-1].op_type == "ReduceMean"


def test_weights_keep_the_parameters_names(model: Any) -> None:
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    pattern = r"_(conv_stem|conv_head|bn[01]|blocks\.\d+\._(\w+))\.(weight|bias|running_mean|running_var)"
    odd = [name for name in weights if not re.fullmatch(pattern, name)]
    assert all(re.fullmatch(r"constant_\d", name) for name in odd)
    for node in model.graph.node:
        if node.op_type in ("Conv", "BatchNormalization"):
            assert all(re.fullmatch(pattern, name) for name in node.input[1:]), node.name
    sizes = [np.prod(weights[name].dims) for name in weights if name.endswith(("weight", "bias"))]
    assert sum(sizes) == 3_371_008
    assert len(weights) == len(set(weights)) and list(weights) == sorted(weights)


def test_the_card_repeats_the_normalisation_of_the_graph(model: Any) -> None:
    card = Card.read(FOLDER / "card.toml")
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    by_operator = {node.op_type: node for node in model.graph.node[:4]}
    assert np.array_equal(constants[by_operator["Sub"].input[1]] * np.ones(3), card.mean)
    assert np.array_equal(constants[by_operator["Div"].input[1]] * np.ones(3), card.std)
    assert model.opset_import[0].version == card.opset


def messy(number: int) -> Any:
    """Return a graph as exporters leave them; `number` changes nothing but names and traces."""
    value = [f"val_{number + i}" for i in range(6)]
    one = np.array([1.5], np.float32)
    nodes = [
        helper.make_node("Cast", ["image"], [value[0]], to=TensorProto.FLOAT, doc_string="/home/me/net.py"),
        helper.make_node("Constant", [], [value[1]], value=numpy_helper.from_array(one, "t")),
        helper.make_node("Transpose", [value[0]], [value[2]], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", [value[2], "net.conv.weight", f"zeros_{number}"], [value[3]]),
        helper.make_node("Mul", [value[3], value[1]], [value[4]]),
        helper.make_node("Mul", [value[4], f"again_{number}"], [value[5]]),
        helper.make_node("ReduceMean", [value[5], f"axes_{number}"], ["code"], keepdims=0),
    ]
    weight = np.random.default_rng(0).normal(size=(4, 3, 1, 1)).astype(np.float32)
    tensors = {
        "net.conv.weight": weight,
        f"zeros_{number}": np.zeros(4, np.float32),
        f"again_{number}": one,
        f"axes_{number}": np.array([2, 3]),
        f"unused_{number}": one,
    }
    graph = helper.make_graph(
        nodes,
        f"main_graph_{number}",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["s0", f"s{number}", "s9", 3])],
        [helper.make_tensor_value_info("code", TensorProto.FLOAT, ["s0", 4])],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
        doc_string="trace",
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    model.producer_name, model.producer_version = "exporter", str(number)
    for item in (model, graph, *model.graph.node):
        item.metadata_props.add(key="stack", value="File '/usr/site-packages/x.py'")
    return model


@pytest.mark.slow
def test_names_and_traces_of_the_exporter_leave_no_mark() -> None:
    from cnncodes.backbones.graphs.canonical import make_canonical, serialize

    first, second = (
        serialize(make_canonical(messy(number), parameters=["conv.weight"], prefix="net."))
        for number in (1, 70)
    )
    assert first == second
    model = onnx.load_from_string(first)
    assert [text for text in texts(model) if re.search(r"/|\.py|stack|exporter|val_|trace", text)] == []
    assert {t.name for t in model.graph.initializer} == {"conv.weight", "constant_0", "constant_1"}
    [conv] = [node for node in model.graph.node if node.op_type == "Conv"]
    assert list(conv.input) == ["transpose_0", "conv.weight"], "a bias of zeros is none"
    dims = [d.dim_param for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert dims == ["batch", "height", "width", ""]


@pytest.mark.slow
def test_the_canonical_graph_computes_the_same() -> None:
    from cnncodes.backbones.graphs.canonical import make_canonical, serialize

    before = messy(1).SerializeToString()
    after = serialize(make_canonical(messy(1), parameters=["conv.weight"], prefix="net."))
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    found = [
        onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"image": images})[0]
        for data in (before, after)
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)


@pytest.mark.slow
def test_a_bias_that_is_not_zero_and_a_parameter_of_zeros_stay() -> None:
    from cnncodes.backbones.graphs.canonical import make_canonical

    model = messy(1)
    [bias] = [tensor for tensor in model.graph.initializer if tensor.name == "zeros_1"]
    bias.CopyFrom(numpy_helper.from_array(np.array([0, 0, 3, 0], np.float32), "zeros_1"))
    made = make_canonical(model, parameters=["conv.weight"], prefix="net.")
    assert [len(node.input) for node in made.graph.node if node.op_type == "Conv"] == [3]
    made = make_canonical(messy(1), parameters=["weight", "s_1"], prefix="zero")
    [conv] = [node for node in made.graph.node if node.op_type == "Conv"]
    assert conv.input[2] == "s_1"


@pytest.mark.slow
def test_what_is_canonical_stays_as_it_is(model: Any) -> None:
    from cnncodes.backbones.graphs.canonical import make_canonical, serialize

    names = [t.name for t in model.graph.initializer if not t.name.startswith("constant")]
    again = serialize(make_canonical(model, parameters=names, prefix=""))
    assert hashlib.sha256(again).hexdigest() == Card.read(FOLDER / "card.toml").files["model.onnx"]


@pytest.mark.slow
def test_a_broken_graph_is_not_written() -> None:
    from cnncodes.backbones.graphs.canonical import serialize

    model = messy(1)
    model.graph.node[2].input[0] = "nowhere"
    with pytest.raises(onnx.checker.ValidationError):
        serialize(model)
