"""Graphs of 8-bit numbers, and their layers: by a layer's name its values after rounding are meant."""

from __future__ import annotations

from typing import Any

from cnncodes.backbones.graphs.picks import OWN
from cnncodes.backbones.graphs.subgraphs import walk_nodes

#: Of what operators are called that compute with rounded numbers: the standard's, and the runtime's own.
_ROUNDED = ("QuantizeLinear", "DequantizeLinear", "QLinear", "Integer", "QGemm", "QAttention")


def find_rounded(graph: Any) -> str:
    """Return in words the first node of a graph that computes with rounded numbers; empty where none does."""
    for node in walk_nodes(graph):
        if any(part in node.op_type for part in _ROUNDED):
            return f"operator {node.op_type!r} of node {node.name or ', '.join(node.output)!r}"
    return ""


def name_rounded(graph: Any) -> None:
    """Give values of 8 bits, as they are read again, the names that they have in the fp32 graph, in place.

    What has a layer's name there is what enters the rounding: a ReLU or clip that the rounding does the work
    of is gone, so that its values are others.

    Parameters
    ----------
    graph : onnx.GraphProto
        With ``QuantizeLinear`` and ``DequantizeLinear``.
    """
    entering = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    names: dict[str, str] = {}
    for node in graph.node:
        name = entering.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        if name is not None and name != OWN and name not in names:
            names[name], names[node.output[0]] = f"{name}_unrounded", name
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
