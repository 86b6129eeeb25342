"""Means that come out the same, to the bit, whatever else is in the batch.

ONNX Runtime's ReduceMean adds in an order that depends on where in memory a row begins, and over axes before
the last on the number of images; its GlobalAveragePool does neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnncodes.backbones.graphs.wiring import Shape, Wiring, attributes, infer_shapes, prune


def replace_means(model: Any, height: int, width: int) -> None:
    """Put poolings into the place of a graph's means over the places of an image, in place."""
    shapes, wiring = infer_shapes(model, height, width), Wiring(model)
    nodes = []
    for node in model.graph.node:
        new = _replace(node, shapes, wiring) if node.op_type == "ReduceMean" else None
        nodes += [node] if new is None else new
    nodes = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    prune(model)


def _replace(node: Any, shapes: dict[str, Shape], wiring: Wiring) -> list[Any] | None:
    said = attributes(node)
    found = wiring.array(node.input[1]) if len(node.input) > 1 else said.get("axes")
    rank = len(shapes.get(node.input[0], ()))
    axes = () if found is None else sorted(int(axis) % rank for axis in found) if rank else ()
    if not axes or 0 in axes or len(axes) != rank - 2:
        return None
    nodes = make_mean(node.input[0], rank, axes, node.output[0])
    return _keep_axes(nodes, axes) if said.get("keepdims", 1) else nodes


def make_mean(name: str, rank: int, axes: Sequence[int], output: str) -> list[Any]:
    """Return the nodes that make a vector of a tensor: the means over all axes but the first and one other.

    Parameters
    ----------
    name : str
        Of the tensor.
    rank : int
        Its number of axes.
    axes : sequence of int
        Those to average over.
    output : str
        Name of the ``[batch, channels]`` tensor; others are called by it.

    Returns
    -------
    list of onnx.NodeProto
    """
    from onnx import helper

    [channels] = [axis for axis in range(1, rank) if axis not in axes]
    nodes, order = [], [0, channels, *axes]
    if order != list(range(rank)):
        nodes.append(helper.make_node("Transpose", [name], [f"{output}_turned"], perm=order))
        name = f"{output}_turned"
    nodes.append(helper.make_node("GlobalAveragePool", [name], [f"{output}_pooled"]))
    return [*nodes, helper.make_node("Flatten", [f"{output}_pooled"], [output], axis=1)]


def _keep_axes(nodes: list[Any], axes: Sequence[int]) -> list[Any]:
    """Return the nodes with one at the end that gives the averaged axes back, of length 1."""
    from onnx import helper, numpy_helper

    flat, output = nodes[-1], nodes[-1].output[0]
    rank = len(axes) + 2
    shape = [1 if axis in axes else -1 for axis in range(1, rank)]
    flat.output[0], where = f"{output}_flat", f"{output}_shape"
    value = numpy_helper.from_array(np.array([0, *shape], np.int64))
    return [
        *nodes,
        helper.make_node("Constant", [], [where], value=value),
        helper.make_node("Reshape", [flat.output[0], where], [output]),
    ]
