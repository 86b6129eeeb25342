"""Graphs of one node, by ONNX Runtime and as a torch module."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper

from cnncodes.finetuning.loading import make_graph_module


def make_model(
    operator: str,
    x: Any,
    *others: Any,
    opset: int = 18,
    outputs: int = 1,
    names: tuple[str, ...] | None = None,
    **attributes: Any,
) -> bytes:
    """Return a graph whose input ``x`` meets one node with constants as its other inputs (None: left out)."""
    given = ["" if other is None else f"constant_{at}" for at, other in enumerate(others)]
    results = [f"y{at}" for at in range(outputs)]
    nodes = [helper.make_node(operator, ["x", *given] if names is None else names, results, **attributes)]
    if outputs > 1:  # a graph here has one output
        nodes.append(helper.make_node("Concat", results[::-1], ["y"], axis=attributes.get("axis", 0)))
    else:
        nodes[0].output[0] = "y"
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    graph = helper.make_graph(
        nodes,
        "single",
        [helper.make_tensor_value_info("x", kind, [f"d{axis}" for axis in range(x.ndim)])],
        [onnx.ValueInfoProto(name="y")],
        [
            numpy_helper.from_array(np.asarray(other), f"constant_{at}")
            for at, other in enumerate(others)
            if other is not None
        ],
    )
    # What comes out has the type that ONNX infers.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    return bytes(model.SerializeToString())


def run_both(model: bytes, x: Any) -> tuple[Any, Any]:
    """Return what ONNX Runtime gives, and what the torch module gives."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    [expected] = session.run(None, {"x": x})
    with torch.no_grad():
        return expected, make_graph_module(model)(torch.from_numpy(x)).numpy()


def compare(operator: str, x: Any, *others: Any, **keywords: Any) -> None:
    """Assert that both are the same: type, shape and numbers."""
    expected, found = run_both(make_model(operator, x, *others, **keywords), x)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=3e-5)  # cubic weights are sums that cancel
