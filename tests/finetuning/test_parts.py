"""A network in two parts: both together give its code, and only what is chosen is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

torch = pytest.importorskip("torch")

from written_graphs import noise, write_dotted  # noqa: E402

from cnncodes import load_backbone  # noqa: E402
from cnncodes.backbones import Card  # noqa: E402
from cnncodes.backbones.running.starting import CPU, run_session, start_session  # noqa: E402
from cnncodes.errors import BackboneError, UsageError  # noqa: E402
from cnncodes.finetuning.blocks import choose_weights, list_blocks  # noqa: E402
from cnncodes.finetuning.graph_module import GraphModule  # noqa: E402
from cnncodes.finetuning.loading import make_graph_module, write_back  # noqa: E402
from cnncodes.finetuning.parts import Feature, Parts, split_graph  # noqa: E402
from cnncodes.finetuning.reading import read_graph  # noqa: E402

pytestmark = pytest.mark.torch

RESIDUAL = """
    one = Conv(pixels, conv1__weight)
    a = Relu(one)
    two = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]>(a, layer1__conv1__weight)
    three = BatchNormalization
        (two, layer1__bn1__weight, layer1__bn1__bias, layer1__bn1__running_mean, layer1__bn1__running_var)
    b = Relu(three)
    four = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(b, layer1__conv2__weight)
    side = Conv<strides = [2, 2]>(a, layer1__downsample__weight)
    sum = Add(four, side)
    c = Relu(sum)
    pooled = GlobalAveragePool(c)
    flat = Flatten(pooled)
    turned = Transpose<perm = [1, 0]>(fc__weight)
    last = MatMul(flat, turned)
    code = Add(last, fc__bias)
"""
RESIDUAL_WEIGHTS: dict[str, Any] = {
    "conv1__weight": (4, 3, 1, 1),
    "layer1__conv1__weight": (5, 4, 3, 3),
    "layer1__bn1__weight": (5,),
    "layer1__bn1__bias": (5,),
    "layer1__bn1__running_mean": (5,),
    "layer1__bn1__running_var": np.array([1, 2, 3, 4, 5], np.float32),
    "layer1__conv2__weight": (6, 5, 3, 3),
    "layer1__downsample__weight": (6, 4, 1, 1),
    "fc__weight": (2, 6),
    "fc__bias": (2,),
}


def write(body: str, weights: dict[str, Any], code_size: int) -> bytes:
    return bytes(write_dotted(body, weights, code_size).SerializeToString())


@pytest.fixture(scope="module")
def residual() -> bytes:
    return write(RESIDUAL, RESIDUAL_WEIGHTS, 2)


@pytest.fixture(scope="module")
def shipped() -> bytes:
    return load_backbone().model_bytes()


def run(model: bytes, images: Any) -> list[Any]:
    return run_session(start_session(model, "the graph", CPU, 1), None, {"image": images}, "the graph")


def leave_floats(lower: bytes) -> bytes:
    """Return a lower part that does not round its features."""
    model = onnx.load_from_string(lower)
    for node in model.graph.node:
        if node.name.startswith("Cast_feature_"):
            node.attribute[0].i = TensorProto.FLOAT
    for value in model.graph.output:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT16:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    return bytes(model.SerializeToString())


def gap(found: Any, expected: Any) -> float:
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def join(parts: Parts, lower: bytes, images: Any) -> tuple[Any, Any]:
    """Return what both parts give together, and the lower part's own code."""
    *features, code = run(lower, images)
    assert len(features) == len(parts.features)
    with torch.no_grad():
        return GraphModule(parts.upper)(*map(torch.from_numpy, features)).numpy(), code


def check(
    model: bytes, weights: Any, images: Any, rounding: float = 2e-3, exact: float = 1e-5, own: float = 1e-6
) -> Parts:
    """Split a graph, and compare its code and gradients with those of the whole."""
    parts = split_graph(model, weights, *images.shape[1:3])
    [expected] = run(model, images)
    *features, code = run(parts.lower, images)
    for value, feature in zip(features, parts.features, strict=True):
        assert (value.shape, value.dtype) == ((len(images), *feature.shape), feature.dtype)
    assert gap(code, expected) <= own
    assert gap(join(parts, parts.lower, images)[0], expected) <= rounding
    assert gap(join(parts, leave_floats(parts.lower), images)[0], expected) <= exact
    assert set(weights) <= parts.upper.weights.keys()
    assert parts.upper.given == tuple(feature.name for feature in parts.features)
    return parts


