"""Shapes: asking for them, computing with them, and giving tensors others.

Lengths stay on the CPU, wherever the network is: reading them from a GPU would wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from cnncodes.finetuning.operators.arithmetic import meet
from cnncodes.finetuning.operators.registry import Node, Operation, operator

Lengths = tuple[int, ...]


def _taking(
    node: Node, name: str, place: int, function: Callable[[Tensor, Lengths | None], Any]
) -> Operation:
    """Return an operation that takes whole numbers, known beforehand or computed."""
    known = node.integers(name, place)
    if known is not None or not node.has(place):
        return lambda x, *_: function(x, known)
    return lambda x, *rest: function(x, tuple(rest[place - 1].tolist()))


@operator("Shape")
def shape(node: Node) -> Operation:
    """The lengths of a tensor's axes."""
    start, end = node.get("start", 0), node.get("end")
    return lambda x: torch.tensor(x.shape[start:end], dtype=torch.int64)


@operator("Reshape")
def reshape(node: Node) -> Operation:
    """0 is the length that the axis had, unless the node says that it is none."""
    zero_is_zero = bool(node.get("allowzero", 0))

    def run(x: Tensor, lengths: Lengths | None) -> Tensor:
        lengths = lengths or ()
        if not zero_is_zero:
            lengths = tuple(x.shape[axis] if n == 0 else n for axis, n in enumerate(lengths))
        return x.reshape(lengths)

    return _taking(node, "shape", 1, run)


@operator("Flatten")
def flatten(node: Node) -> Operation:
    """To a matrix."""
    axis = node.get("axis", 1)

    def run(x: Tensor) -> Tensor:
        rows = int(np.prod(x.shape[:axis]))
        return x.reshape(rows, int(np.prod(x.shape[axis:])))

    return run


@operator("Transpose")
def transpose(node: Node) -> Operation:
    """Another order of the axes, by default the reverse."""
    order = node.get("perm")
    return lambda x: x.permute(tuple(range(x.ndim))[::-1] if order is None else tuple(order))


@operator("Squeeze")
def squeeze(node: Node) -> Operation:
    """Without axes of length 1."""
    return _taking(node, "axes", 1, lambda x, axes: x.squeeze() if axes is None else x.squeeze(axes))


@operator("Unsqueeze")
def unsqueeze(node: Node) -> Operation:
    """With axes of length 1, at their places in the result."""

    def run(x: Tensor, axes: Lengths | None) -> Tensor:
        rank = x.ndim + len(axes or ())
        for axis in sorted(axis % rank for axis in axes or ()):
            x = x.unsqueeze(axis)
        return x

    return _taking(node, "axes", 1, run)


@operator("Expand")
def expand(node: Node) -> Operation:
    """Repeated along axes of length 1; where the shape says 1 the tensor's own length stays."""
    return _taking(node, "shape", 1, lambda x, to: x.expand(torch.broadcast_shapes(x.shape, to or ())))


@operator("Tile")
def tile(node: Node) -> Operation:
    """Repeated along each axis."""
    return _taking(node, "repeats", 1, lambda x, repeats: x.repeat(repeats or ()))


@operator("Concat")
def concatenate(node: Node) -> Operation:
    """One after the other."""
    axis = node.get("axis")
    return lambda *tensors: torch.cat(meet(*tensors), axis)


@operator("Split", outputs=None)
def split(node: Node) -> Operation:
    """In parts of given lengths, else in equal ones, of which the last may be shorter."""
    axis, count = node.get("axis", 0), len(node.outputs)

    def run(x: Tensor, lengths: Lengths | None) -> tuple[Tensor, ...]:
        parts: tuple[Tensor, ...] = x.split(lengths or -(-x.shape[axis] // count), axis)
        return parts

    return _taking(node, "split", 1, run)


@operator("Gather")
def gather(node: Node) -> Operation:
    """What is at some places along an axis; negative ones count from the end."""
    axis = node.get("axis", 0)

    def run(x: Tensor, places: Tensor) -> Tensor:
        flat = (places.reshape(-1).to(torch.int64) % x.shape[axis]).to(x.device)
        found: Tensor = x.index_select(axis, flat)
        start = axis % x.ndim
        return found.reshape(x.shape[:start] + places.shape + x.shape[start + 1 :])

    return run


@operator("Slice")
def cut(node: Node) -> Operation:
    """A part along axes, with steps, which may go backwards."""
    known = [node.integers(name, place) for place, name in enumerate(("starts", "ends", "axes", "steps"), 1)]

    def run(x: Tensor, *given: Tensor | None) -> Tensor:
        found = list(known)
        for place, tensor in enumerate(given):
            if found[place] is None and tensor is not None:
                found[place] = tuple(tensor.tolist())
        starts, ends, axes, steps = found
        count = len(starts or ())
        axes, steps = axes or tuple(range(count)), steps or (1,) * count
        for start, end, axis, step in zip(starts or (), ends or (), axes, steps, strict=True):
            x = _cut_axis(x, slice(start, end, step), axis)
        return x

    return run


def _cut_axis(x: Tensor, part: slice, axis: int) -> Tensor:
    axis %= x.ndim
    places = range(*part.indices(x.shape[axis]))
    if places.step > 0:
        return x[(slice(None),) * axis + (slice(places.start, max(places.start, places.stop), places.step),)]
    # torch has no negative steps.
    return x.index_select(axis, torch.tensor(places, dtype=torch.int64, device=x.device))


@operator("ConstantOfShape")
def fill(node: Node) -> Operation:
    """One number everywhere, by default a zero."""
    value = torch.as_tensor(np.asarray(node.get("value", np.zeros(1, np.float32))).reshape(-1)[0])
    return lambda lengths: torch.full(tuple(lengths.tolist()), value.item(), dtype=value.dtype)


@operator("Range")
def count(node: Node) -> Operation:
    """From one number to another."""
    return lambda start, end, step: torch.arange(start.item(), end.item(), step.item(), dtype=start.dtype)


_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


@operator("Pad")
def pad(node: Node) -> Operation:
    """What is around: one number, or the image itself; negative lengths cut."""
    mode = node.get("mode", "constant")
    if mode not in _MODES:
        raise node.refuse(f"mode is {mode!r}, which ONNX does not have")
    value, axes = node.number("value", 2) or 0.0, node.integers("axes", 3)
    if node.has(3) and axes is None:
        raise node.refuse("its axes are computed, where constants are expected")

    def run(x: Tensor, pads: Lengths | None) -> Tensor:
        lengths = _order_pads(pads or (), axes or tuple(range(x.ndim)), x.ndim)
        if mode == "constant":
            return F.pad(x, lengths, value=value)
        while lengths and lengths[-2:] == [0, 0]:  # torch takes no more than the places here
            lengths = lengths[:-2]
        return F.pad(x, lengths, mode=_MODES[mode]) if lengths else x

    return _taking(node, "pads", 1, run)


def _order_pads(pads: Lengths, axes: Lengths, rank: int) -> list[int]:
    """Return paddings as torch has them: both ends of the last axis first."""
    ends = {axis % rank: (pads[at], pads[len(axes) + at]) for at, axis in enumerate(axes)}
    return [length for axis in reversed(range(rank)) for length in ends.get(axis, (0, 0))]
