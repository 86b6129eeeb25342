"""Numbers one by one: sums, products, comparisons, and their means over axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cnncodes.finetuning.operators.registry import FLOATS, Node, Operation, operator

#: ONNX's numbers of types. FLOAT is whatever the network's weights are, so that it can be made double.
_TYPES = {
    1: None, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32, 7: torch.int64, 9: torch.bool,
    10: torch.float16, 11: torch.float64, 16: torch.bfloat16,
}  # fmt: skip


def meet(first: Tensor, *others: Tensor) -> list[Tensor]:
    """Return tensors on one device: lengths and places are computed on the CPU, where they are read."""
    tensors = [first, *others]
    if all(tensor.device == first.device for tensor in others):
        return tensors
    [device] = {tensor.device for tensor in tensors if tensor.device.type != "cpu"}
    return [tensor.to(device) for tensor in tensors]


_PAIRS: dict[str, Callable[..., Tensor]] = {
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "Equal": torch.eq,
    "Less": torch.lt,
    "LessOrEqual": torch.le,
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "And": torch.logical_and,
    "Or": torch.logical_or,
}
_SINGLES: dict[str, Callable[..., Tensor]] = {
    "Abs": torch.abs,
    "Ceil": torch.ceil,
    "Cos": torch.cos,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Floor": torch.floor,
    "Log": torch.log,
    "Neg": torch.neg,
    "Not": torch.logical_not,
    "Reciprocal": torch.reciprocal,
    "Sin": torch.sin,
    "Sqrt": torch.sqrt,
}


@operator(*_PAIRS)
def combine(node: Node) -> Operation:
    """Two tensors, number by number."""
    function = _PAIRS[node.operator]
    return lambda a, b: function(*meet(a, b))


@operator(*_SINGLES)
def apply(node: Node) -> Operation:
    """One tensor, number by number."""
    return _SINGLES[node.operator]


@operator("Div")
def divide(node: Node) -> Operation:
    """Whole numbers are cut towards zero."""

    def run(a: Tensor, b: Tensor) -> Tensor:
        a, b = meet(a, b)
        return torch.div(a, b, rounding_mode=None if a.is_floating_point() else "trunc")

    return run


@operator("Mod")
def remain(node: Node) -> Operation:
    """What is left of a division: of the sign of the divisor, or, as in C, of the dividend."""
    function = torch.fmod if node.get("fmod", 0) else torch.remainder
    return lambda a, b: function(*meet(a, b))


@operator("Pow")
def power(node: Node) -> Operation:
    """The result is of the base's type."""
    exponent = node.constants.get(1)
    if exponent is not None and exponent.size == 1:
        value = exponent.reshape(-1)[0].item()
        ones = (1,) * exponent.ndim
        return lambda base, _: base.pow(value).to(base.dtype).expand(torch.broadcast_shapes(base.shape, ones))
    return lambda base, exponent: torch.pow(*meet(base, exponent)).to(base.dtype)


@operator("Min", "Max")
def extreme(node: Node) -> Operation:
    """The least or greatest of any number of tensors."""
    function = torch.minimum if node.operator == "Min" else torch.maximum

    def run(*tensors: Tensor) -> Tensor:
        first, *others = meet(*tensors)
        for other in others:
            first = function(first, other)
        return first

    return run


@operator("Sum")
def add_all(node: Node) -> Operation:
    """Any number of tensors."""

    def run(*tensors: Tensor) -> Tensor:
        first, *others = meet(*tensors)
        for other in others:
            first = first + other
        return first

    return run


@operator("Where")
def where(node: Node) -> Operation:
    """One or the other."""
    return lambda condition, a, b: torch.where(*meet(condition, a, b))


@operator("Cast", needs=FLOATS)
def cast(node: Node) -> Operation:
    """To another type."""
    number = node.get("to")
    if number not in _TYPES:
        raise node.refuse(f"the type {number} is not known")
    kind = _TYPES[number]
    return lambda x, floats: x.to(floats if kind is None else kind)


@operator("CastLike")
def cast_like(node: Node) -> Operation:
    """To the type of another tensor."""
    return lambda x, like: x.to(like.dtype)


@operator("Identity")
def identity(node: Node) -> Operation:
    """The same."""
    return lambda x: x


@operator("Dropout")
def dropout(node: Node) -> Operation:
    """Nothing: a graph for prediction drops nothing, whatever its ratio was in training."""
    return lambda x, *_: x


def _sum(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return x.sum(axes, keepdim=keep, dtype=x.dtype)


def _norm(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return torch.linalg.vector_norm(x, dim=axes, keepdim=keep)


def average(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    """Return the mean, over the places of images such that its gradient has channels last.

    Else the last convolution's backward pass has to sort them: in bf16 it took twice as long so.
    """
    if x.ndim == 4 and axes in ((2, 3), (-2, -1)):
        found = x.permute(0, 2, 3, 1).mean((1, 2))
        return found[..., None, None] if keep else found
    return x.mean(axes, keepdim=keep)


@operator("CumSum")
def sum_so_far(node: Node) -> Operation:
    """The sum of what comes first along an axis, or last, with or without the number itself."""
    exclusive, backwards = bool(node.get("exclusive", 0)), bool(node.get("reverse", 0))

    def run(x: Tensor, axis: Tensor) -> Tensor:
        along = int(axis)
        turned = x.flip(along) if backwards else x
        sums = turned.cumsum(along, dtype=x.dtype)
        if exclusive:
            sums = torch.cat([torch.zeros_like(sums.narrow(along, 0, 1)), sums], along)
            sums = sums.narrow(along, 0, x.shape[along])
        return sums.flip(along) if backwards else sums

    return run


@operator("Einsum")
def sum_products(node: Node) -> Operation:
    """Products summed over the axes that an equation leaves out."""
    equation = node.get("equation")
    return lambda *tensors: torch.einsum(equation, *meet(*tensors))


_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "ReduceMean": average,
    "ReduceSum": _sum,
    "ReduceMax": torch.amax,
    "ReduceMin": torch.amin,
    "ReduceL2": _norm,
}


@operator(*_REDUCTIONS)
def reduce(node: Node) -> Operation:
    """Over axes: all of them where none are named, unless the node says that this means none."""
    function, keep = _REDUCTIONS[node.operator], bool(node.get("keepdims", 1))
    axes = node.integers("axes", 1)
    if axes is None and node.has(1):
        raise node.refuse("its axes are computed, where constants are expected")
    if not axes and node.get("noop_with_empty_axes", 0):
        return lambda x, *_: x
    return lambda x, *_: function(x, axes or tuple(range(x.ndim)), keep)
