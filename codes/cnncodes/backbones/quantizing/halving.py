"""Half precision: a graph whose numbers have 16 bits, for GPUs."""

from __future__ import annotations

import logging
from typing import Any

from cnncodes.backbones.quantizing.preparing import check_fp32, finish_graph, prepare_graph
from cnncodes.backbones.running.quiet import quiet_logging
from cnncodes.backbones.session import Backbone
from cnncodes.errors import BackendMissing, install_advice

FP16_FILE = "fp16.onnx"

#: What the card says of how it was made.
METHOD = "weights and activations in 16 bits; pixels are normalised in 32"

_NORMALISING = ("Cast", "Sub", "Div", "Add", "Mul")


def halve(backbone: Backbone) -> Backbone:
    """Return a network with 16-bit weights and activations; its codes are float32 as before.

    The normalisation stays in 32 bits: whole pixels less a mean lose digits in 16. On a CPU it runs as well,
    and slower than fp32.

    Raises
    ------
    BackboneError
        If its file is not fp32, or there is nothing to halve.
    BackendMissing
        If ONNX is not installed.
    """
    try:
        import onnx  # noqa: F401  (what the next line needs too)
        from onnxruntime.transformers.float16 import convert_float_to_float16
    except ImportError as error:
        raise BackendMissing(
            f"{error.name or error} is not installed, which fp16 needs: {install_advice('report')}."
        ) from error
    check_fp32(backbone.card, "give one of fp32")
    model = prepare_graph(backbone.model_bytes(), backbone.card.name)
    with quiet_logging(logging.WARNING):  # of weights too small for 16 bits, which become the least there are
        model = convert_float_to_float16(
            model, keep_io_types=True, node_block_list=_find_normalising(model.graph)
        )
    _skip_round_trips(model.graph)
    return finish_graph(model, backbone, FP16_FILE, "fp16")


def _find_normalising(graph: Any) -> list[str]:
    """Return the names of the nodes between the input and the first that does more than normalise it."""
    values, names = {graph.input[0].name}, []
    for node in graph.node:
        if not values.isdisjoint(node.input) and node.op_type in (*_NORMALISING, "Transpose"):
            names.append(node.name)
            values.update(node.output)
    return names


def _skip_round_trips(graph: Any) -> None:
    """Remove casts to 16 bits and back between nodes that stay in 32."""
    casts = {
        node.output[0]: (node.input[0], node.attribute[0].i) for node in graph.node if node.op_type == "Cast"
    }
    for node in graph.node:
        for number, name in enumerate(node.input):
            halved, kind = casts.get(name, ("", 0))
            if kind == 1 and casts.get(halved, ("", 0))[1] == 10:
                node.input[number] = casts[halved][0]
    read = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    for node in [n for n in graph.node if n.op_type == "Cast" and n.output[0] not in read]:
        graph.node.remove(node)
        if not any(node.input[0] in other.input for other in graph.node):
            graph.node.remove(next(other for other in graph.node if node.input[0] in other.output))
