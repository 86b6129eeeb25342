"""Making a backbone's graph of another: uint8 images in, the code out, weights told from constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnncodes.backbones.channels import ORDERS
from cnncodes.backbones.exporting.onnx_batches import free_batch
from cnncodes.backbones.exporting.onnx_naming import free_name, move_names, name_weights, rename, used_names
from cnncodes.backbones.exporting.onnx_reading import OnnxFile
from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.graphs.canonical import PRODUCER, lift_constants
from cnncodes.backbones.graphs.initializers import CONSTANT
from cnncodes.backbones.graphs.wiring import Shape, Wiring, attributes, infer_shapes, prune
from cnncodes.errors import BackboneError

#: What averages the scores of places, as where the last layer is a convolution.
_AVERAGES = frozenset({"AveragePool", "GlobalAveragePool", "ReduceMean"})
#: What may stand between the last layer and the output: nothing of it is part of the code. A ReLU is none of
#: these, since what it gives is a code, but before such an average: SqueezeNet's scores have one there.
_AFTER = _AVERAGES | {
    *("Add", "Cast", "Flatten", "Identity", "LogSoftmax", "Reshape", "Sigmoid", "Softmax", "Squeeze"),
}


@dataclass(frozen=True)
class FileCut:
    """Where the network of an ONNX file is cut.

    Attributes
    ----------
    tensor : str
        Whose values are the code.
    places : tuple of int
        The axes that are averaged: none for a vector, the image's for a map.
    layer : str
        In words.
    code_size : int
    """

    tensor: str
    places: tuple[int, ...]
    layer: str
    code_size: int


def find_file_cut(file: OnnxFile, height: int, width: int, *, headless: bool = False) -> FileCut:
    """Find the code: what enters the last layer, or the output where the network has no classifier.

    Parameters
    ----------
    file : OnnxFile
    height, width : int
        Of the images.
    headless : bool
        Take the output.

    Raises
    ------
    BackboneError
        If the output does not come from a linear layer or convolution, or what is taken is no vector and no
        map.
    """
    outputs = [value.name for value in file.model.graph.output]
    if len(outputs) != 1:
        raise BackboneError(
            f"{str(file.path)!r} has several outputs: {', '.join(map(repr, outputs))}. Export the network"
            " with one output, that which its classes are read from (--layer chooses none of them)."
        )
    shapes, wiring = infer_shapes(file.model, height, width), Wiring(file.model)
    if headless:
        return _make_cut(outputs[0], shapes, "output")
    node = _find_classifier(wiring, outputs[0], file)
    return _make_cut(node.input[0], shapes, f"input of {node.name or node.output[0]}")


def _find_classifier(wiring: Wiring, output: str, file: OnnxFile) -> Any:
    tensor, averaged, rectified = output, False, None
    while True:
        node = wiring.producers.get(tensor)
        shape = _find_weight(node, wiring)
        if node is not None and shape is not None:
            if node.op_type == "Conv" and set(attributes(node).get("kernel_shape", shape[2:])) != {1}:
                raise BackboneError(
                    f"{str(file.path)!r} has no classifier to cut: its output comes from the convolution"
                    f" {node.name or tensor!r}, which looks beyond one place. If the output is the code"
                    " already, say --layer output; else name the tensor that is."
                )
            if rectified is None or node.op_type == "Conv":
                return node
            node, tensor = rectified, rectified.output[0]
        elif node is not None and node.op_type == "Relu" and averaged:
            rectified, tensor = node, node.input[0]
            continue
        computed = [] if node is None else [name for name in node.input if wiring.array(name) is None]
        if node is None or node.op_type not in _AFTER or len(computed) != 1:
            made = f"{node.op_type} {node.name or tensor!r}" if node is not None else "nothing"
            raise BackboneError(
                f"{str(file.path)!r} has no classifier to cut: its output comes from {made}, and not from a"
                " linear layer or convolution. If the output is the code already, say --layer output; else"
                " name the tensor that is."
            )
        averaged |= node.op_type in _AVERAGES
        tensor = computed[0]


def _find_weight(node: Any, wiring: Wiring) -> tuple[int, ...] | None:
    """Return the shape of a layer's weight, which is there as it is or rearranged; None where it has none."""
    if node is None or node.op_type not in ("Conv", "Gemm", "MatMul"):
        return None
    name, orders = node.input[1], []
    while (array := wiring.array(name)) is None:
        producer = wiring.producers.get(name)
        if producer is None or producer.op_type not in ("Identity", "Transpose", "Cast"):
            return None
        if producer.op_type == "Transpose":
            orders.append(attributes(producer).get("perm"))
        name = producer.input[0]
    shape = array.shape
    for order in reversed(orders):
        shape = tuple(shape[axis] for axis in order) if order else shape[::-1]
    return shape


