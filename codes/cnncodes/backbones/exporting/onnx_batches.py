"""Freeing a batch whose length is written down in an ONNX file, in the graphs within its graph as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnncodes.backbones.exporting.onnx_naming import free_name, used_names
from cnncodes.backbones.graphs.subgraphs import inner_graphs


def free_batch(graph: Any, batch: int) -> None:
    """Let shapes that were written down for one batch take that of their input, in place.

    Parameters
    ----------
    graph : onnx.GraphProto
        Its own constants are initializers; those of graphs within it may be nodes.
    batch : int
        The length that was written down.
    """
    added: list[Any] = []
    _free_within(graph, batch, {}, used_names(graph), added)
    graph.initializer.extend(added)  # seen by the graphs within it, too


def _free_within(
    graph: Any, batch: int, around: Mapping[str, Any], taken: set[str], added: list[Any]
) -> None:
    """Do so in one graph and those within it, which see the constants around them."""
    known = {**around, **_read_constants(graph)}
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] in known:
            _free_shape(node, known[node.input[1]], batch, taken, added)
        for inner in inner_graphs(node):
            _free_within(inner, batch, known, taken, added)
            # What was said of its values was said for that batch; ONNX Runtime infers it anew.
            del inner.value_info[:]
            for value in inner.output:
                _free_length(value, batch)


def _read_constants(graph: Any) -> dict[str, Any]:
    from onnx import numpy_helper

    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Constant" and node.attribute[0].name == "value_ints":
            found[node.output[0]] = np.asarray(node.attribute[0].ints)
    return found


def _free_shape(node: Any, shape: Any, batch: int, taken: set[str], added: list[Any]) -> None:
    from onnx import numpy_helper

    free = _free_first([int(length) for length in shape], batch)
    if free is None:
        return
    for attribute in list(node.attribute):
        if attribute.name == "allowzero":  # by which a 0 would be the length, and not that of the input
            node.attribute.remove(attribute)
    name = free_name(f"{node.output[0]}_shape", taken)
    added.append(numpy_helper.from_array(np.array(free), name))
    node.input[1] = name


def _free_first(shape: list[int], batch: int) -> list[int] | None:
    """Return a shape whose first length follows the input, or None where it does already or cannot.

    With -1 that length is what is left, also where the batch is folded into it, as attention does; whatever
    has no batch keeps its length. That the first axis is the batch's is left to the comparison with the file.
    """
    if len(shape) < 2 or shape[0] % batch or shape[0] < 1 or 0 in shape[1:]:
        return None  # a 0 may mean what it says
    if -1 not in shape[1:]:
        return [-1, *shape[1:]]
    return [0, *shape[1:]] if shape[0] == batch else None


def _free_length(value: Any, batch: int) -> None:
    """Let the first length of what a graph gives be any, where it may be the batch's."""
    dims = value.type.tensor_type.shape.dim
    if dims and dims[0].dim_value > 0 and dims[0].dim_value % batch == 0:
        dims[0].Clear()
