"""Small networks made with onnx.helper, each right or wrong in one respect, and their cards."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cnncodes.backbones import Card, Frame

NODES: dict[str, list[tuple[str, list[str], list[str], dict[str, Any]]]] = {
    # The code is the mean colour.
    "mean": [("ReduceMean", ["pixels", "axes"], ["code"], {"keepdims": 0})],
    "constant": [
        ("ReduceMean", ["pixels", "axes"], ["m"], {"keepdims": 0}),
        ("Mul", ["m", "zero"], ["code"], {}),
    ],
    "infinite": [
        ("ReduceMean", ["pixels", "axes"], ["m"], {"keepdims": 0}),
        ("Div", ["m", "zero"], ["code"], {}),
    ],
    # The code depends on the other images of the batch.
    "batch": [
        ("ReduceMean", ["pixels", "axes"], ["m"], {"keepdims": 0}),
        ("ReduceMean", ["m", "first"], ["others"], {"keepdims": 1}),
        ("Sub", ["m", "others"], ["code"], {}),
    ],
    # Takes images of 32 x 32 alone, although its input does not say so.
    "rigid": [
        ("Add", ["pixels", "grid"], ["p"], {}),
        ("ReduceMean", ["p", "axes"], ["code"], {"keepdims": 0}),
    ],
}
CONSTANTS = {
    "axes": np.array([1, 2]),
    "first": np.array([0]),
    "zero": np.float32(0),
    "grid": np.zeros((1, 32, 32, 1), np.float32),
}
IMAGE = ["batch", "height", "width", 3]


def build_model(
    kind: str = "mean",
    *,
    image: str = "image",
    image_type: int = TensorProto.UINT8,
    image_shape: list[Any] = IMAGE,
    code: str = "code",
    code_type: int = TensorProto.FLOAT,
) -> bytes:
    """Return the bytes of a small network whose codes have three numbers."""
    nodes = [helper.make_node("Cast", [image], ["pixels"], to=TensorProto.FLOAT)]
    last = {"code": "float_code"}
    for operator, inputs, outputs, attributes in NODES[kind]:
        nodes.append(helper.make_node(operator, inputs, [last.get(o, o) for o in outputs], **attributes))
    nodes.append(helper.make_node("Cast", ["float_code"], [code], to=code_type))
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(image, image_type, image_shape)],
        [helper.make_tensor_value_info(code, code_type, ["batch", 3])],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in CONSTANTS.items() if name in used],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())


def make_card(model: bytes = b"", **changes: Any) -> Card:
    """Return a card that fits a small network's bytes."""
    values: dict[str, Any] = {
        "name": "small",
        "description": "mean colour",
        "source_package": "none",
        "source_version": "0",
        "source_weights": "none",
        "licence": "Apache-2.0",
        "model_file": "model.onnx",
        "layer": "mean",
        "code_size": 3,
        "value_range": (0.0, 255.0),
        "mean": (0.0, 0.0, 0.0),
        "std": (1.0, 1.0, 1.0),
        "sizes": "dynamic",
        "min_size": 8,
        "opset": 18,
        "frame": Frame(32, 32, 40),
        "files": {"model.onnx": hashlib.sha256(model).hexdigest()},
        "exporter": {"onnx": "1.18"},
        "parity": {"images": 20, "relative_error": 1e-6, "cosine": 1.0},
    }
    return Card(**{**values, **changes})


def write_backbone(folder: Path, kind: str = "mean", **changes: Any) -> Path:
    """Write a small network and its card into a folder and return the folder."""
    model = build_model(kind)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    make_card(model, **changes).write(folder / "card.toml")
    return folder
