"""Canonical graphs with graphs within them, and constants that no initializer can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnncodes.backbones.graphs.canonical import lift_constants, make_canonical, serialize


def branching(number: int) -> Any:
    """Return a graph with an ``If`` as exporters leave it; `number` changes nothing but names."""

    def name(text: str) -> str:
        return f"{text}_{number}"

    def branch(op: str, factor: str) -> Any:
        inner = helper.make_graph(
            [
                helper.make_node("Constant", [], [name("two")], value_float=2.0),
                helper.make_node(op, [name("mean"), factor], [name("val")], doc_string="/home/me/net.py"),
                helper.make_node("Mul", [name("val"), name("two")], [name("same")]),
                helper.make_node("Mul", [name("same"), name("own")], [name(f"out_{op}")]),
            ],
            name("branch"),
            [],
            [helper.make_tensor_value_info(name(f"out_{op}"), TensorProto.FLOAT, [None, 3])],
            [numpy_helper.from_array(np.full(3, 3.0, np.float32), name("own"))],
        )
        return inner

    nodes = [
        helper.make_node("Cast", ["image"], [name("cast")], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", [name("cast"), name("axes")], [name("mean")], keepdims=0),
        helper.make_node("ReduceMean", [name("cast"), name("all")], [name("level")], keepdims=0),
        helper.make_node("Constant", [], [name("half")], value_float=100.0),
        helper.make_node("Greater", [name("level"), name("half")], [name("bright")]),
        helper.make_node(
            "If",
            [name("bright")],
            ["code"],
            then_branch=branch("Mul", "net.weight"),
            else_branch=branch("Add", name("shift")),
        ),
    ]
    tensors = {
        "net.weight": np.array([0.5, 1.5, 2.5], np.float32),
        name("shift"): np.array([7, 8, 9], np.float32),
        name("axes"): np.array([1, 2]),
        name("all"): np.array([0, 1, 2, 3]),
    }
    graph = helper.make_graph(
        nodes,
        name("main"),
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["b", "h", "w", 3])],
        [helper.make_tensor_value_info("code", TensorProto.FLOAT, ["b", 3])],
        [numpy_helper.from_array(array, key) for key, array in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def run(data: bytes, images: Any) -> Any:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": images})[0]


@pytest.mark.slow
def test_branches_take_the_new_names_of_what_lies_around_them() -> None:
    before = branching(1).SerializeToString()
    made = make_canonical(branching(1), parameters=["weight"], prefix="net.")
    assert "weight" in {tensor.name for tensor in made.graph.initializer}
    after = serialize(made)
    rng = np.random.default_rng(0)
    for low, high in ((0, 50), (200, 256)):
        images = rng.integers(low, high, (2, 5, 7, 3), dtype=np.uint8)
        np.testing.assert_allclose(run(before, images), run(after, images), rtol=1e-6)


@pytest.mark.slow
def test_names_within_branches_leave_no_mark() -> None:
    first, second = (
        serialize(make_canonical(branching(number), parameters=["weight"], prefix="net."))
        for number in (1, 70)
    )
    assert first == second
    assert b"net.py" not in first


@pytest.mark.slow
def test_a_network_that_branches_is_traced() -> None:
    torch = pytest.importorskip("torch")
    from small_networks import make_original

    from cnncodes.backbones.exporting.tracing import trace_network

    class Net(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.bright, self.dark = torch.nn.Linear(3, 4), torch.nn.Linear(3, 4)

        def forward(self, pixels: Any) -> Any:
            means = pixels.mean((2, 3))
            return torch.cond(means.mean() > 0, self.bright, self.dark, (means,))

    torch.manual_seed(0)
    net = Net().eval()
    original = make_original("branching")
    data = trace_network(original, net)
    weights = {tensor.name for tensor in onnx.load_from_string(data).graph.initializer}
    assert {"bright.weight", "bright.bias", "dark.weight", "dark.bias"} <= weights
    rng = np.random.default_rng(0)
    for low, high in ((0, 50), (200, 256)):
        images = rng.integers(low, high, (2, 32, 64, 3), dtype=np.uint8)
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
        mean, std = (torch.tensor(v).reshape(3, 1, 1) for v in (original.mean, original.std))
        with torch.no_grad():
            wanted = net((pixels - mean) / std).numpy()
        np.testing.assert_allclose(run(data, images), wanted, rtol=1e-4, atol=1e-5)


def test_constants_that_no_initializer_can_hold_stay() -> None:
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("values", TensorProto.FLOAT, [1], [1.0]),
        helper.make_tensor("indices", TensorProto.INT64, [1], [2]),
        [4],
    )
    nodes = [
        helper.make_node("Constant", [], ["text"], value_string="left"),
        helper.make_node("Constant", [], ["texts"], value_strings=["left", "right"]),
        helper.make_node("Constant", [], ["sparse"], sparse_value=sparse),
        helper.make_node("Constant", [], ["whole"], value_int=3),
        helper.make_node("Constant", [], ["wholes"], value_ints=[3, 4]),
        helper.make_node("Constant", [], ["float"], value_float=0.5),
        helper.make_node("Constant", [], ["floats"], value_floats=[0.5, 1.5]),
    ]
    graph = helper.make_graph(nodes, "g", [], [])
    lift_constants(graph)
    assert [node.output[0] for node in graph.node] == ["text", "texts", "sparse"]
    lifted = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    assert {name: (str(array.dtype), array.tolist()) for name, array in lifted.items()} == {
        "whole": ("int64", 3),
        "wholes": ("int64", [3, 4]),
        "float": ("float32", 0.5),
        "floats": ("float32", [0.5, 1.5]),
    }
