"""Static quantisation: a float graph becomes one of 8-bit numbers, calibrated on real images.

Weights are signed, with a scale for each channel; activations have one scale a value. What rounding the
weights shifts on average is put right in the biases. The code itself stays float.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.quantizing.calibration import Progress, Statistics, measure_values
from cnncodes.backbones.quantizing.correction import correct_biases
from cnncodes.backbones.quantizing.folding import CENTERED, PIXELS, Fold, fold_input
from cnncodes.backbones.quantizing.preparing import (
    HEAVY,
    check_fp32,
    find_float_tail,
    finish_graph,
    prepare_graph,
)
from cnncodes.backbones.running.quiet import quiet_logging
from cnncodes.backbones.session import Backbone
from cnncodes.errors import BackendMissing, install_advice

INT8_FILE = "int8.onnx"
ACTIVATIONS = ("uint8", "int8")

#: Operators that run on 8-bit numbers. In transformers only the products do: their sums have outliers that
#: make every step coarse.
_PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_ALL = (
    *_PRODUCTS, "Add", "Mul", "Relu", "Clip", "LeakyRelu", "Sigmoid", "MaxPool", "AveragePool",
    "GlobalAveragePool", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Concat", "Pad",
    "Slice", "Split", "Resize",
)  # fmt: skip
_TRANSFORMER = ("LayerNormalization", "Softmax")


@dataclass(frozen=True)
class Quantized:
    """A backbone of 8-bit numbers.

    Attributes
    ----------
    backbone : Backbone
    activations : {"uint8", "int8"}
    folded : bool
        Whether the network takes the raw pixels, without any float before its first convolution.
    """

    backbone: Backbone
    activations: str
    folded: bool

    @property
    def method(self) -> str:
        """How it was made, in words."""
        first = "raw pixels enter the first convolution" if self.folded else "pixels are normalised in float"
        return f"static int8, weights by channel, biases corrected; {first}"


def quantize(
    backbone: Backbone,
    images: npt.NDArray[np.uint8],
    activations: Sequence[str] = ACTIVATIONS,
    *,
    on_progress: Progress | None = None,
) -> list[Quantized]:
    """Quantise a network, once for each type of activations; the same images give the same bytes.

    Parameters
    ----------
    backbone : Backbone
        Of fp32.
    images : ndarray of uint8, shape (n_images, height, width, 3)
        Real ones, as the network is to meet them: the ranges of its values are measured on them.
    activations : sequence of {"uint8", "int8"}
    on_progress : callable, optional
        Called with the numbers of images done, and in all.

    Returns
    -------
    list of Quantized

    Raises
    ------
    BackboneError
        If the network is quantised already, or has nothing to quantise.
    BackendMissing
        If ONNX is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise BackendMissing(
            f"onnx is not installed, which quantising needs: {install_advice('report')}."
        ) from error
    check_fp32(backbone.card, "quantise its fp32 file")
    model = prepare_graph(backbone.model_bytes(), backbone.card.name)
    fold = fold_input(model)
    model = onnx.shape_inference.infer_shapes(model)
    values = _find_floats(model)
    maps = sorted({n.input[0] for n in model.graph.node if n.op_type == "Conv" and n.input[0] in values})
    found = measure_values(model, images, ranges=sorted(values), means=maps, on_progress=on_progress)
    return [_quantize(backbone, model, fold, found, kind) for kind in activations]


def _find_floats(model: Any) -> set[str]:
    """Return the names of the float values that enter or leave operators that can be quantised."""
    graph = model.graph
    floats = {v.name for v in (*graph.value_info, *graph.output) if v.type.tensor_type.elem_type == 1}
    return {
        name
        for node in graph.node
        if node.op_type in _ALL
        for name in (*node.input, *node.output)
        if name in floats
    }


def _quantize(backbone: Backbone, model: Any, fold: Fold | None, found: Statistics, kind: str) -> Quantized:
    quantized = _insert_steps(model, fold, found, kind)
    if fold is not None:
        _enter_by_pixels(quantized.graph, kind)
    _skip_last_steps(quantized.graph, _find_cut_values(model.graph, quantized.graph))
    correct_biases(quantized.graph, model.graph, found.means)
    return Quantized(finish_graph(quantized, backbone, INT8_FILE, "int8"), kind, fold is not None)


