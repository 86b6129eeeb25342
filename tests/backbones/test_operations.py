"""How much a graph computes: known by hand, and close to what others published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from zoo_table import load_script

from cnncodes.backbones import Backbone
from cnncodes.errors import BackboneError

count_multiply_adds = load_script().count_multiply_adds

#: Multiply-adds and numbers in all layers together, by the authors' README and by timm's table of results.
PUBLISHED = {"efficientnet-lite0": (407e6, 6.74e6)}
CLASSIFIER = 1280 * 1000


def build(nodes: list[tuple[str, list[str], dict[str, Any]]], weights: dict[str, tuple[int, ...]]) -> bytes:
    """Return a graph of nodes in a row on images [batch, height, width, 3], brought to channels first."""
    made = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["0"], perm=[0, 3, 1, 2]),
    ]
    for i, (operator, inputs, attributes) in enumerate(nodes):
        output = "code" if i == len(nodes) - 1 else str(i + 1)
        made.append(helper.make_node(operator, [str(i), *inputs], [output], **attributes))
    tensors = [numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in weights.items()]
    shape = ["batch", "height", "width", 3]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, shape)
    code = helper.make_tensor_value_info("code", TensorProto.FLOAT, ["batch", "size"])
    graph = helper.make_graph(made, "counted", [image], [code], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("nodes", "weights", "expected"),
    [
        ([("Conv", ["w"], {"strides": [2, 2]})], {"w": (8, 3, 3, 3)}, 8 * 4 * 7 * 27),
        ([("Conv", ["w"], {"group": 3, "pads": [1, 1, 1, 1]})], {"w": (6, 1, 3, 3)}, 6 * 10 * 16 * 9),
        ([("Flatten", [], {}), ("Gemm", ["w"], {})], {"w": (480, 7)}, 480 * 7),
        ([("Flatten", [], {}), ("Gemm", ["w"], {"transB": 1})], {"w": (7, 480)}, 480 * 7),
        ([("MatMul", ["w"], {})], {"w": (16, 5)}, 3 * 10 * 16 * 5),
        ([("Relu", [], {})], {}, 0),
    ],
)
def test_known_layers_are_counted(nodes: Any, weights: Any, expected: int) -> None:
    assert count_multiply_adds(build(nodes, weights), 10, 16) == expected


def test_what_cannot_be_counted_is_refused() -> None:
    # How many numbers are not 0 depends on the picture.
    nodes = [("NonZero", [], {}), ("Transpose", [], {}), ("Cast", [], {"to": 1}), ("MatMul", ["w"], {})]
    with pytest.raises(BackboneError, match="cannot be counted: its shapes"):
        count_multiply_adds(build(nodes, {"w": (4, 5)}), 10, 16)


def test_the_shipped_network_computes_what_its_authors_say(shipped: Backbone) -> None:
    found = count_multiply_adds(shipped.model_bytes(), 224, 224) + CLASSIFIER
    # Theirs has normalisation and activation too: about three for each number that a layer gives.
    total, numbers = PUBLISHED["efficientnet-lite0"]
    assert total - 4 * numbers < found < total - 2 * numbers


def test_larger_images_take_more_in_proportion(shipped: Backbone) -> None:
    counts = [count_multiply_adds(shipped.model_bytes(), side, side) for side in (224, 448)]
    assert counts[1] == 4 * counts[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("address", "published", "classifier"),
    # torchvision's `weights.meta["_ops"]`: convolutions and matrix products, with the classifier.
    [("torchvision:resnet18", 1.814e9, 512000), ("torchvision:mobilenet_v2", 0.301e9, 1280000)],
)
def test_counts_are_those_that_torchvision_publishes(
    shared_export: Callable[..., Path], address: str, published: float, classifier: int
) -> None:
    model = (shared_export(address, 0) / "model.onnx").read_bytes()
    assert count_multiply_adds(model, 224, 224) + classifier == pytest.approx(published, abs=0.0005e9)