def _make_cut(tensor: str, shapes: dict[str, Shape], layer: str) -> FileCut:
    shape = shapes.get(tensor, ())
    if len(shape) == 2 and shape[1] is not None:
        return FileCut(tensor, (), layer, shape[1])
    if len(shape) == 4 and shape[1] is not None:
        return FileCut(tensor, (2, 3), f"{layer}, average-pooled", shape[1])
    found = ", ".join("?" if length is None else str(length) for length in shape[1:])
    raise BackboneError(
        f"the code would be {tensor!r} of the shape [batch, {found}]: expected a vector or a map with"
        " channels first. Name the tensor that is the code with --layer."
    )


def wrap_model(file: OnnxFile, cut: FileCut, fed: Original, *, sides: tuple[int, int] | None) -> Any:
    """Return the graph of a backbone.

    Parameters
    ----------
    file : OnnxFile
    cut : FileCut
    fed : Original
        How: its order of colours, mean and std.
    sides : tuple of int or None
        Height and width; None where the graph takes any.

    Returns
    -------
    onnx.ModelProto
        With ``image``, uint8 ``[batch, height, width, 3]``, in and ``code`` out. Names stay, but that
        constants are called ``constant_…`` and statistics of batch normalisation so; what is added takes
        names that are free.
    """
    import onnx

    model = onnx.ModelProto.FromString(file.model.SerializeToString())
    moved = move_names(model.graph)
    rename(model.graph, moved)
    for tensor in model.graph.initializer:
        tensor.ClearField("data_location")  # what lay in another file has been read
    lift_constants(model.graph)
    if file.input.batch is not None:
        free_batch(model.graph, file.input.batch)
    name_weights(model.graph)
    _add_start(model.graph, file, fed, moved)
    _add_code(model.graph, cut, moved)
    _set_signature(model, cut, sides)
    prune(model)
    model.producer_name, model.producer_version, model.domain = PRODUCER, "", ""
    model.ir_version = max(model.ir_version, 4)  # since which weights are no inputs
    return model


def _add_start(graph: Any, file: OnnxFile, fed: Original, moved: Mapping[str, str]) -> None:
    """Add what turns pixels into what the network takes before the graph, in place."""
    from onnx import TensorProto, helper, numpy_helper

    first, taken = file.input.channels_first, used_names(graph)

    def constant(key: str, values: Any) -> str:
        name = free_name(f"{CONSTANT}{key}", taken)
        graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    def by_channel(values: Any) -> Any:
        return np.asarray(values, np.float32).reshape((3, 1, 1) if first else (3,))

    steps: list[tuple[str, str, list[str], dict[str, Any]]] = []
    if first:
        steps.append(("Transpose", "last", [], {"perm": [0, 3, 1, 2]}))
    if fed.channels != "rgb":
        order = constant("order", np.asarray(ORDERS[fed.channels]))
        steps.append(("Gather", "ordered", [order], {"axis": 1 if first else 3}))
    steps += [
        ("Cast", "float", [], {"to": TensorProto.FLOAT}),
        ("Sub", "centred", [constant("mean", by_channel(fed.mean))], {}),
        ("Div", "", [constant("std", by_channel(fed.std))], {}),
    ]
    given, value, nodes = moved.get(file.input.name, file.input.name), "image", []
    for operator, ending, others, given_by in steps:
        made = free_name(f"pixels_{ending}", taken) if ending else given
        nodes.append(helper.make_node(operator, [value, *others], [made], **given_by))
        value = made
    for node in reversed(nodes):
        graph.node.insert(0, node)


def _add_code(graph: Any, cut: FileCut, moved: Mapping[str, str]) -> None:
    """Add what makes the code of what it is cut at, in place."""
    from onnx import helper

    tensor = moved.get(cut.tensor, cut.tensor)
    if cut.places:
        pooled = free_name(f"{tensor}_pooled", used_names(graph))
        graph.node.append(helper.make_node("GlobalAveragePool", [tensor], [pooled]))
        tensor = pooled
    graph.node.append(helper.make_node("Flatten", [tensor], ["code"], axis=1))


def _set_signature(model: Any, cut: FileCut, sides: tuple[int, int] | None) -> None:
    from onnx import TensorProto, helper

    graph = model.graph
    image = ["batch", *(sides or ("height", "width")), 3]
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info("image", TensorProto.UINT8, image))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("code", TensorProto.FLOAT, ["batch", cut.code_size]))
    graph.name = PRODUCER
    for item in (model, graph, *graph.node, *graph.initializer):
        item.ClearField("doc_string")
        del item.metadata_props[:]
