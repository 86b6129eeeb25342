"""How a graph starts: what it does to pixels, channel by channel, before anything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.channels import ORDERS
from cnncodes.backbones.graphs.initializers import read_constants
from cnncodes.backbones.graphs.subgraphs import taken_names
from cnncodes.backbones.graphs.wiring import attributes

_AFFINE = ("Add", "Sub", "Mul", "Div")

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Start:
    """Where a graph stands after its first nodes: it has turned a pixel x into scale x + offset.

    Attributes
    ----------
    nodes : tuple of onnx.NodeProto
    value : str
        Name of what the last of them gives.
    readers : tuple of onnx.NodeProto
        What reads that.
    scale, offset : ndarray of float64, shape (3,)
        By channel, in the order that these have by then.
    order : tuple of int
        Which of red (0), green and blue (2) each channel is.
    """

    nodes: tuple[Any, ...]
    value: str
    readers: tuple[Any, ...]
    scale: Vector
    offset: Vector
    order: tuple[int, ...] = ORDERS["rgb"]

    @property
    def is_ready(self) -> bool:
        """Whether pixels are float, and channels come first."""
        kinds = {node.op_type for node in self.nodes}
        return {"Cast", "Transpose"} <= kinds <= {"Cast", "Gather", "Transpose", *_AFFINE}


def follow_start(graph: Any) -> Iterator[Start]:
    """Yield where a graph stands after each node that converts, transposes, orders or maps channels.

    The first is the input itself.
    """
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in taken_names(node):
            # How many images there are may be asked of the input itself, which stays.
            if (name, node.op_type) != (graph.input[0].name, "Shape"):
                readers.setdefault(name, []).append(node)
    constants = read_constants(graph)
    value = graph.input[0].name
    start: Start | None = Start((), value, tuple(readers.get(value, [])), np.ones(3), np.zeros(3))
    while start is not None:
        yield start
        start = _go_on(start, constants, readers) if len(start.readers) == 1 else None


def _go_on(start: Start, constants: dict[str, Any], readers: dict[str, list[Any]]) -> Start | None:
    """Return where a graph stands after one more node, or None where that is of another kind."""
    [node] = start.readers
    given, order = attributes(node), start.order
    mapped: tuple[Vector, Vector] | None = None
    is_first = any(before.op_type == "Transpose" for before in start.nodes)
    if node.op_type in _AFFINE:
        other = constants.get(node.input[1 if node.input[0] == start.value else 0])
        # By channel only where channels come first.
        mapped = _apply(node, other, start) if other is not None and is_first else None
    elif node.op_type == "Gather":
        places = _read_order(node, constants, axis=1 if is_first else 3)
        if places is not None:
            order = tuple(order[place] for place in places)
            mapped = start.scale[places], start.offset[places]
    elif (node.op_type == "Transpose" and not is_first and list(given.get("perm", [])) == [0, 3, 1, 2]) or (
        node.op_type == "Cast" and given.get("to", 0) == 1
    ):
        mapped = start.scale, start.offset
    if mapped is None:
        return None
    value = node.output[0]
    return Start((*start.nodes, node), value, tuple(readers.get(value, [])), *mapped, order)


def _read_order(node: Any, constants: dict[str, Any], axis: int) -> list[int] | None:
    """Return in which order a node takes the channels; None where it does something else."""
    order, along = constants.get(node.input[1]), attributes(node).get("axis", 0)
    if order is None or order.shape != (3,) or along not in (axis, axis - 4):
        return None
    places = [int(place) % 3 for place in order]
    return places if tuple(places) in ORDERS.values() else None


def _apply(node: Any, other: Any, start: Start) -> tuple[Vector, Vector] | None:
    """Return the affine map after a node that adds, subtracts, multiplies or divides by a constant."""
    if other.size not in (1, 3) or (other.size == 3 and other.shape[-3:] != (3, 1, 1)):
        return None
    constant = other.astype(np.float64).ravel()
    scale, offset, first = start.scale, start.offset, node.input[0] == start.value
    if node.op_type == "Add":
        return scale, offset + constant
    if node.op_type == "Sub":
        return (scale, offset - constant) if first else (-scale, constant - offset)
    if node.op_type == "Mul":
        return scale * constant, offset * constant
    return (scale / constant, offset / constant) if first and constant.all() else None
