"""How much a graph computes: the multiply-adds of its convolutions and matrix products, by their shapes."""

from __future__ import annotations

import math
from typing import Any

from cnncodes.errors import BackboneError

_COUNTED = ("Conv", "Gemm", "MatMul")


def count_multiply_adds(model: bytes, height: int, width: int) -> int:
    """Return the multiply-adds of one image.

    Convolutions, ``Gemm`` and ``MatMul`` are counted, as published figures have it; activations,
    normalisation and pooling are not.

    Parameters
    ----------
    model : bytes
        An ONNX file with images of shape [batch, height, width, 3] as its input.
    height, width : int

    Raises
    ------
    BackboneError
        If the shapes do not follow from that of the image.
    """
    import onnx

    graph = onnx.load_from_string(model)
    dims = graph.graph.input[0].type.tensor_type.shape.dim
    for dim, length in zip(dims, (1, height, width), strict=False):
        dim.dim_value = length
    # A name for a free batch at the output would contradict the 1.
    graph.graph.output[0].type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(graph, data_prop=True).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in inferred.initializer}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        shapes[value.name] = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
    return sum(_count(node, shapes) for node in inferred.node if node.op_type in _COUNTED)


def _count(node: Any, shapes: dict[str, tuple[int, ...]]) -> int:
    """Return the multiply-adds of one node: the numbers of its output times the products in each."""
    output = shapes.get(node.output[0], ())
    weights = shapes.get(node.input[1], ())
    if not output or not weights or min(*output, *weights) < 1:
        raise BackboneError(
            f"how much {node.name!r} computes cannot be counted: its shapes {output} and {weights} are open."
        )
    if node.op_type == "Conv":
        products = math.prod(weights[1:])  # channels of a group, kernel
    elif node.op_type == "Gemm":
        transposed = any(item.name == "transB" and item.i for item in node.attribute)
        products = weights[1] if transposed else weights[0]
    else:
        products = weights[-2] if len(weights) > 1 else weights[0]
    return math.prod(output) * products
