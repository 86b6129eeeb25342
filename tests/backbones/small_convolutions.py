"""Small networks of convolutions made with onnx.helper, and smooth random pictures to run them on."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper
from small_backbones import make_card

from cnncodes.backbones import Backbone

EQUAL, OWN = (127.0,) * 3, (123.675, 116.28, 103.53)
CODE = 16


def build(
    *, mean: tuple[float, ...] = OWN, std: float = 58.0, pads: int = 1, kind: str = "plain", opset: int = 18
) -> bytes:
    """Return the bytes of a network: normalisation, three convolutions, pooling.

    Kinds: ``plain``; ``open`` has no pooling over all places but a matrix before its code; ``noted`` asks its
    input for the number of images; ``shared`` uses its normalised pixels twice.
    """
    rng = np.random.default_rng(0)
    constants: dict[str, Any] = {
        "mean": np.float32(mean).reshape(3, 1, 1),
        "std": np.float32(std),
        "w1": rng.normal(0, 0.3, (8, 3, 3, 3)),
        "b1": rng.normal(0, 0.1, 8),
        "w2": rng.normal(0, 0.4, (8, 1, 3, 3)) * np.geomspace(0.1, 3, 8).reshape(8, 1, 1, 1),
        "w3": rng.normal(0, 0.4, (CODE, 8, 1, 1)),
        "shape": np.array([0, -1]),
    }
    nodes = [
        ("Transpose", ["image"], ["t"], {"perm": [0, 3, 1, 2]}),
        ("Cast", ["t"], ["c"], {"to": TensorProto.FLOAT}),
        ("Sub", ["c", "mean"], ["s"], {}),
        ("Div", ["s", "std"], ["pixels_"], {}),
        ("Conv", ["pixels_", "w1", "b1"], ["x1"], {"pads": [pads] * 4, "strides": [2, 2]}),
        ("Relu", ["x1"], ["r1"], {}),
        ("Conv", ["r1", "w2"], ["x2"], {"pads": [1] * 4, "group": 8}),
        ("Relu", ["x2"], ["r2"], {}),
        ("Conv", ["r2", "w3"], ["x3"], {}),
        ("Relu", ["x3"], ["r3"], {}),
    ]
    if kind == "shared":
        nodes.append(("ReduceMean", ["pixels_"], ["level"], {"keepdims": 1}))
        nodes.append(("Add", ["r3", "level"], ["last"], {}))
    last = "last" if kind == "shared" else "r3"
    nodes.append(("GlobalAveragePool", [last], ["g"], {}))
    if kind == "noted":
        constants["one"], constants["zero"] = np.array([-1]), np.array([0])
        nodes += [
            ("Shape", ["image"], ["size"], {"end": 1}),
            ("Concat", ["size", "one"], ["wanted"], {"axis": 0}),
            ("Reshape", ["g", "wanted"], ["code"], {}),
        ]
    elif kind == "open":
        nodes = nodes[:-1]
        constants["m"] = rng.normal(0, 0.2, (CODE * 16, CODE))
        nodes += [
            ("AveragePool", ["r3"], ["p"], {"kernel_shape": [4, 4], "strides": [4, 4]}),
            ("Reshape", ["p", "shape"], ["flat"], {}),
            ("Gemm", ["flat", "m"], ["h"], {}),
            ("Relu", ["h"], ["code"], {}),
        ]
    else:
        nodes.append(("Flatten", ["g"], ["code"], {}))
    return _serialize(nodes, constants, kind == "open", opset)


def _serialize(nodes: list[Any], constants: dict[str, Any], fixed: bool, opset: int) -> bytes:
    sides: list[Any] = [32, 32] if fixed else ["height", "width"]
    used = {name for _, inputs, _, _ in nodes for name in inputs}
    tensors = []
    for name, value in constants.items():
        if name in used:
            array = np.asarray(value)
            array = array if array.dtype == np.int64 else array.astype(np.float32)
            tensors.append(numpy_helper.from_array(array, name))
    graph = helper.make_graph(
        [helper.make_node(operator, i, o, **attributes) for operator, i, o, attributes in nodes],
        "small",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", *sides, 3])],
        [helper.make_tensor_value_info("code", TensorProto.FLOAT, ["batch", CODE])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(model.SerializeToString())


def make_backbone(**choices: Any) -> Backbone:
    """Return such a network with its card."""
    model = build(**choices)
    sizes = "fixed" if choices.get("kind") == "open" else "dynamic"
    mean, std = choices.get("mean", OWN), (float(choices.get("std", 58.0)),) * 3
    card = make_card(model, code_size=CODE, name="conv", sizes=sizes, mean=mean, std=std)
    return Backbone.from_bytes(model, card)


def write_convolutions(folder: Path, **choices: Any) -> Path:
    """Write such a network into a folder and return the folder."""
    backbone = make_backbone(**choices)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(backbone.model_bytes())
    backbone.card.write(folder / "card.toml")
    assert backbone.card.files["model.onnx"] == hashlib.sha256(backbone.model_bytes()).hexdigest()
    return folder


def draw_pictures(count: int, random_state: int = 0, side: int = 32) -> npt.NDArray[np.uint8]:
    """Return smooth random pictures; uint8, shape (count, side, side, 3)."""
    rng = np.random.default_rng(random_state)
    coarse = rng.normal(0, 60, (count, 5, 5, 3)) + rng.normal(0, 40, (count, 1, 1, 3))
    at = np.linspace(0, 4, side)
    low, part = np.minimum(at.astype(int), 3), (at % 1)[:, None]
    part[at == 4] = 1
    rows = coarse[:, low] * (1 - part[:, :, None]) + coarse[:, low + 1] * part[:, :, None]
    smooth = rows[:, :, low] * (1 - part) + rows[:, :, low + 1] * part
    return np.clip(smooth + 120 + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