def find_gradients(module: Any, weights: Any, *given: Any) -> dict[str, Any]:
    """Return the gradients of a random sum of the codes by what may be trained."""
    for name, weight in module.named_parameters():
        weight.requires_grad_(name in weights)
    codes = module(*given)
    (codes * torch.randn(codes.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
    return {name: weight.grad for name, weight in module.named_parameters() if weight.grad is not None}


def check_gradients(
    model: bytes, weights: Any, images: Any, kind: Any = torch.float64, tolerance: float = 1e-4
) -> None:
    parts = split_graph(model, weights, *images.shape[1:3])
    *features, _ = run(leave_floats(parts.lower), images)
    found = find_gradients(GraphModule(parts.upper).to(kind), weights, *map(torch.from_numpy, features))
    expected = find_gradients(make_graph_module(model).to(kind), weights, torch.from_numpy(images))
    assert found.keys() == expected.keys() == set(weights)
    for name, gradient in found.items():
        assert gap(gradient.numpy(), expected[name].numpy()) <= tolerance, name


@pytest.mark.parametrize(
    ("unfreeze", "features"),
    [
        ("fc", [Feature("flat", (6,), "float16")]),
        ("fc.bias", [Feature("last", (2,), "float16")]),
        ("layer1", [Feature("a", (4, 8, 9), "float16")]),
        ("layer1.bn1", [Feature("a", (4, 8, 9), "float16"), Feature("two", (5, 4, 5), "float16")]),
        ("layer1.conv2", [Feature("a", (4, 8, 9), "float16"), Feature("b", (5, 4, 5), "float16")]),
        ("layer1.downsample", [Feature("a", (4, 8, 9), "float16"), Feature("four", (6, 4, 5), "float16")]),
        ("all", [Feature("image", (8, 9, 3), "uint8")]),
    ],
)
def test_what_crosses_a_cut(residual: bytes, unfreeze: str, features: list[Feature]) -> None:
    weights = choose_weights(read_graph(residual), unfreeze)
    parts = check(residual, weights, noise(3, 8, 9))
    assert list(parts.features) == features
    assert sorted(parts.upper.weights) == sorted(weights)
    check_gradients(residual, weights, noise(3, 8, 9))


def test_frozen_weights_above_the_cut_stay_parameters(residual: bytes) -> None:
    parts = check(residual, ["layer1.bn1.bias"], noise(2, 8, 8))
    assert [feature.name for feature in parts.features] == ["two", "side"]
    assert sorted(parts.upper.weights) == [
        "fc.bias", "fc.weight", "layer1.bn1.bias", "layer1.bn1.weight", "layer1.conv2.weight"
    ]  # fmt: skip
    assert sorted(parts.upper.statistics) == ["layer1.bn1.running_mean", "layer1.bn1.running_var"]
    check_gradients(residual, ["layer1.bn1.bias"], noise(2, 8, 8))


def test_where_all_is_trained_the_image_crosses_at_any_size(residual: bytes) -> None:
    parts = split_graph(residual, list(read_graph(residual).weights), 8, 8)
    images = noise(2, 12, 17)
    found, code = join(parts, parts.lower, images)
    given, _ = run(parts.lower, images)
    assert np.array_equal(given, images) and given.dtype == np.uint8
    assert gap(found, code) <= 1e-5


def test_an_upper_part_is_written_back(residual: bytes) -> None:
    weights = choose_weights(read_graph(residual), "layer1")
    module = GraphModule(split_graph(residual, weights, 8, 8).upper)
    assert write_back(module, residual) == residual
    with torch.no_grad():
        module.get_parameter("fc.bias").add_(1)
    images = noise(2, 8, 8)
    [before], [after] = run(residual, images), run(write_back(module, residual), images)
    assert np.allclose(after, before + 1, atol=1e-5)


HEAD = """
    pooled = GlobalAveragePool(c)
    flat = Flatten(pooled)
    code = MatMul(flat, fc__weight)
"""
CONV = "a = Conv(pixels, conv1__weight)"
SMALL: dict[str, Any] = {"conv1__weight": (4, 3, 1, 1), "fc__weight": (4, 2)}


def split_small(body: str, chosen: list[str], **weights: Any) -> list[str]:
    """Check a graph, and return the names of what crosses."""
    model = write(body, {**SMALL, **weights}, 2)
    parts = check(model, chosen, noise(3, 8, 8))
    check_gradients(model, chosen, noise(3, 8, 8))
    return [feature.name for feature in parts.features]


@pytest.mark.parametrize("asked", ["image", "pixels", "a"])
@pytest.mark.parametrize("how", ["Shape", "Shape<start = 0, end = 1>", "Shape<start = -4, end = -3>"])
def test_the_batch_is_asked_of_what_crosses(asked: str, how: str) -> None:
    body = f"""{CONV}
        c = Relu(a)
        pooled = GlobalAveragePool(c)
        lengths = {how}({asked})
        batch = Gather<axis = 0>(lengths, constant_at)
        shape = Concat<axis = 0>(batch, constant_rest)
        scaled = Mul(pooled, scale__weight)
        flat = Reshape(scaled, shape)
        code = MatMul(flat, fc__weight)
    """
    constants = {"constant_at": np.array([0]), "constant_rest": np.array([4]), "scale__weight": (1, 4, 1, 1)}
    assert split_small(body, ["scale.weight", "fc.weight"], **constants) == ["pooled"]


def test_lengths_of_what_does_not_cross_are_known() -> None:
    body = f"""{CONV}
        lengths = Shape<start = 2>(pixels)
        none = Shape<start = 2, end = 2>(a)
        empty = Expand(constant_one, none)
        sides = Cast<to = 1>(lengths)
        sizes = ReduceProd(sides)
        c = Relu(a)
        pooled = GlobalAveragePool(c)
        flat = Flatten(pooled)
        last = MatMul(flat, fc__weight)
        scaled = Mul(last, empty)
        code = Div(scaled, sizes)
    """
    body = body.replace("sizes = ReduceProd(sides)", "sizes = Gather<axis = 0>(sides, constant_at)")
    constants = {"constant_at": np.array([1]), "constant_one": np.float32(1)}
    assert split_small(body, ["fc.weight"], **constants) == ["flat"]


def test_what_has_not_one_entry_an_image_does_not_cross() -> None:
    body = f"""{CONV}
        windows = Reshape(a, constant_windows)
        lengths = Shape(windows)
        turned = Relu(windows)
        scaled = Mul(turned, scale__weight)
        same = Reshape(scaled, lengths)
        c = Reshape(same, constant_images)
        {HEAD}
    """
    constants = {
        "constant_windows": np.array([-1, 4, 4, 8]),  # two windows an image
        "constant_images": np.array([-1, 4, 8, 8]),
        "scale__weight": (4, 1, 1),
    }
    assert split_small(body, ["scale.weight"], **constants) == ["a"]


def test_a_shape_that_is_not_known_lets_its_tensor_cross() -> None:
    body = f"""{CONV}
        windows = Reshape(a, constant_windows)
        lengths = Shape(windows)
        c = Relu(a)
        scaled = Mul(c, scale__weight)
        other = Reshape(scaled, lengths)
        last = Reshape(other, constant_images)
        {HEAD.replace("(c)", "(last)")}
    """
    constants = {
        "constant_windows": np.array([-1, 4, 4, 8]),
        "constant_images": np.array([-1, 4, 8, 8]),
        "scale__weight": (4, 1, 1),
    }
    assert split_small(body, ["scale.weight"], **constants) == ["a"]  # of which c is made again


def test_whole_numbers_do_not_cross() -> None:
    body = f"""{CONV}
        whole = Cast<to = 7>(a)
        again = Cast<to = 1>(whole)
        c = Mul(again, scale__weight)
        {HEAD}
    """
    model = write(body, {**SMALL, "scale__weight": (4, 1, 1)}, 2)
    weights = ["scale.weight", "fc.weight"]
    assert [feature.name for feature in check(model, weights, noise(2, 8, 8)).features] == ["again"]
    body = body.replace("again = Cast<to = 1>(whole)", "again = CastLike(whole, scale__weight)")
    model = write(body, {**SMALL, "scale__weight": (4, 1, 1)}, 2)
    parts = split_graph(model, weights, 8, 8)
    assert [feature.name for feature in parts.features] == ["a"]
    # Rounded features are other whole numbers, exact ones the same.
    assert gap(*join(parts, leave_floats(parts.lower), noise(2, 8, 8))) <= 1e-5


def test_what_is_made_of_what_crosses_anyway_is_made_again() -> None:
    body = f"""{CONV}
        b = Conv(pixels, conv2__weight)
        ab = Concat<axis = 1>(a, b)
        d = Conv(ab, layer1__weight)
        ad = Concat<axis = 1>(a, b, d)
        c = Conv(ad, layer2__weight)
        {HEAD}
    """
    weights = {"conv2__weight": (4, 3, 1, 1), "layer1__weight": (4, 8, 1, 1), "layer2__weight": (4, 12, 1, 1)}
    assert split_small(body, ["layer1.weight", "layer2.weight"], **weights) == ["a", "b"]


def test_what_is_made_of_fewer_numbers_is_made_again() -> None:
    body = f"""{CONV}
        wide = Pad(a, constant_pads)
        b = Conv(wide, layer1__weight)
        small = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(b)
        c = Conv(small, layer2__weight)
        {HEAD}
    """
    weights: dict[str, Any] = {
        "constant_pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "layer1__weight": (4, 4, 1, 1),
        "layer2__weight": (4, 4, 1, 1),
    }
    assert split_small(body, ["layer1.weight"], **weights) == ["a"]
    assert split_small(body, ["layer2.weight"], **weights) == ["small"]


def test_what_only_frozen_weights_make_is_made_again() -> None:
    body = f"""{CONV}
        kernel = Mul(layer1__weight, constant_scale)
        b = Mul(a, constant_scale)
        c = Conv(b, kernel)
        {HEAD}
    """
    weights = {"constant_scale": np.float32(2), "layer1__weight": (4, 4, 1, 1)}
    assert split_small(body, ["conv1.weight"], **weights) == ["image"]
    assert split_small(body, ["layer1.weight"], **weights) == ["b"]


def test_a_token_of_the_frozen_part_crosses_for_each_image() -> None:
    body = """
        a = Conv(pixels, conv1__weight)
        pooled = GlobalAveragePool(a)
        lengths = Shape(pooled)
        token = Expand(class_token, lengths)
        sum = Add(pooled, token)
        c = Mul(token, scale__weight)
        last = Add(c, sum)
        flat = Flatten(last)
        code = MatMul(flat, fc__weight)
    """
    weights = {"class_token": (1, 4, 1, 1), "scale__weight": (4, 1, 1)}
    assert split_small(body, ["scale.weight", "fc.weight"], **weights) == ["token", "sum"]


def test_a_shared_weight_is_trained_at_all_of_its_nodes() -> None:
    body = f"""{CONV}
        b = Conv(a, conv2__weight)
        d = Conv(b, conv2__weight)
        c = Conv(d, conv3__weight)
        {HEAD}
    """
    weights = {"conv2__weight": (4, 4, 1, 1), "conv3__weight": (4, 4, 1, 1)}
    assert split_small(body, ["conv2.weight"], **weights) == ["a"]
    assert split_small(body, ["conv3.weight"], **weights) == ["d"]


def test_names_of_the_graph_are_kept_apart() -> None:
    body = """
        feature_0 = Conv(pixels, conv1__weight)
        c = Relu(feature_0)
        batch_length = Shape(image)
        first = Gather<axis = 0>(batch_length, constant_at)
        pooled = GlobalAveragePool(c)
        scaled = Mul(pooled, scale__weight)
        fixed_lengths = Concat<axis = 0>(first, constant_rest)
        feature_shape = Reshape(scaled, fixed_lengths)
        code = MatMul(feature_shape, fc__weight)
    """
    constants = {"constant_at": np.array([0]), "constant_rest": np.array([4]), "scale__weight": (1, 4, 1, 1)}
    assert split_small(body, ["scale.weight"], **constants) == ["pooled"]
    body = body.replace("GlobalAveragePool(c)", "GlobalAveragePool(feature_0)")
    assert split_small(body, ["scale.weight"], **constants) == ["pooled"]
    assert split_small(f"{body.replace('code =', 'last =')} code = Add(last, last)", ["fc.weight"],
                       **constants) == ["feature_shape"]  # fmt: skip


def test_names_of_strangers_have_no_dots() -> None:
    body = f"""{CONV}
        b = Conv(a, onnx_Conv_124)
        c = Relu(b)
        {HEAD}
    """
    model = write(body, {**SMALL, "onnx_Conv_124": (4, 4, 1, 1)}, 2)
    loaded = onnx.load_from_string(model)
    loaded.graph.node[5].input[1] = "onnx::Conv_124"
    [tensor] = [tensor for tensor in loaded.graph.initializer if tensor.name == "onnx_Conv_124"]
    tensor.name = "onnx::Conv_124"
    model = loaded.SerializeToString()
    weights = choose_weights(read_graph(model), "onnx::Conv_124")
    assert [feature.name for feature in check(model, weights, noise(2, 8, 8)).features] == ["a"]


def test_features_go_in_as_any_floats_and_in_their_number(residual: bytes) -> None:
    parts = split_graph(residual, choose_weights(read_graph(residual), "layer1.conv2"), 8, 8)
    module, images = GraphModule(parts.upper), noise(2, 8, 8)
    *features, code = (torch.from_numpy(value) for value in run(parts.lower, images))
    with torch.no_grad():
        assert module(*features).dtype == torch.float32
        for kind in (torch.float64, torch.bfloat16):
            assert module(*(value.to(kind) for value in features)).dtype == torch.float32
        double = module.double()(*features)
    assert double.dtype == torch.float64 and gap(double.numpy(), code.numpy()) <= 2e-3
    with pytest.raises(UsageError, match="has 2 inputs, a, b. Got 1 tensors"):
        module(features[0])
    with pytest.raises(UsageError, match=r"takes torch\.float32. Got torch\.uint8"):
        module(features[0], torch.zeros(2, 5, 4, 4, dtype=torch.uint8))


def test_what_cannot_be_trained_is_said(residual: bytes) -> None:
    with pytest.raises(UsageError, match="no weights are chosen"):
        split_graph(residual, [], 8, 8)
    with pytest.raises(UsageError, match=r"'conv9.weight' is none of the 8 weights"):
        split_graph(residual, ["conv1.weight", "conv9.weight"], 8, 8)
    with pytest.raises(UsageError, match="'layer1.bn1.running_mean' is none of the 8"):
        split_graph(residual, ["layer1.bn1.running_mean"], 8, 8)
    loose = write(
        f"{CONV} loose = Relu(conv2__weight) c = Relu(a) {HEAD}", {**SMALL, "conv2__weight": (2,)}, 2
    )
    with pytest.raises(
        UsageError, match="'conv2.weight' is none of the 2 weights that the network's code dep"
    ):
        split_graph(loose, ["conv2.weight"], 8, 8)
    with pytest.raises(BackboneError, match="no ONNX file"):
        split_graph(b"nothing", ["conv1.weight"], 8, 8)


def test_a_size_that_the_network_does_not_take_is_said(residual: bytes) -> None:
    model = onnx.load_from_string(residual)
    for dim, side in zip(model.graph.input[0].type.tensor_type.shape.dim[1:3], (8, 8), strict=True):
        dim.dim_value = side
    with pytest.raises(BackboneError, match="the network's lower part fails on images of shape"):
        split_graph(model.SerializeToString(), ["fc.weight"], 16, 16)


@pytest.mark.parametrize(
    ("unfreeze", "features"),
    [
        ("last:1", [Feature("batchnormalization_47", (320, 7, 7), "float16")]),
        ("0.3", [Feature("add_5", (112, 14, 14), "float16")]),
        ("_blocks.11", [Feature("add_5", (112, 14, 14), "float16")]),
        ("_blocks.15._depthwise_conv", [Feature("clip_30", (1152, 7, 7), "float16")]),
        ("all", [Feature("image", (224, 224, 3), "uint8")]),
    ],
)
def test_the_shipped_network_in_parts(shipped: bytes, unfreeze: str, features: list[Feature]) -> None:
    weights, images = choose_weights(read_graph(shipped), unfreeze), noise(2, 224, 224)
    parts = check(shipped, weights, images)
    assert list(parts.features) == features
    assert parts.upper.weights.keys() == set(weights)
    assert np.array_equal(run(parts.lower, images)[-1], run(shipped, images)[0])


@pytest.mark.parametrize("unfreeze", ["last:1", pytest.param("_blocks.11", marks=pytest.mark.slow)])
def test_the_shipped_network_has_the_gradients_of_the_whole(shipped: bytes, unfreeze: str) -> None:
    weights = choose_weights(read_graph(shipped), unfreeze)
    check_gradients(shipped, weights, noise(1, 96, 96), torch.float32, 1e-3)


def make_random(steps: list[tuple[str, int, int]]) -> bytes:
    """Return a graph of steps, each an operator and the places of what it takes among what came before."""
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["floats", "constant_scale"], ["pixels"]),
        helper.make_node("ReduceMean", ["pixels", "constant_axes"], ["t0"], keepdims=0),
        helper.make_node("Relu", ["pixels"], ["spare"]),
    ]
    arrays: dict[str, Any] = {"constant_scale": np.float32(255), "constant_axes": np.array([1, 2])}
    rng = np.random.default_rng(0)
    made = ["t0"]
    for place, (operator, one, other) in enumerate(steps):
        takes, name = [made[one % len(made)]], f"t{place + 1}"
        if operator == "Expand":
            nodes.append(helper.make_node("Shape", [made[other % len(made)]], [f"s{place}"]))
            takes = [f"w{place}", f"s{place}"]
            arrays[takes[0]] = rng.standard_normal(3).astype(np.float32)
        elif operator in ("MatMul", "Mul"):
            arrays[f"w{place}"] = rng.standard_normal((3, 3) if operator == "MatMul" else 3).astype(
                np.float32
            )
            takes.append(f"w{place}")
        elif operator == "Add":
            takes.append(made[other % len(made)])
        nodes.append(helper.make_node(operator, takes, [name]))
        made.append(name)
    nodes.append(helper.make_node("Sum", made, ["sum"]))  # so that all of them lead to the code
    nodes.append(helper.make_node("Tanh", ["sum"], ["code"]))
    graph = helper.make_graph(
        nodes,
        "random",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", "height", "width", 3])],
        [helper.make_tensor_value_info("code", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]).SerializeToString())


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["MatMul", "Mul", "Add", "Relu", "Sigmoid", "Expand"]),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=10,
).filter(lambda steps: any(step[0] in ("MatMul", "Mul", "Expand") for step in steps))


