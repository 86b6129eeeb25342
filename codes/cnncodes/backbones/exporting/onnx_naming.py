"""Names in ONNX files of others: a backbone's own are made free, and weights told from constants."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnncodes.backbones.graphs.initializers import CONSTANT, STATISTICS
from cnncodes.backbones.graphs.subgraphs import inner_graphs, taken_names, walk_graphs, walk_nodes
from cnncodes.backbones.graphs.wiring import attributes

#: What a backbone's graph takes and gives.
_OWN = ("image", "code")
_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def used_names(graph: Any) -> set[str]:
    """Return the names of all tensors of a graph and of the graphs within it."""
    names: set[str] = set()
    for inner in walk_graphs(graph):
        names.update(item.name for item in (*inner.input, *inner.output, *inner.initializer))
        for node in inner.node:
            names.update((*node.input, *node.output))
    return names


def free_name(name: str, taken: set[str], ending: str = "") -> str:
    """Return a name that is not taken, the given one if possible, and take it.

    Examples
    --------
    >>> free_name("mean", {"mean", "mean_"}), free_name("a", {"a.running_mean"}, ".running_mean")
    ('mean__', 'a_.running_mean')
    """
    while name + ending in taken:
        name += "_"
    taken.add(name + ending)
    return name + ending


def move_names(graph: Any) -> dict[str, str]:
    """Return the new names of a file's tensors that are called like a backbone's input or output."""
    taken = used_names(graph)
    return {name: free_name(name, taken) for name in _OWN if name in taken}


def rename(graph: Any, names: Mapping[str, str]) -> None:
    """Call tensors otherwise, in place, in the graphs within a graph as well."""
    for inner in walk_graphs(graph):
        for item in (*inner.input, *inner.output, *inner.initializer, *inner.value_info):
            item.name = names.get(item.name, item.name)
        for node in inner.node:
            node.input[:] = [names.get(name, name) for name in node.input]
            node.output[:] = [names.get(name, name) for name in node.output]


def name_weights(graph: Any) -> None:
    """Call constants so, and statistics: by their names weights are told from them."""
    _part_statistics(graph)
    names: dict[str, str] = {}
    taken, unlearned = used_names(graph), _before_layers(graph) | _find_unlearned(graph)
    statistics = {
        node.input[place]: f".{kind}"
        for node in _list_norms(graph)
        for place, kind in enumerate(STATISTICS, start=3)
    }
    for tensor in graph.initializer:
        name = tensor.name
        if name in statistics:
            if not name.endswith(statistics[name][1:]):
                names[name] = free_name(name, taken, statistics[name])
        elif not _is_weight(tensor) or name in unlearned:
            if not name.startswith(CONSTANT):
                names[name] = free_name(CONSTANT + name, taken)
        elif name.startswith(CONSTANT):
            names[name] = free_name(f"weight_{name}", taken)
    rename(graph, names)


def _list_norms(graph: Any) -> list[Any]:
    """Return the batch normalisations that keep statistics."""
    return [
        node
        for node in walk_nodes(graph)
        if node.op_type == "BatchNormalization" and not attributes(node).get("training_mode", 0)
    ]


def _part_statistics(graph: Any) -> None:
    """Give each batch normalisation statistics of its own, in place.

    Exporters make one tensor of those that are equal, such as a variance and a scale of ones: what is
    trained would change what is counted, and the other way round.
    """
    tensors, taken = {tensor.name: tensor for tensor in graph.initializer}, used_names(graph)
    uses = Counter(name for node in walk_nodes(graph) for name in node.input)
    for node in _list_norms(graph):
        for place, kind in enumerate(STATISTICS, start=3):
            name = node.input[place]
            if name in tensors and uses[name] > 1:
                own = graph.initializer.add()
                own.CopyFrom(tensors[name])
                own.name = node.input[place] = free_name(name, taken, f".{kind}")
                uses[name] -= 1


def _is_weight(tensor: Any) -> bool:
    from onnx import TensorProto

    floats = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
    return tensor.data_type in floats and math.prod(tensor.dims) > 1


def _before_layers(graph: Any) -> set[str]:
    """Return the initializers that are used before any layer: they normalise the image, untrained."""
    weights = {tensor.name for tensor in graph.initializer}
    after: set[str] = set()
    early: set[str] = set()
    for node in graph.node:
        has_layer = any(inner.op_type in _LAYERS for inner in (node, *walk_nodes(*inner_graphs(node))))
        if has_layer or after.intersection(taken_names(node)):
            after.update(node.output)
        elif node.op_type in ("Add", "Clip", "Div", "Mul", "Sub"):
            early.update(weights.intersection(node.input))
    return early


def _find_unlearned(graph: Any) -> set[str]:
    """Return the initializers that a step alone takes which no training leaves as it is."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    fixed: set[str] = set()
    learned: set[str] = set()
    for node in walk_nodes(graph):
        own = tensors.keys() & set(node.input)
        is_fixed = _normalises_alone(node, tensors) or _is_low_pass(node, tensors)
        here = own if is_fixed else own & _list_standardising(node, tensors)
        fixed |= here
        learned |= own - here
    return fixed - learned


def _list_standardising(node: Any, tensors: Mapping[str, Any]) -> set[str]:
    """Return what a batch normalisation whose statistics are computed takes but does not learn.

    So exporters write the standardisation of weights, which has a gain and no offset: zeros stand for it.
    """
    from onnx import numpy_helper

    if node.op_type != "BatchNormalization":
        return set()
    trains = attributes(node).get("training_mode", 0)
    if not trains and tensors.keys() >= set(node.input[3:5]):
        return set()
    offset = tensors.get(node.input[2])
    zeros = offset is not None and not numpy_helper.to_array(offset).any()
    return {*node.input[3:5], *([node.input[2]] if zeros else [])}


def _normalises_alone(node: Any, tensors: Mapping[str, Any]) -> bool:
    """Tell of a normalisation by ones and zeros: the one within GroupNorm, which scales after it."""
    from onnx import numpy_helper

    if node.op_type != "InstanceNormalization" or not tensors.keys() >= set(node.input[1:3]):
        return False
    scale, offset = (numpy_helper.to_array(tensors[name]) for name in node.input[1:3])
    return bool((scale == 1).all() and (offset == 0).all())


def _is_low_pass(node: Any, tensors: Mapping[str, Any]) -> bool:
    """Tell of a convolution with one mean of neighbours for all channels, as before a stride (BlurPool)."""
    from onnx import numpy_helper

    tensor = tensors.get(node.input[1]) if node.op_type == "Conv" else None
    if tensor is None or any(node.input[2:]) or not 1 < tensor.dims[0] == attributes(node).get("group", 1):
        return False
    kernel = numpy_helper.to_array(tensor).astype(np.float64)
    same = kernel[0].size > 1 and (kernel == kernel[:1]).all()
    return bool(same and kernel.min() >= 0 and math.isclose(kernel[0].sum(), 1, rel_tol=1e-3))
