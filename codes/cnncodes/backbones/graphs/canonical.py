"""Making an exported ONNX graph canonical: the same network gives the same bytes.

Exporters leave stack traces with local paths, value names that count upwards, and constants in many
copies. What stays here are the nodes, the weights under their own names, and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from cnncodes.backbones.graphs.initializers import CONSTANT
from cnncodes.backbones.graphs.subgraphs import inner_graphs, taken_names, walk_graphs, walk_nodes

#: Stands in the file instead of the exporter, whose versions are on the card.
PRODUCER = "cnncodes"

#: By which attribute a Constant node says a value that an initializer can hold, beside ``value`` itself.
_LIFTED = {
    "value_int": np.int64,
    "value_ints": np.int64,
    "value_float": np.float32,
    "value_floats": np.float32,
}


def make_canonical(
    model: Any, *, parameters: Iterable[str], prefix: str, fixed: tuple[int, int] | None = None
) -> Any:
    """Return an exported model with names and constants that do not depend on the exporter.

    Parameters
    ----------
    model : onnx.ModelProto
        With inputs ``[batch, height, width, channels]`` and one output ``[batch, …]``.
    parameters : iterable of str
        Names of the weights and buffers, as in the module's state dict; they keep these.
    prefix : str
        What the exporter put before these names.
    fixed : tuple of int, optional
        Height and width, where the graph takes no others.

    Returns
    -------
    onnx.ModelProto
    """
    import onnx_ir as ir
    from onnxscript.optimizer import fold_constants, remove_unused_nodes

    # Folds shapes and casts of constants; batch normalisation stays (the rewriter would fuse it).
    # What is computed from a weight stays too, however small: the weight would lose its name.
    weights = {prefix + name: name for name in parameters}
    folded = ir.from_proto(model)
    fold_constants(
        folded, should_fold=lambda node: False if any(v and v.name in weights for v in node.inputs) else None
    )
    remove_unused_nodes(folded)
    model = ir.to_proto(folded)
    graph = model.graph
    lift_constants(graph)
    _drop_zero_biases(graph, weights)
    _rename(graph, _new_names(graph, weights))
    strip_origin(model, fixed)
    return model


def serialize(model: Any) -> bytes:
    """Return the model's bytes after ONNX's own full check."""
    import onnx

    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def lift_constants(graph: Any) -> None:
    """Turn Constant nodes into initializers; those of texts and of sparse tensors stay, and inner graphs'."""
    from onnx import helper, numpy_helper

    kept = []
    for node in graph.node:
        name = node.attribute[0].name if node.op_type == "Constant" and node.domain == "" else None
        if name == "value" or name in _LIFTED:
            value = helper.get_attribute_value(node.attribute[0])
            if name in _LIFTED:
                value = numpy_helper.from_array(np.asarray(value, _LIFTED[name]))
            graph.initializer.add().CopyFrom(value)
            graph.initializer[-1].name = node.output[0]
        else:
            kept.append(node)
    nodes = [type(node).FromString(node.SerializeToString()) for node in kept]
    del graph.node[:]
    graph.node.extend(nodes)


def _drop_zero_biases(graph: Any, weights: dict[str, str]) -> None:
    """Remove biases of zeros that the exporter gave to convolutions that have none."""
    from onnx import numpy_helper

    zeros = {
        tensor.name
        for tensor in graph.initializer
        if tensor.name not in weights and not numpy_helper.to_array(tensor).any()
    }
    for node in walk_nodes(graph):
        if node.op_type == "Conv" and len(node.input) == 3 and node.input[2] in zeros:
            del node.input[2]


def _new_names(graph: Any, weights: dict[str, str]) -> dict[str, str]:
    """Return the new name of every value: weights their own, equal constants one, the rest by order."""
    from onnx import numpy_helper

    names = {value.name: value.name for value in (*graph.input, *graph.output)}
    constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    counts: Counter[str] = Counter()
    for node in graph.node:
        for name in taken_names(node):
            if name in names or name not in tensors:
                continue
            if name in weights:
                names[name] = weights[name]
                continue
            array = numpy_helper.to_array(tensors[name])
            key = (str(array.dtype), array.shape, array.tobytes())
            names[name] = constants.setdefault(key, f"{CONSTANT}{len(constants)}")
        for name in node.output:
            if name and name not in names:
                kind = "value" if node.op_type == "Constant" else node.op_type.lower()
                names[name] = f"{kind}_{counts[node.op_type]}"
            counts[node.op_type] += 1
    return names


def _rename(graph: Any, names: dict[str, str]) -> None:
    _rename_nodes(graph, names, Counter())
    used = {name for node in graph.node for name in taken_names(node)}
    tensors: dict[str, Any] = {}
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
        if tensor.name in used:
            tensors.setdefault(tensor.name, type(tensor).FromString(tensor.SerializeToString()))
    del graph.initializer[:]
    graph.initializer.extend(tensors[name] for name in sorted(tensors))


def _rename_nodes(graph: Any, names: dict[str, str], counts: Counter[str]) -> None:
    """Rename what nodes take and give, and number them, those of graphs within them too."""
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        node.name = f"{node.op_type}_{counts[node.op_type]}"
        counts[node.op_type] += 1
        for inner in inner_graphs(node):
            _rename_inner(inner, names, counts)


def _rename_inner(graph: Any, around: dict[str, str], counts: Counter[str]) -> None:
    """Rename what a graph within a node has of its own by order, and what it uses of those around it."""
    names = dict(around)
    own = [item.name for item in (*graph.input, *graph.initializer)]
    own += [name for node in graph.node for name in node.output if name]
    for name in dict.fromkeys(own):
        names[name] = f"inner_{counts['inner']}"
        counts["inner"] += 1
    _rename_nodes(graph, names, counts)
    for item in (*graph.input, *graph.initializer, *graph.output):
        item.name = names.get(item.name, item.name)


def strip_origin(model: Any, fixed: tuple[int, int] | None) -> None:
    """Remove whatever says where and by whom the graph was made, and name its dimensions."""
    graph = model.graph
    model.producer_name, model.producer_version, model.domain = PRODUCER, "", ""
    model.ClearField("doc_string")
    del model.metadata_props[:]
    for part in walk_graphs(graph):
        part.name = PRODUCER
        del part.value_info[:]
        for item in (part, *part.node, *part.initializer, *part.input, *part.output):
            item.ClearField("doc_string")
            del item.metadata_props[:]
    for value in graph.input:
        _name_sides(value)
        for dim, side in zip(value.type.tensor_type.shape.dim[1:3], fixed or (), strict=False):
            dim.dim_value = side
    for value in graph.output:
        value.type.tensor_type.shape.dim[0].dim_param = "batch"


def _name_sides(value: Any) -> None:
    for dim, name in zip(value.type.tensor_type.shape.dim, ("batch", "height", "width"), strict=False):
        dim.dim_param = name


def free_sides(model: bytes) -> bytes:
    """Return a canonical graph of one size as if it took any; whether it does, its codes have to tell.

    Raises
    ------
    onnx.checker.ValidationError, onnx.shape_inference.InferenceError
        If its shapes fit that size alone.
    """
    import onnx

    freed = onnx.load_from_string(model)
    for value in freed.graph.input:
        _name_sides(value)
    return serialize(freed)
