"""Putting right in the biases what rounding the weights shifts on average."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.graphs.initializers import read_constants


def correct_biases(quantized: Any, original: Any, means: Mapping[str, npt.NDArray[np.float64]]) -> None:
    """Change the biases of a quantised graph's convolutions, in place.

    A weight that is rounded by d makes a convolution's output differ by d times its input; the mean of that
    over real images is subtracted. At the edges, where padding enters, it is a little less.

    Parameters
    ----------
    quantized : onnx.GraphProto
    original : onnx.GraphProto
        What it was made from: values and nodes have the same names.
    means : mapping of str to ndarray, shape (n_channels,)
        Mean of each convolution's input, by its name in `original`.
    """
    from onnx import numpy_helper

    floats, constants = read_constants(original), read_constants(quantized)
    tensors = {tensor.name: tensor for tensor in quantized.initializer}
    makers = {name: node for node in quantized.node for name in node.output}
    nodes = {node.name: node for node in quantized.node}
    for node in original.node:
        twin = nodes.get(node.name)
        if node.op_type != "Conv" or node.input[0] not in means or twin is None:
            continue
        weights, bias = (makers.get(name) for name in twin.input[1:3])
        if weights is None or bias is None:  # left float
            continue
        rounded = _read_back(weights, constants, axis=0)
        difference = floats[node.input[1]].astype(np.float64) - rounded
        shift = _convolve_means(difference, means[node.input[0]])
        step = constants[bias.input[1]].astype(np.float64)
        whole = np.rint((floats[node.input[2]].astype(np.float64) + shift) / step)
        kept = np.clip(whole, np.iinfo(np.int32).min, np.iinfo(np.int32).max).astype(np.int32)
        tensors[bias.input[0]].CopyFrom(numpy_helper.from_array(kept, bias.input[0]))


def _read_back(node: Any, constants: Mapping[str, Any], axis: int) -> npt.NDArray[np.float64]:
    """Return what a node makes of 8-bit weights, whose zero is 0."""
    weights = constants[node.input[0]].astype(np.float64)
    shape = [1] * weights.ndim
    shape[axis] = -1
    scaled: npt.NDArray[np.float64] = weights * constants[node.input[1]].astype(np.float64).reshape(shape)
    return scaled


def _convolve_means(weights: npt.NDArray[Any], means: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return a convolution's output for an input that is the same everywhere, shape (n_outputs,)."""
    outputs, inputs = weights.shape[:2]
    groups = len(means) // inputs
    by_group = weights.reshape(groups, outputs // groups, inputs, -1).sum(axis=-1)
    convolved: npt.NDArray[np.float64] = np.einsum("goi,gi->go", by_group, means.reshape(groups, inputs))
    return convolved.ravel()
