"""Backbones whose code is made of other layers than the network's own."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from cnncodes.backbones.card import Card
from cnncodes.backbones.graphs.canonical import serialize
from cnncodes.backbones.graphs.initializers import summarize_weights
from cnncodes.backbones.graphs.layers import Layer, Layers
from cnncodes.backbones.graphs.picks import OWN, Pick
from cnncodes.backbones.graphs.rounded import name_rounded
from cnncodes.backbones.graphs.wiring import load_graph
from cnncodes.errors import BackboneError, UsageError, sentence


def pick_layers(model: bytes, card: Card, layer: str, pool: str | None = None) -> tuple[bytes, Card]:
    """Return the graph and card of a backbone whose code is made of some layers of another's.

    Parameters
    ----------
    model : bytes
    card : Card
    layer : str
        See `cnncodes.load_backbone`.
    pool : {"mean", "max", "both"}, optional

    Returns
    -------
    model : bytes
        The same layers give the same bytes.
    card : Card
        ``whole`` is the sha256 of the network that they were picked from.

    Raises
    ------
    UsageError
        If there is no such layer, or it cannot be pooled.
    """
    if card.whole is not None:
        raise BackboneError(f"{card.name!r} is made of picked layers already: pick from the whole network.")
    if card.precision not in ("fp32", "int8"):
        raise BackboneError(
            f"layers are picked from networks of fp32 or int8, and {card.name!r} is to run in"
            f" {card.precision}: leave --precision (precision) out, or make a backbone of the layers"
            " ('cnncodes models export ADDRESS --layer …') and of that one of fp16 ('cnncodes models quantize"
            " FOLDER --precision fp16')."
        )
    pick = Pick.parse(layer, pool)
    try:
        picked, sizes = _open(model, card).pick(pick)
    except UsageError as error:
        if card.precision == "fp32":
            raise
        raise UsageError(
            f"{sentence(error)} This is its int8 file, in which some layers are fused: fp32 has those"
            " (leave --precision out)."
        ) from error
    data = serialize(picked)
    return data, dataclasses.replace(
        card,
        layer=str(pick),
        code_size=sum(sizes.values()),
        files={card.model_file: hashlib.sha256(data).hexdigest()},
        parity={},
        precisions={},
        quantization={},
        weights=summarize_weights(picked) if card.precision == "fp32" else None,
        layers=sizes,
        whole=card.files[card.model_file],
    )


def list_layers(model: bytes, card: Card) -> list[Layer]:
    """Return the layers that can serve as a code, in the network's order; its own code is last."""
    return _open(model, card).candidates()


def _open(model: bytes, card: Card) -> Layers:
    graph: Any = load_graph(model, "picking layers")
    if card.precision == "int8":
        name_rounded(graph.graph)
    if card.layers is not None and OWN in card.layers:
        _give_own_code(graph, list(card.layers).index(OWN), card.layers[OWN])
    return Layers(graph, card.frame.height, card.frame.width)


def _give_own_code(model: Any, place: int, size: int) -> None:
    """Let a graph that joins layers end at the network's own code, which is one of them, in place.

    By the name of that code its part is meant, also in what is stored: never all of them.
    """
    graph = model.graph
    [join] = [node for node in graph.node if OWN in node.output]
    own = join.input[place]
    graph.node.remove(join)
    for node in graph.node:
        node.input[:] = [OWN if name == own else name for name in node.input]
        node.output[:] = [OWN if name == own else name for name in node.output]
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = size
