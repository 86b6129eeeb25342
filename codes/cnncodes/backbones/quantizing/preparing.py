"""Making a graph ready for less precision: what can be fused is fused, and what is to stay float is found."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cnncodes.backbones.card import Card
from cnncodes.backbones.graphs.canonical import serialize, strip_origin
from cnncodes.backbones.graphs.initializers import describe_odd_weights, read_constants
from cnncodes.backbones.running.runtime import import_runtime
from cnncodes.backbones.session import Backbone
from cnncodes.errors import BackboneError

#: Operators with weights: nearly all of the time goes there.
HEAVY = ("Conv", "ConvTranspose", "Gemm", "MatMul")

_QUANTIZED = (
    "QuantizeLinear",
    "DequantizeLinear",
    "QLinearConv",
    "QLinearMatMul",
    "ConvInteger",
    "MatMulInteger",
)
_POOLINGS = ("GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax")
_OPSET = 18


def check_fp32(card: Card, advice: str) -> None:
    """Raise `BackboneError` unless a card's file is of fp32, which others are made from."""
    if card.precision != "fp32":
        raise BackboneError(f"backbone {card.name!r} is {card.precision} already: {advice}.")


def prepare_graph(model: bytes, name: str) -> Any:
    """Return a graph with batch normalisation and paddings fused into the convolutions, each with a bias.

    Parameters
    ----------
    model : bytes
        The ONNX file.
    name : str
        The backbone's, for errors.

    Returns
    -------
    onnx.ModelProto
        Its nodes have names, and its values types.

    Raises
    ------
    BackboneError
        If it is quantised already, there is nothing to quantise, or a weight is not finite.
    """
    import onnx

    given = onnx.load_from_string(model)
    odd = describe_odd_weights(given)  # before they are fused, and lose their names
    if odd:
        raise BackboneError(
            f"backbone {name!r} cannot be made less precise: {odd}. Its training has gone wrong: export it"
            " from a sound checkpoint."
        )
    fused = _fuse(_raise_opset(given, name))
    operators = {node.op_type for node in fused.graph.node}
    if not operators.isdisjoint(_QUANTIZED):
        raise BackboneError(
            f"backbone {name!r} is quantised already: quantise the one that it was made from."
        )
    constants = read_constants(fused.graph)
    heavy = [node for node in fused.graph.node if node.op_type in HEAVY and node.input[1] in constants]
    if not heavy:
        raise BackboneError(
            f"backbone {name!r} has nothing to quantise: no convolution and no product with weights."
        )
    _give_biases(fused.graph, constants)
    for number, node in enumerate(fused.graph.node):
        node.name = f"{node.op_type}_{number}"
    used = {node.domain for node in fused.graph.node}
    imports = [item for item in fused.opset_import if item.domain in used or item.domain == ""]
    del fused.opset_import[:]
    fused.opset_import.extend(imports)
    return onnx.shape_inference.infer_shapes(fused)


def _raise_opset(model: Any, name: str) -> Any:
    from onnx import version_converter

    [opset] = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    if opset >= _OPSET:
        return model
    try:
        return version_converter.convert_version(model, _OPSET)
    except Exception as error:  # whatever ONNX says of an operator that it cannot convert
        raise BackboneError(
            f"the graph of backbone {name!r} is of opset {opset} and cannot be brought to {_OPSET}, which"
            f" quantising needs: {' '.join(str(error).split())}"
        ) from error


def _fuse(model: Any) -> Any:
    """Return what ONNX Runtime makes of a graph without leaving ONNX's own operators."""
    import onnx

    runtime = import_runtime()
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fused.onnx"
        options.optimized_model_filepath = str(path)
        runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(path)


def _give_biases(graph: Any, constants: dict[str, Any]) -> None:
    """Add biases of zeros to convolutions that have none: what rounding shifts is put right there."""
    from onnx import numpy_helper

    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) == 2 and node.input[1] in constants:
            bias = f"{node.output[0]}_bias"
            zeros = np.zeros(len(constants[node.input[1]]), np.float32)
            graph.initializer.append(numpy_helper.from_array(zeros, bias))
            node.input.append(bias)


def tidy(graph: Any) -> None:
    """Put the nodes in an order in which they can run, and sort the initializers that are read."""
    known = {"", *(v.name for v in graph.input), *(tensor.name for tensor in graph.initializer)}
    waiting, ordered = list(graph.node), []
    while waiting:
        ready = next(node for node in waiting if known.issuperset(node.input))
        waiting.remove(ready)
        ordered.append(type(ready).FromString(ready.SerializeToString()))
        known.update(ready.output)
    del graph.node[:]
    graph.node.extend(ordered)
    used = {name for node in ordered for name in node.input}
    kept = sorted((tensor for tensor in graph.initializer if tensor.name in used), key=lambda t: str(t.name))
    kept = [type(tensor).FromString(tensor.SerializeToString()) for tensor in kept]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def finish_graph(model: Any, backbone: Backbone, file: str, precision: str) -> Backbone:
    """Return the backbone of a graph that was made of another's, in a file of its own."""
    tidy(model.graph)
    frame = backbone.frame
    strip_origin(model, (frame.height, frame.width) if backbone.card.sizes == "fixed" else None)
    data = serialize(model)
    card = replace(
        backbone.card,
        model_file=file,
        files={file: hashlib.sha256(data).hexdigest()},
        precision=precision,
        precisions={},
        quantization={},
        weights=None,
        parent=backbone.sha256,
    )
    return Backbone(data, card)


def find_float_tail(graph: Any) -> set[str]:
    """Return the names of the nodes that stay float lest the code itself be rounded to 8 bits.

    These are the last pooling over all places and what follows it; without such a pooling, all that comes
    after the last product with weights.
    """
    feeding = _find_before(graph, {node.name for node in graph.node if node.op_type in ("Conv", "MatMul")})
    last = [n.name for n in graph.node if n.op_type in _POOLINGS and n.name not in feeding]
    if last:
        return _find_after(graph, last) | set(last)
    heavy = {node.name for node in graph.node if node.op_type in HEAVY}
    return {node.name for node in graph.node} - _find_before(graph, heavy) - heavy


def _find_before(graph: Any, names: set[str]) -> set[str]:
    """Return the names of all nodes that some of these nodes depend on."""
    wanted: set[str] = set()
    found: set[str] = set()
    for node in reversed(graph.node):
        if not wanted.isdisjoint(node.output):
            found.add(node.name)
        if node.name in names or node.name in found:
            wanted.update(node.input)
    return found


def _find_after(graph: Any, names: Iterable[str]) -> set[str]:
    """Return the names of all nodes that depend on some of these."""
    start = set(names)
    reached: set[str] = set()
    found: set[str] = set()
    for node in graph.node:
        if not reached.isdisjoint(node.input):
            found.add(node.name)
        if node.name in start or node.name in found:
            reached.update(node.output)
    return found
