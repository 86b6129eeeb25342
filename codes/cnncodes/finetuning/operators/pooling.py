"""Poolings."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from cnncodes.finetuning.operators.arithmetic import average
from cnncodes.finetuning.operators.registry import Node, Operation, operator
from cnncodes.finetuning.operators.windows import Windows, pad_ends

_GREATEST = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGES = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def _read_windows(node: Node) -> Windows:
    windows = Windows.of(node, tuple(node.get("kernel_shape", ())))
    if len(windows.kernel) not in _GREATEST:
        raise node.refuse(f"kernel_shape is {windows.kernel}, where one to three lengths are expected")
    return windows


@operator("MaxPool")
def pool_greatest(node: Node) -> Operation:
    """The greatest of each window; what is padded is less than anything."""
    windows = _read_windows(node)
    function, kernel = _GREATEST[len(windows.kernel)], windows.kernel
    padding = windows.symmetric
    if padding is not None and all(2 * pad <= size for pad, size in zip(padding, kernel, strict=True)):
        return lambda x: function(x, kernel, windows.strides, padding, windows.dilations)

    def run(x: Tensor) -> Tensor:
        sizes = tuple(x.shape[2:])
        ends = windows.padding(sizes, cuts=True)
        over = windows.overhang(sizes, ends)
        # torch's own ceil_mode would take what is padded here for a part of the image.
        ends = [(begin, end + extra) for (begin, end), extra in zip(ends, over, strict=True)]
        padded = pad_ends(x, ends, -math.inf)
        return function(padded, kernel, windows.strides, 0, windows.dilations)

    return run


@operator("AveragePool")
def pool_average(node: Node) -> Operation:
    """The mean of each window, with or without what is padded, never with what hangs over."""
    windows, counts_padding = _read_windows(node), bool(node.get("count_include_pad", 0))
    if any(step != 1 for step in windows.dilations):
        raise node.refuse(f"its dilations are {windows.dilations}, where 1 is expected")
    function, kernel, strides = _AVERAGES[len(windows.kernel)], windows.kernel, windows.strides
    padding = windows.symmetric
    if padding is not None and all(2 * pad <= size for pad, size in zip(padding, kernel, strict=True)):
        return lambda x: function(x, kernel, strides, padding, False, counts_padding)

    def run(x: Tensor) -> Tensor:
        sizes = tuple(x.shape[2:])
        ends = windows.padding(sizes, cuts=True)
        over = [(0, extra) for extra in windows.overhang(sizes, ends)]
        ones = pad_ends(x.new_ones((1, 1, *sizes)), ends, float(counts_padding))
        shares = function(pad_ends(ones, over), kernel, strides)
        means: Tensor = function(pad_ends(pad_ends(x, ends), over), kernel, strides)
        return means / shares

    return run


@operator("GlobalAveragePool")
def pool_all(node: Node) -> Operation:
    """The mean over all places."""
    return lambda x: average(x, tuple(range(2, x.ndim)), True)


@operator("GlobalMaxPool")
def pool_greatest_of_all(node: Node) -> Operation:
    """The greatest over all places."""
    return lambda x: x.amax(tuple(range(2, x.ndim)), keepdim=True)
