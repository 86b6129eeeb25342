"""What a graph is made of, as a torch network needs it: nodes, weights, statistics and constants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.graphs.canonical import lift_constants
from cnncodes.backbones.graphs.initializers import STATISTICS, read_constants, trainable_weights
from cnncodes.backbones.graphs.rounded import find_rounded
from cnncodes.backbones.graphs.subgraphs import taken_names
from cnncodes.backbones.graphs.wiring import attributes, load_graph
from cnncodes.errors import BackboneError
from cnncodes.finetuning.operators.registry import Node

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Graph:
    """A graph, read.

    Attributes
    ----------
    nodes : tuple of Node
        In the order of their work.
    given : tuple of str
        Names of what goes in: of a whole network's graph one, its images.
    result : str
        Name of what comes out.
    given_types : tuple of dtype
        Of what goes in.
    weights, statistics, constants : dict of str to ndarray
        What is trained; what batch normalisation keeps of the batches that it has seen; everything else.
    """

    nodes: tuple[Node, ...]
    given: tuple[str, ...]
    result: str
    given_types: tuple[np.dtype[Any], ...]
    weights: Arrays
    statistics: Arrays
    constants: Arrays


def read_graph(model: bytes) -> Graph:
    """Read a graph.

    Raises
    ------
    BackboneError
        If the file is no ONNX file or has several inputs or outputs, or a weight is not of 32-bit floats.
    BackendMissing
        If ONNX is not installed.
    """
    loaded = load_graph(model, "fine-tuning", "finetune")
    graph = loaded.graph
    given = {value.name for value in graph.input} - {tensor.name for tensor in graph.initializer}
    if len(given) != 1 or len(graph.output) != 1:
        raise BackboneError(
            f"the graph has {len(given)} inputs and {len(graph.output)} outputs:"
            " expected one input and one output, as a backbone's graph has them."
        )
    return read_loaded(loaded)


def read_loaded(loaded: Any) -> Graph:
    """Read a loaded graph, or a part of one that has several inputs; its Constant nodes are lifted in place.

    Raises
    ------
    BackboneError
        If the graph is quantised, or a weight is not of 32-bit floats.
    """
    from onnx import helper

    graph = loaded.graph
    trainable = trainable_weights(loaded)  # first: what is lifted has any name
    lift_constants(graph)
    arrays = read_constants(graph)
    given = [value for value in graph.input if value.name not in arrays]
    weights = {name: arrays[name] for name in trainable}
    statistics = {name: array for name, array in arrays.items() if name.endswith(STATISTICS)}
    constants = {name: array for name, array in arrays.items() if name not in weights | statistics}
    opsets = {entry.domain: entry.version for entry in loaded.opset_import}
    taken = {name for node in graph.node for name in taken_names(node)} | {graph.output[0].name}
    nodes = tuple(_read_nodes(graph.node, constants, opsets, taken))
    _check_precision(graph, weights)
    return Graph(
        nodes,
        tuple(value.name for value in given),
        graph.output[0].name,
        tuple(helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type) for value in given),
        weights,
        statistics,
        constants,
    )


def _check_precision(graph: Any, weights: Arrays) -> None:
    rounded = find_rounded(graph)
    if rounded:
        raise BackboneError(
            f"the graph is quantised ({rounded}), and rounded weights cannot be trained: take the fp32 file"
            " that it was made from."
        )
    for name, array in weights.items():
        if array.dtype != np.float32:
            raise BackboneError(
                f"the weight {name!r} is of {array.dtype}, and only float32 can be trained: take the fp32"
                " file."
            )


def _read_nodes(
    nodes: Iterable[Any], constants: Arrays, opsets: dict[str, int], taken: set[str]
) -> Iterable[Node]:
    for node in nodes:
        yield Node(
            node.op_type,
            node.name,
            tuple(node.input),
            _list_outputs(node, taken),
            {name: _plain(value) for name, value in attributes(node).items()},
            opsets.get(node.domain) or opsets.get("ai.onnx", 0),
            {place: constants[name] for place, name in enumerate(node.input) if name in constants},
            node.domain,
        )


def _list_outputs(node: Any, taken: set[str]) -> tuple[str, ...]:
    """Return what a node gives: of batch normalisation no statistics that nothing takes."""
    outputs = tuple(node.output)
    unused = node.op_type == "BatchNormalization" and taken.isdisjoint(outputs[1:])
    trains = attributes(node).get("training_mode", 0)
    return outputs[:1] if unused and trains else outputs


def _plain(value: Any) -> Any:
    """Return an attribute as Python and NumPy have it."""
    from onnx import TensorProto, numpy_helper

    if isinstance(value, bytes):
        return value.decode()
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value
