"""Layers of graphs of 8-bit numbers: by a layer's name its values after rounding are meant."""

from __future__ import annotations

from typing import Any

from cnncodes.backbones.graphs.picks import OWN


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
