"""Depthwise convolutions whose gradients oneDNN computes slowly on a CPU: wide kernels, strides in bf16.

Seen of oneDNN 3.12 with AVX-512: from a width of 4 on, whatever its height, the gradient of a kernel takes 20
times as long as that of a narrower one; in bf16 five times that, and there strides cost the gradient of the
image as much.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

#: The widest kernel that has a fast gradient.
_WIDEST = 3


def is_slow(x: Tensor, weight: Tensor, strides: tuple[int, ...], dilations: tuple[int, ...]) -> bool:
    """Tell of a convolution with as many groups as channels whether `convolve_depthwise` trains it faster."""
    return (
        x.device.type == "cpu"
        and len(strides) == 2
        and x.shape[1] == weight.shape[0] > 1
        and max(dilations) == 1
        and (weight.shape[3] > _WIDEST or max(strides) > 1)
    )


def convolve_depthwise(
    x: Tensor, weight: Tensor, bias: Tensor | None, strides: tuple[int, ...], padding: tuple[int, ...]
) -> Tensor:
    """Return what ``conv2d`` with a group for each channel gives; in bf16 where autocast is on."""
    found: Tensor = _Depthwise.apply(x, weight, bias, strides, padding)
    return found


class _Depthwise(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.bfloat16)  # type: ignore[untyped-decorator]
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        strides: tuple[int, ...],
        padding: tuple[int, ...],
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.strides, ctx.padding = strides, padding
        return F.conv2d(x, weight, bias, strides, padding, 1, len(weight))

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            _differentiate_image(slope, x, weight, ctx.strides, ctx.padding) if wanted[0] else None,
            _differentiate_weight(slope, x, weight, ctx.strides, ctx.padding) if wanted[1] else None,
            slope.sum((0, 2, 3)) if wanted[2] else None,
            None,
            None,
        )


def _differentiate_image(
    slope: Tensor, x: Tensor, weight: Tensor, strides: tuple[int, ...], padding: tuple[int, ...]
) -> Tensor:
    if max(strides) > 1 and x.dtype == torch.bfloat16:
        slope, x, weight = slope.float(), x.float(), weight.float()
    return _differentiate(slope, x, weight, strides, padding)[0]


def _differentiate_weight(
    slope: Tensor, x: Tensor, weight: Tensor, strides: tuple[int, ...], padding: tuple[int, ...]
) -> Tensor:
    """Compute it some columns of the kernel at a time, each from the part of the image that these meet."""
    if weight.shape[3] <= _WIDEST:
        return _differentiate(slope, x, weight, strides, padding, of_weight=True)[1]
    last = strides[1] * (slope.shape[3] - 1)
    found = []
    for first in range(0, weight.shape[3], _WIDEST):
        columns = weight[..., first : first + _WIDEST]
        start, length = first - padding[1], last + columns.shape[3]
        met = x[..., max(0, start) : max(0, start + length)]  # nothing where all that they meet is padding
        left = min(max(0, -start), length)
        met = F.pad(met, (left, length - left - met.shape[3]))
        found.append(_differentiate(slope, met, columns, strides, (padding[0], 0), of_weight=True)[1])
    return torch.cat(found, 3)


def _differentiate(
    slope: Tensor,
    x: Tensor,
    weight: Tensor,
    strides: tuple[int, ...],
    padding: tuple[int, ...],
    *,
    of_weight: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return the gradient of the image or of the weights, in its place."""
    mask = (not of_weight, of_weight, False)
    found: tuple[Tensor, Tensor] = torch.ops.aten.convolution_backward(
        slope, x, weight, None, strides, padding, (1, 1), False, (0, 0), len(weight), mask
    )[:2]
    return found
