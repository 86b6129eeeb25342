"""Convolutions padded as TensorFlow pads them: half of what is missing at the start, the rest at the end.

How much that is depends on the image's size. Traced step by step for free sizes, each such convolution makes
the sizes after it longer expressions, which takes the exporter minutes; ONNX has the padding as a word.
"""

from __future__ import annotations

import functools
from typing import Any


def mark_same_padding(net: Any) -> dict[Any, Any]:
    """Let the convolutions of a network that are padded so be exported as one operator each.

    Parameters
    ----------
    net : torch.nn.Module
        Changed in place; it gives what it gave.

    Returns
    -------
    dict
        What `torch.onnx.export` takes as its ``custom_translation_table``; empty where there are none.
    """
    marked = [module for module in net.modules() if _is_padded_so(module)]
    if not marked:
        return {}
    operator, translate = _define()
    for module in marked:
        module.forward = functools.partial(_run, operator, module)
    return {operator._opoverload: translate}


def _is_padded_so(module: Any) -> bool:
    """Tell timm's convolutions with such a padding; the runtime has it without dilation alone."""
    import torch

    return (
        isinstance(module, torch.nn.Conv2d)
        and type(module).__name__ == "Conv2dSame"
        and tuple(module.dilation) == (1, 1)
    )


def _run(operator: Any, module: Any, x: Any) -> Any:
    return operator(x, module.weight, module.bias, list(module.stride), module.groups)


@functools.cache
def _define() -> tuple[Any, Any]:
    """Return the operator and how it is written in ONNX; an operator can be defined once in a process."""
    import torch
    from onnxscript import opset18

    # Evaluated by torch, which knows no postponed annotations.
    def conv_same(x, weight, bias, stride, groups):  # type: ignore[no-untyped-def]
        pads: list[int] = []
        for size, kernel, step in zip(x.shape[:1:-1], weight.shape[:1:-1], stride[::-1], strict=True):
            missing = max((-(-size // step) - 1) * step + kernel - size, 0)
            pads += [missing // 2, missing - missing // 2]
        padded = torch.nn.functional.pad(x, pads)
        return torch.nn.functional.conv2d(padded, weight, bias, stride, 0, 1, groups)

    schema = "(Tensor x, Tensor weight, Tensor? bias, SymInt[] stride, SymInt groups) -> Tensor"
    operator = torch.library.custom_op("cnncodes::conv_same", conv_same, mutates_args=(), schema=schema)

    def shape(x, weight, bias, stride, groups):  # type: ignore[no-untyped-def]
        sides = [(size + step - 1) // step for size, step in zip(x.shape[2:], stride, strict=True)]
        return x.new_empty((x.shape[0], weight.shape[0], *sides))

    operator.register_fake(shape)

    def translate(x: Any, weight: Any, bias: Any, stride: Any, groups: Any) -> Any:
        return opset18.Conv(x, weight, bias, auto_pad="SAME_UPPER", group=groups, strides=stride)

    return operator, translate
