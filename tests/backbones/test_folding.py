"""Folding the normalisation: the same codes from whole pixels, and nothing touched where it cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from small_convolutions import EQUAL, OWN, build, draw_pictures

from cnncodes.backbones.quantizing.folding import CENTERED, PIXELS, fold_input
from cnncodes.backbones.quantizing.preparing import prepare_graph


def run(model: Any, images: np.ndarray, value: str) -> np.ndarray:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.append(onnx.helper.make_empty_tensor_value_info(value))
    session = onnxruntime.InferenceSession(copy.SerializeToString(), providers=["CPUExecutionProvider"])
    [found] = session.run([value], {"image": images})
    return np.asarray(found)


def first_convolution(model: Any) -> Any:
    return next(node for node in model.graph.node if node.op_type == "Conv")


@pytest.mark.parametrize(
    ("mean", "pads", "zero", "padded"),
    [
        (EQUAL, 1, 127, False),
        (OWN, 0, 116, False),
        (OWN, 1, 116, True),
        ((0.0, 0.0, 0.0), 1, 0, False),
    ],
)
def test_the_first_convolution_gives_the_same_from_whole_numbers(
    mean: tuple[float, ...], pads: int, zero: int, padded: bool
) -> None:
    images = draw_pictures(4)
    before = prepare_graph(build(mean=mean, pads=pads), "conv")
    after = onnx.ModelProto()
    after.CopyFrom(before)
    fold = fold_input(after)
    assert fold is not None and fold.zero == zero
    centered = run(after, images, CENTERED)
    assert np.array_equal(centered, np.rint(centered)) and run(after, images, PIXELS).dtype == np.uint8
    expected = run(before, images, first_convolution(before).output[0])
    found = run(after, images, first_convolution(after).output[0])
    inner = (..., slice(1, -1), slice(1, -1))
    assert np.abs(found - expected)[inner].max() < 2e-4
    # At the edge, padding stands for the mean rounded to a whole number: half a grey level at most.
    weights = np.abs(onnx.numpy_helper.to_array(next(t for t in before.graph.initializer if t.name == "w1")))
    residue = np.abs(np.array(mean) - np.rint(mean)) / 58
    limit = float((weights.sum((2, 3)) @ residue).max()) + 2e-4
    assert np.abs(found - expected).max() < limit
    assert any(node.op_type == "Split" for node in after.graph.node) == padded


def test_padding_with_zeros_of_pixels_would_be_noticed() -> None:
    images = draw_pictures(4)
    before = prepare_graph(build(mean=EQUAL, pads=1), "conv")
    wrong = onnx.ModelProto()
    wrong.CopyFrom(before)
    fold_input(wrong)
    [value] = [t for t in wrong.graph.initializer if t.name == "fold_zero"]
    value.CopyFrom(onnx.numpy_helper.from_array(np.float32(120), "fold_zero"))
    difference = run(wrong, images, first_convolution(wrong).output[0]) - run(
        before, images, first_convolution(before).output[0]
    )
    assert np.abs(difference).max() > 0.05


def test_asking_the_input_for_its_size_does_no_harm() -> None:
    model = prepare_graph(build(kind="noted"), "conv")
    images = draw_pictures(3)
    before = run(model, images, "code")
    assert fold_input(model) is not None
    assert np.abs(run(model, images, "code") - before).max() < 1e-2


def test_pixels_that_are_used_twice_stay_as_they_are() -> None:
    model = prepare_graph(build(kind="shared"), "conv")
    before = model.SerializeToString(deterministic=True)
    assert fold_input(model) is None
    assert model.SerializeToString(deterministic=True) == before