@settings(max_examples=60, deadline=None)
@given(STEPS, st.data())
def test_any_graph_and_any_weights(steps: list[tuple[str, int, int]], data: st.DataObject) -> None:
    model = make_random(steps)
    known = sorted(read_graph(model).weights)
    weights = data.draw(st.lists(st.sampled_from(known), min_size=1, unique=True))
    images = noise(3, 4, 5)
    parts = split_graph(model, weights, 4, 5)
    [expected] = run(model, images)
    found, code = join(parts, leave_floats(parts.lower), images)
    assert np.allclose(code, expected, rtol=1e-5, atol=1e-6)
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert set(weights) <= parts.upper.weights.keys()
    if set(weights) == set(known):
        assert parts.features == (Feature("image", (4, 5, 3), "uint8"),)


ADDRESSES = (
    "torchvision:resnet18",
    "torchvision:densenet121",
    "torchvision:mobilenet_v3_small",
    "timm:convnext_nano",
    "timm:vit_tiny_patch16_224.augreg_in21k",
    pytest.param("torchvision:regnet_y_400mf", marks=pytest.mark.heavy),
    pytest.param("torchvision:vit_b_16", marks=pytest.mark.heavy),
)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("address", ADDRESSES)
def test_an_architecture_in_parts(address: str, shared_export: Callable[..., Path]) -> None:
    folder = shared_export(address, 0)
    model, frame = (folder / "model.onnx").read_bytes(), Card.read(folder / "card.toml").frame
    graph, images = read_graph(model), noise(2, frame.height, frame.width)
    for unfreeze in ("last:1", "last:2", "0.3"):
        weights = choose_weights(graph, unfreeze)
        parts = check(model, weights, images, 5e-3, 2e-5)
        assert len(parts.features) == 1 and parts.upper.weights.keys() == set(weights)
        print(f"{address} {unfreeze}: {parts.features}")
    middle = list_blocks(graph)[-1].weights
    # A cut may part a convolution from its norm, which the runtime fuses; as written, both are the same.
    parts = check(model, choose_weights(graph, middle[len(middle) // 2]), images, 5e-3, 2e-5, own=2e-5)
    assert np.array_equal(run_plainly(parts.lower, images), run_plainly(model, images))


def run_plainly(model: bytes, images: Any) -> Any:
    """Return the code of a network that the runtime runs as it is written."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(["code"], {"image": images})[0]
