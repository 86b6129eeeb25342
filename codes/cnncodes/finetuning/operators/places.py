"""Taking parts of a tensor from places, and putting parts at places, where a place is a row of indices."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from cnncodes.finetuning.operators.registry import Node, Operation, operator

#: What becomes of the numbers where others are put, by the node's reduction.
_PUT: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "none": lambda rows, places, given: rows.index_copy(0, places, given),
    "add": lambda rows, places, given: rows.index_add(0, places, given),
}


def _number(places: Tensor, lengths: tuple[int, ...]) -> Tensor:
    """Return the numbers that places, in the last axis, have in one axis that stands for the first ones."""
    found = torch.zeros(places.shape[:-1], dtype=torch.int64, device=places.device)
    for axis, length in enumerate(lengths):
        found = found * length + places[..., axis] % length  # negative ones count from the end
    return found


@operator("GatherND")
def gather_parts(node: Node) -> Operation:
    """The parts at some places of the axes after those of the batch."""
    batch = node.get("batch_dims", 0)

    def run(x: Tensor, places: Tensor) -> Tensor:
        first, depth = x.shape[:batch], places.shape[-1]
        lengths, rest = x.shape[batch : batch + depth], x.shape[batch + depth :]
        number = _number(places.to(torch.int64), lengths)
        offsets = torch.arange(math.prod(first), device=number.device) * math.prod(lengths)
        number = number.reshape(len(offsets), -1) + offsets[:, None]
        rows = x.reshape(len(offsets) * math.prod(lengths), *rest)
        found = rows.index_select(0, number.reshape(-1).to(x.device))
        return found.reshape(places.shape[:-1] + rest)

    return run


@operator("ScatterND")
def scatter_parts(node: Node) -> Operation:
    """The tensor with other parts at some places."""
    reduction = node.get("reduction", "none")
    if reduction not in _PUT:
        raise node.refuse(f"reduction is {reduction!r}, where none or add is expected")

    def run(x: Tensor, places: Tensor, given: Tensor) -> Tensor:
        depth = places.shape[-1]
        lengths, rest = x.shape[:depth], x.shape[depth:]
        number = _number(places.to(torch.int64), lengths).reshape(-1).to(x.device)
        rows = x.reshape(math.prod(lengths), *rest)
        return _PUT[reduction](rows, number, given.to(x.device).reshape(len(number), *rest)).reshape(x.shape)

    return run
