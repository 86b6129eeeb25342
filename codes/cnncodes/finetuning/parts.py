"""A network in two parts: what stays frozen, whose results can be kept, and what is trained on them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnncodes.backbones.exporting.onnx_naming import free_name, rename, used_names
from cnncodes.backbones.graphs.canonical import serialize
from cnncodes.backbones.graphs.initializers import trainable_weights
from cnncodes.backbones.graphs.subgraphs import taken_names
from cnncodes.backbones.graphs.wiring import Shape, attributes, load_graph, prune
from cnncodes.errors import UsageError
from cnncodes.finetuning.borders import Border, find_border
from cnncodes.finetuning.reading import Graph, read_loaded

#: What the lower part's outputs are called before their number.
FEATURE = "feature_"


@dataclass(frozen=True)
class Feature:
    """A tensor that goes from the lower part into the upper one.

    Attributes
    ----------
    name : str
        In the network's graph.
    shape : tuple of int
        Of one image's.
    dtype : {"float16", "uint8"}
        As the lower part gives it; uint8 is the image itself.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Parts:
    """A network in two parts.

    Attributes
    ----------
    lower : bytes
        An ONNX file that takes the network's images and gives ``feature_0``, ``feature_1``, …, then the
        network's own code. Float16 has no numbers beyond 65504: there features are infinite.
    upper : Graph
        What is trained. It takes the features, in their order, and gives the code. Weights that stay frozen
        may be in it, too.
    features : tuple of Feature
    """

    lower: bytes
    upper: Graph
    features: tuple[Feature, ...]


def split_graph(model: bytes, weights: Collection[str], height: int, width: int) -> Parts:
    """Return a network in two parts: all that depends on some weights is the upper one.

    Parameters
    ----------
    model : bytes
        A backbone's ONNX file.
    weights : collection of str
        Those that are to be trained.
    height, width : int
        Of the images, in pixels: features have one shape.

    Returns
    -------
    Parts
        Where no frozen layer comes first, the image itself is a feature; where all weights are to be trained,
        the only one.

    Raises
    ------
    UsageError
        If there are no weights, or one of them is none of the network's, or none that its code depends on.
    BackboneError
        If the file is no ONNX file, or the network fails on images of this size.
    BackendMissing
        If ONNX is not installed.

    Examples
    --------
    >>> import cnncodes
    >>> from cnncodes.finetuning.blocks import choose_weights
    >>> from cnncodes.finetuning.reading import read_graph
    >>> model = cnncodes.load_backbone().model_bytes()
    >>> parts = split_graph(model, choose_weights(read_graph(model), "last:1"), 224, 224)
    >>> parts.features, len(parts.upper.weights)
    ((Feature(name='batchnormalization_47', shape=(320, 7, 7), dtype='float16'),), 3)
    """
    loaded = load_graph(model, "fine-tuning", "finetune")
    prune(loaded)
    _check_weights(weights, trainable_weights(loaded))
    border = find_border(loaded, weights, height, width)
    images = {value.name for value in loaded.graph.input}
    features = tuple(
        Feature(name, tuple(length or 0 for length in shape[1:]), "uint8" if name in images else "float16")
        for name, shape in border.crossing.items()
    )
    upper = read_loaded(_write_upper(loaded, border))
    return Parts(_write_lower(loaded, features), upper, features)


def _check_weights(weights: Collection[str], known: list[str]) -> None:
    if not weights:
        raise UsageError("no weights are chosen to be trained: expected one at least.")
    unknown = sorted(set(weights) - set(known))
    if unknown:
        raise UsageError(
            f"{unknown[0]!r} is none of the {len(known)} weights that the network's code depends on and that"
            " can be trained."
        )


def _write_lower(model: Any, features: tuple[Feature, ...]) -> bytes:
    """Return the network with features as further outputs; it is changed in place.

    Casts at its end leave its own code alone, to the bit unless the runtime fuses what the cut parts: a
    convolution with its norm.
    """
    from onnx import TensorProto, helper

    graph = model.graph
    names = [f"{FEATURE}{place}" for place in range(len(features))]
    taken = used_names(graph) | set(names)
    moved = {name: free_name(name, taken) for name in names if name in used_names(graph)}
    rename(graph, moved)
    outputs = []
    for name, feature in zip(names, features, strict=True):
        source, halves = moved.get(feature.name, feature.name), feature.dtype == "float16"
        graph.node.append(
            helper.make_node("Cast", [source], [name], f"Cast_{name}", to=TensorProto.FLOAT16)
            if halves
            else helper.make_node("Identity", [source], [name], f"Identity_{name}")
        )
        kind = TensorProto.FLOAT16 if halves else TensorProto.UINT8
        # Without lengths: in a network of any size they follow from the image's.
        outputs.append(helper.make_tensor_value_info(name, kind, ["batch", *[None] * len(feature.shape)]))
    for value in outputs[::-1]:
        graph.output.insert(0, value)
    return serialize(model)


def _write_upper(model: Any, border: Border) -> Any:
    """Return the graph above a cut."""
    from onnx import TensorProto, helper

    nodes = list(_rewrite_nodes(model, border))
    taken = {name for node in nodes for name in taken_names(node)}
    images = {value.name: value for value in model.graph.input}
    inputs = [
        images[name]
        if name in images
        else helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape[1:]])
        for name, shape in border.crossing.items()
    ]
    tensors = [tensor for tensor in model.graph.initializer if tensor.name in taken]
    graph = helper.make_graph(nodes, model.graph.name or "upper", inputs, model.graph.output, tensors)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def _rewrite_nodes(model: Any, border: Border) -> Iterator[Any]:
    """Yield the nodes above a cut; they ask a feature for the batch, instead of tensors that do not cross."""
    taken = used_names(model.graph)
    batch = free_name("batch_length", taken)
    if border.lengths:
        yield from _ask_batch(next(iter(border.crossing)), batch, taken)
    for place, node in enumerate(model.graph.node):
        if place in border.lengths:
            yield from _write_shape(node, border.lengths[place], batch, taken)
        elif place in border.upper:
            yield node


def _ask_batch(feature: str, batch: str, taken: set[str]) -> Iterator[Any]:
    """Yield the nodes that give the number of images, of shape [1]."""
    from onnx import helper

    shape, first = free_name("feature_shape", taken), free_name("first_place", taken)
    yield helper.make_node("Shape", [feature], [shape], shape)
    yield _make_constant(first, [0])
    yield helper.make_node("Gather", [shape, first], [batch], batch, axis=0)


def _make_constant(name: str, numbers: list[int]) -> Any:
    from onnx import helper, numpy_helper

    value = numpy_helper.from_array(np.asarray(numbers, np.int64))
    return helper.make_node("Constant", [], [name], name, value=value)


def _write_shape(node: Any, lengths: Shape, batch: str, taken: set[str]) -> Iterator[Any]:
    """Yield the nodes that do for a Shape node of a tensor whose lengths, but for the batch, are known."""
    from onnx import helper

    known = attributes(node)
    wanted = lengths[known.get("start", 0) : known.get("end")]
    fixed = free_name("fixed_lengths", taken)
    rest = [length for length in wanted if length is not None]
    yield _make_constant(fixed, rest)
    parts = [batch, fixed] if None in wanted else [fixed]
    yield helper.make_node("Concat", parts, [node.output[0]], node.name, axis=0)
