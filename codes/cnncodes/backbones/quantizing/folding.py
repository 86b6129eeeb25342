"""Folding the input's normalisation into the first convolution, so that it takes raw pixels.

A graph normalises as y = a x + b, each channel by itself, and pads y with zeros. With whole numbers z near
-b / a that is a (x - z) + (b + a z): the factor goes into the weights and the rest into the bias, and x - z
are whole numbers of 8 bits. Where z is one number, padding with it is padding with zeros after it is
subtracted; where each channel has its own, the pixels are padded first. Where the graph puts the channels
into another order first, the weights are put into the pixels' order instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnncodes.backbones.graphs.initializers import read_constants
from cnncodes.backbones.graphs.starts import Start, Vector, follow_start
from cnncodes.backbones.graphs.wiring import attributes

#: Names that the folded graph gives its own values and nodes.
PIXELS, CENTERED, PREFIX = "pixels", "centered", "fold_"


@dataclass(frozen=True)
class Fold:
    """A graph whose first convolution takes ``CENTERED``: pixels less a whole number.

    Attributes
    ----------
    zero : int
        That number; the ``uint8`` pixels are the graph's value ``PIXELS``.
    nodes : tuple of str
        Names of the nodes before the convolution.
    """

    zero: int
    nodes: tuple[str, ...]


def fold_input(model: Any) -> Fold | None:
    """Rewrite the start of a graph in place, where its input meets one convolution after an affine map.

    Parameters
    ----------
    model : onnx.ModelProto
        With batch normalisation and paddings already in the convolutions; these have biases.

    Returns
    -------
    Fold or None
        None where the graph starts in another way; it is then left as it is.
    """
    from onnx import helper

    chain = _find_chain(model.graph)
    if chain is None:
        return None
    start, conv = chain
    # By colour as pixels have them: red first.
    places = np.argsort(start.order)
    scale, offset = start.scale[places], start.offset[places]
    zeros = _find_zeros(scale, offset)
    pads = list(attributes(conv).get("pads", [0, 0, 0, 0]))
    zero = int(zeros[0]) if len(set(zeros)) == 1 else int(np.median(zeros))
    _rewrite_weights(model.graph, conv, places, scale, offset + scale * zero)
    nodes = [helper.make_node("Transpose", ["image"], [PIXELS], f"{PREFIX}transpose", perm=[0, 3, 1, 2])]
    if len(set(zeros)) > 1 and any(pads):
        nodes[0].output[0] = f"{PREFIX}planes"
        nodes += _pad_channels(model.graph, zeros, pads)
        _set_pads(conv)
    value = _add_constant(model.graph, "zero", np.float32(zero))
    nodes += [
        helper.make_node("Cast", [PIXELS], [f"{PREFIX}float"], f"{PREFIX}cast", to=1),
        helper.make_node("Sub", [f"{PREFIX}float", value], [CENTERED], f"{PREFIX}sub"),
    ]
    conv.input[0] = CENTERED
    for node in start.nodes:
        model.graph.node.remove(node)
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    del model.graph.value_info[:]
    return Fold(zero, tuple(node.name for node in nodes))


def _find_zeros(scale: Vector, offset: Vector) -> Vector:
    """Return the whole pixel values that are nearest to what becomes 0, by channel."""
    # Rounded twice, so that 127.5 of one channel and 127.4999999 of another are the same.
    return np.asarray(np.clip(np.rint(np.round(-offset / scale, 4)), 0, 255))


def _find_chain(graph: Any) -> tuple[Start, Any] | None:
    """Return how the graph starts, and the first convolution, which goes on from there."""
    *_, start = follow_start(graph)
    if len(start.readers) != 1 or not start.is_ready or not start.scale.all():
        return None
    [conv] = start.readers
    constants = read_constants(graph)
    if conv.op_type != "Conv" or conv.input[0] != start.value or len(conv.input) != 3:
        return None
    weights = constants.get(conv.input[1])
    if weights is None or weights.ndim != 4 or weights.shape[1] != 3 or conv.input[2] not in constants:
        return None
    # How much is padded has to be known, unless padding is the same for every channel.
    is_said = attributes(conv).get("auto_pad", b"NOTSET") == b"NOTSET"
    if not is_said and len(set(_find_zeros(start.scale, start.offset))) > 1:
        return None
    return start, conv


def _rewrite_weights(graph: Any, conv: Any, places: Any, scale: Vector, rest: Vector) -> None:
    """Let a convolution take x in place of scale x + rest, whose channels were in other places."""
    constants = read_constants(graph)
    weights = constants[conv.input[1]].astype(np.float64)[:, places]
    bias = constants[conv.input[2]].astype(np.float64) + weights.sum((2, 3)) @ rest
    conv.input[1] = _add_constant(graph, "weight", (weights * scale[:, None, None]).astype(np.float32))
    conv.input[2] = _add_constant(graph, "bias", bias.astype(np.float32))


def _pad_channels(graph: Any, zeros: Vector, pads: list[int]) -> list[Any]:
    """Return the nodes that pad each channel of the pixels with its own zero."""
    from onnx import helper

    whole = _add_constant(graph, "pads", np.array([0, 0, *pads[:2], 0, 0, *pads[2:]], np.int64))
    planes = [f"{PREFIX}plane_{channel}" for channel in range(3)]
    nodes = [
        helper.make_node("Split", [f"{PREFIX}planes"], planes, f"{PREFIX}split", axis=1, num_outputs=3),
    ]
    for channel, plane in enumerate(planes):
        value = _add_constant(graph, f"value_{channel}", np.uint8(zeros[channel]))
        nodes.append(
            helper.make_node("Pad", [plane, whole, value], [f"{plane}_padded"], f"{PREFIX}pad_{channel}")
        )
    joined = [f"{plane}_padded" for plane in planes]
    return [*nodes, helper.make_node("Concat", joined, [PIXELS], f"{PREFIX}concat", axis=1)]


def _set_pads(conv: Any) -> None:
    for attribute in conv.attribute:
        if attribute.name == "pads":
            attribute.ints[:] = [0] * len(attribute.ints)


def _add_constant(graph: Any, name: str, value: Any) -> str:
    from onnx import numpy_helper

    graph.initializer.append(numpy_helper.from_array(np.asarray(value), PREFIX + name))
    return PREFIX + name
