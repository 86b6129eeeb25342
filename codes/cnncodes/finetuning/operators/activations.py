"""Activations."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from cnncodes.finetuning.operators.arithmetic import meet
from cnncodes.finetuning.operators.registry import Node, Operation, operator


@operator("Relu")
def relu(node: Node) -> Operation:
    """Nothing below zero."""
    return lambda x: F.relu(x)


@operator("LeakyRelu")
def leaky_relu(node: Node) -> Operation:
    """A slope below zero."""
    slope = node.get("alpha", 0.01)
    return lambda x: F.leaky_relu(x, slope)


@operator("PRelu")
def prelu(node: Node) -> Operation:
    """A trained slope below zero."""
    return lambda x, slope: torch.where(x < 0, x * slope, x)


@operator("Elu")
def elu(node: Node) -> Operation:
    """An exponential below zero."""
    alpha = node.get("alpha", 1.0)
    return lambda x: F.elu(x, alpha)


@operator("Clip")
def clip(node: Node) -> Operation:
    """Between bounds, of which either may be left out, or be computed."""
    if any(node.has(place) and place not in node.constants for place in (1, 2)):
        return _clip_computed
    low, high = node.number("min", 1), node.number("max", 2)
    if low is None and high is None:
        return lambda x, *_: x

    def run(x: Tensor, *_: Tensor | None) -> Tensor:
        if low is None or high is None or low >= high or not x.is_floating_point():
            return x.clamp(low, high).to(x.dtype)
        # Without a gradient at the bounds, as torch's ReLU6, which is exported so.
        return F.hardtanh(x, low, high)

    return run


def _clip_computed(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    x = x if low is None else torch.maximum(*meet(x, low))
    return x if high is None else torch.minimum(*meet(x, high))


@operator("Sigmoid")
def sigmoid(node: Node) -> Operation:
    """The logistic function."""
    return lambda x: torch.sigmoid(x)


@operator("Tanh")
def tanh(node: Node) -> Operation:
    """The hyperbolic tangent."""
    return lambda x: torch.tanh(x)


@operator("Softplus")
def softplus(node: Node) -> Operation:
    """A smooth ReLU."""
    return lambda x: F.softplus(x)


@operator("HardSigmoid")
def hard_sigmoid(node: Node) -> Operation:
    """A line between 0 and 1; torch has the one with a slope of a sixth."""
    alpha, beta = node.get("alpha", 0.2), node.get("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return lambda x: F.hardsigmoid(x)
    return lambda x: F.hardtanh(alpha * x + beta, 0.0, 1.0)


@operator("HardSwish")
def hard_swish(node: Node) -> Operation:
    """The input times its hard sigmoid."""
    return lambda x: F.hardswish(x)


@operator("Gelu")
def gelu(node: Node) -> Operation:
    """The input times the normal distribution."""
    approximate = node.get("approximate", "none")
    return lambda x: F.gelu(x, approximate=approximate)


@operator("Softmax", "LogSoftmax")
def softmax(node: Node) -> Operation:
    """Over one axis; before opset 13 over that and all after it."""
    function = F.softmax if node.operator == "Softmax" else F.log_softmax
    if node.opset >= 13:
        axis = node.get("axis", -1)
        return lambda x: function(x, axis)
    first = node.get("axis", 1)

    def run(x: Tensor) -> Tensor:
        start = first % x.ndim
        return function(x.flatten(start), start).reshape(x.shape)

    return run
