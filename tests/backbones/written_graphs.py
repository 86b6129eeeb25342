"""Small backbones written in ONNX's textual syntax, with random weights under the names that they use."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from small_backbones import make_card

from cnncodes.backbones import Backbone, Frame

#: From the image to normalised pixels, NCHW.
START = """
    channels = Transpose<perm = [0, 3, 1, 2]>(image)
    floats = Cast<to = 1>(channels)
    centred = Sub(floats, constant_0)
    pixels = Div(centred, constant_1)
"""
CONSTANTS = {"constant_0": np.float32(127.0), "constant_1": np.float32(64.0)}


def write_model(
    body: str,
    weights: dict[str, Any],
    *,
    code_size: int,
    image: str = "uint8[batch, height, width, 3] image",
    start: str = START,
    opset: int = 18,
    output: str = "code",
) -> Any:
    """Return the model of a graph's text.

    Parameters
    ----------
    body : str
        From ``pixels`` to ``code``.
    weights : dict
        Shapes are filled at random; arrays stay.
    """
    model = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": {opset}]>\n'
        f"written ({image}) => (float[batch, {code_size}] {output}) {{{start}{body}}}"
    )
    rng = np.random.default_rng(0)
    for name, value in ({**CONSTANTS, **weights} if start else weights).items():
        is_shape = isinstance(value, tuple)
        array = (rng.standard_normal(value) / np.sqrt(np.prod(value[1:]) or 1)) if is_shape else value
        array = np.asarray(array, np.float32) if is_shape else np.asarray(array)
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    onnx.checker.check_model(model, full_check=True)
    return model


def write_dotted(body: str, weights: dict[str, Any], code_size: int, **changes: Any) -> Any:
    """Return a written model; two underlines stand for a dot, which names in ONNX's syntax cannot have."""
    model = write_model(body, weights, code_size=code_size, **changes)
    for node in model.graph.node:
        node.input[:] = [name.replace("__", ".") for name in node.input]
    for tensor in model.graph.initializer:
        tensor.name = tensor.name.replace("__", ".")
    return model


def write_backbone(model: Any, *, side: int = 32, sizes: str = "dynamic", **changes: Any) -> Backbone:
    """Return a backbone of a written model."""
    data = model.SerializeToString()
    code_size = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    card = make_card(data, code_size=code_size, frame=Frame(side, side, side + 8), sizes=sizes, **changes)
    return Backbone.from_bytes(data, card)


def noise(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Return random images."""
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
