"""Layers with weights: convolutions, products and normalisations."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from cnncodes.finetuning.operators.depthwise import convolve_depthwise, is_slow
from cnncodes.finetuning.operators.registry import TRAINING, Node, Operation, operator
from cnncodes.finetuning.operators.windows import Windows, pad_ends

_CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
#: Of so many channels oneDNN computes the gradient of any kernel well; see `_writes_beyond`.
_SOUND_CHANNELS = 16


@operator("Conv")
def convolve(node: Node) -> Operation:
    """A convolution, with its batch normalisation where it has one.

    Statistics that are frozen make the latter a factor and an offset of each channel: parts of the weight and
    the bias, which costs no pass over the image. Gradients reach all four through these.
    """
    convolution = _make_convolution(node)
    if node.norm is None:
        return convolution
    normalise, epsilon = normalise_batch(node.norm), node.norm.get("epsilon", 1e-5)

    def run(
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        scale: Tensor,
        offset: Tensor,
        mean: Tensor,
        var: Tensor,
        training: bool,
    ) -> Tensor:
        if training:
            return normalise(convolution(x, weight, bias), scale, offset, mean, var, True)
        factor = scale * torch.rsqrt(var + epsilon)
        offset = offset - (mean if bias is None else mean - bias) * factor
        return convolution(x, weight * factor.reshape(-1, *(1,) * (weight.ndim - 1)), offset)

    return run


def _make_convolution(node: Node) -> Operation:
    """Where the padding differs between the ends it is done before."""
    group = node.get("group", 1)
    made: dict[tuple[int, ...], Windows] = {}

    def run(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        kernel = tuple(weight.shape[2:])
        windows = made.get(kernel)
        if windows is None:
            windows = made[kernel] = Windows.of(node, kernel)
        padding = windows.symmetric
        if padding is None:
            x, padding = pad_ends(x, windows.padding(tuple(x.shape[2:]))), (0,) * len(kernel)
        strides = windows.strides
        if not any(padding) and _writes_beyond(x, weight, strides):
            x, strides = _take_met(x, strides), (1,) * len(kernel)
        if group == len(weight) and is_slow(x, weight, strides, windows.dilations):
            return convolve_depthwise(x, weight, bias, strides, padding)
        function = _CONVOLUTIONS[len(kernel)]
        return function(x, weight, bias, strides, padding, windows.dilations, group)

    return run


def _writes_beyond(x: Tensor, weight: Tensor, strides: tuple[int, ...]) -> bool:
    """Tell of a convolution whether the gradient of its kernel damages memory on a CPU.

    Seen of oneDNN 3.12 with AVX-512, channels last: a kernel of one place, with strides, that meets fewer
    than 16 channels and not the last row or column, writes past what it has. Many crash, the others may.
    """
    few = weight.shape[1] < _SOUND_CHANNELS
    return x.device.type == "cpu" and few and max(strides) > 1 and max(weight.shape[2:]) == 1


def _take_met(x: Tensor, strides: tuple[int, ...]) -> Tensor:
    """Return the places that a kernel of one place meets."""
    return x[(..., *(slice(None, None, step) for step in strides))]


@operator("Gemm")
def multiply_and_add(node: Node) -> Operation:
    """A product of matrices, and what is added to it."""
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    first, second = bool(node.get("transA", 0)), bool(node.get("transB", 0))

    def run(a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
        a = a.t() if first else a
        if second and alpha == beta == 1 and (c is None or c.ndim == 1):
            return F.linear(a, b, c)
        product = a @ (b.t() if second else b)
        product = product if alpha == 1 else alpha * product
        return product if c is None else product + (c if beta == 1 else beta * c)

    return run


@operator("MatMul")
def multiply(node: Node) -> Operation:
    """A product of matrices."""
    return lambda a, b: torch.matmul(a, b)


@operator("BatchNormalization", needs=TRAINING)
def normalise_batch(node: Node) -> Operation:
    """By the batch while it is trained, which moves the running statistics; else by those.

    They move as torch's do: the variance is the unbiased one. ONNX's momentum is what stays of them, torch's
    what comes. Where they are computed, as those of weights that are standardised, nothing is moved, and
    gradients go through them. A node in training mode goes by its own input always: so exporters write the
    standardisation of weights.
    """
    if not node.get("spatial", 1):
        raise node.refuse("spatial must be 1")
    epsilon, momentum = node.get("epsilon", 1e-5), 1 - node.get("momentum", 0.9)
    if node.get("training_mode", 0):
        return lambda x, scale, bias, *_: F.batch_norm(x, None, None, scale, bias, True, 0.0, epsilon)

    def run(
        x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor, training: bool | None
    ) -> Tensor:
        if training is None:
            shape = (-1, *(1,) * (x.ndim - 2))
            factor = scale * torch.rsqrt(var + epsilon)
            return (x - mean.reshape(shape)) * factor.reshape(shape) + bias.reshape(shape)
        return F.batch_norm(x, mean, var, scale, bias, training, momentum, epsilon)

    return run


@operator("LayerNormalization")
def normalise_layer(node: Node) -> Operation:
    """Over an axis and all after it."""
    axis, epsilon = node.get("axis", -1), node.get("epsilon", 1e-5)

    def run(x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
        shape = x.shape[axis:]
        if scale.shape == shape and (bias is None or bias.shape == shape):
            return F.layer_norm(x, shape, scale, bias, epsilon)
        found: Tensor = F.layer_norm(x, shape, eps=epsilon) * scale
        return found if bias is None else found + bias

    return run


@operator("InstanceNormalization")
def normalise_instance(node: Node) -> Operation:
    """Over the places of each channel of each image."""
    epsilon = node.get("epsilon", 1e-5)
    return lambda x, scale, bias: F.instance_norm(x, weight=scale, bias=bias, eps=epsilon)


@operator("LRN")
def normalise_response(node: Node) -> Operation:
    """Over neighbouring channels, as AlexNet's first version did."""
    size = node.get("size")
    alpha, beta, bias = node.get("alpha", 1e-4), node.get("beta", 0.75), node.get("bias", 1.0)

    def run(x: Tensor) -> Tensor:
        rows = x.square().flatten(2).transpose(1, 2)  # [batch, places, channels]
        rows = F.pad(rows, ((size - 1) // 2, size // 2))
        sums = F.avg_pool1d(rows, size, stride=1).transpose(1, 2).reshape(x.shape)
        return x / (bias + alpha * sums) ** beta

    return run