def _insert_steps(model: Any, fold: Fold | None, found: Statistics, kind: str) -> Any:
    """Return a copy of the graph in which values are rounded to 8 bits before operators that can use it."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    types = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}
    operators = {node.op_type for node in copy.graph.node}
    ranges = {name: tuple(map(np.float32, pair)) for name, pair in found.ranges.items()}
    options: dict[str, Any] = {"MatMulConstBOnly": True}
    if fold is not None:
        zero = np.array(fold.zero, np.uint8) if kind == "uint8" else np.array(fold.zero - 128, np.int8)
        exactly = {"scale": np.array(1, np.float32), "zero_point": zero, "quant_type": types[kind]}
        options["TensorQuantOverrides"] = {CENTERED: [exactly]}
    quantizer = QDQQuantizer(
        copy,
        True,  # a scale for each channel
        False,
        QuantType.QInt8,
        types[kind],
        TensorsData(CalibrationMethod.MinMax, ranges),
        [],
        sorted(find_float_tail(copy.graph) | set(fold.nodes if fold else ())),
        list(_PRODUCTS if operators & set(_TRANSFORMER) else _ALL),
        options,
    )
    with quiet_logging(logging.WARNING):  # of what it leaves float
        quantizer.quantize_model()
    return quantizer.model.model


def _enter_by_pixels(graph: Any, kind: str) -> None:
    """Let raw pixels enter the first convolution: they are its 8-bit numbers already."""
    from onnx import helper, numpy_helper

    [rounding] = [n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] == CENTERED]
    [back] = [n for n in graph.node if n.input and n.input[0] == rounding.output[0]]
    [centering] = [n for n in graph.node if CENTERED in n.output]
    [cast] = [n for n in graph.node if n.input and n.input[0] == PIXELS and n.op_type == "Cast"]
    at = list(graph.node).index(cast)
    back.input[0] = PIXELS
    for node in (rounding, centering, cast):
        graph.node.remove(node)
    if kind == "int8":  # a pixel with its highest bit turned over is that pixel less 128
        graph.initializer.append(numpy_helper.from_array(np.array(128, np.uint8), "fold_highest"))
        graph.node.insert(at, helper.make_node("BitwiseXor", [PIXELS, "fold_highest"], ["fold_turned"]))
        graph.node.insert(at + 1, helper.make_node("Cast", ["fold_turned"], ["fold_signed"], to=3))
        back.input[0] = "fold_signed"


def _find_cut_values(before: Any, graph: Any) -> set[str]:
    """Return what entered and left ReLUs and clips that are gone: rounding does their work."""
    left = {node.name for node in graph.node}
    gone = [node for node in before.node if node.op_type in ("Relu", "Clip") and node.name not in left]
    return {name for node in gone for name in (node.input[0], node.output[0])}


def _skip_last_steps(graph: Any, cut: set[str]) -> None:
    """Take what the last product gives as it is, where it is the code or leads to that in float alone.

    Of the values in `cut` rounding is kept: without it they would lose their ReLU.
    """
    makers = {name: node for node in graph.node for name in node.output}
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for back in [node for node in graph.node if node.op_type == "DequantizeLinear"]:
        rounding = makers.get(back.input[0])
        if rounding is None or rounding.op_type != "QuantizeLinear":
            continue
        product = makers.get(rounding.input[0])
        if (
            product is None
            or rounding.input[0] in cut
            or product.op_type not in ("Gemm", "MatMul")
            or len(readers[product.output[0]]) > 1
        ):
            continue
        if any(reader.op_type in HEAVY for reader in readers.get(back.output[0], [])):
            continue
        if _leads_to_steps(readers, back.output[0]):
            continue
        product.output[0] = back.output[0]
        graph.node.remove(rounding)
        graph.node.remove(back)


def _leads_to_steps(readers: dict[str, list[Any]], name: str) -> bool:
    return any(
        reader.op_type == "QuantizeLinear" or any(_leads_to_steps(readers, out) for out in reader.output)
        for reader in readers.get(name, [])
    )
