"""Convolutions padded as TensorFlow does: the same numbers, and one operator each in the graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from cnncodes.backbones import load_backbone
from cnncodes.backbones.exporting.export import export_backbone
from cnncodes.backbones.quantizing.folding import fold_input
from cnncodes.backbones.quantizing.preparing import prepare_graph

pytestmark = pytest.mark.slow


def make_network() -> Any:
    from timm.layers import Conv2dSame
    from torch import nn

    from cnncodes.backbones.exporting.weights import randomise

    net = nn.Sequential(
        Conv2dSame(3, 8, 3, stride=2),
        nn.ReLU(),
        Conv2dSame(8, 8, 5, stride=(2, 1), groups=2, bias=False),
        nn.ReLU(),
        Conv2dSame(8, 8, 3, stride=2, dilation=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    ).eval()
    randomise(net, 0)
    return net


@pytest.mark.parametrize("size", [(64, 64), (63, 65), (33, 50)])
def test_a_marked_network_gives_what_it_gave(size: tuple[int, int]) -> None:
    import torch

    from cnncodes.backbones.exporting.same_padding import mark_same_padding

    net = make_network()
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = net(images)
        table = mark_same_padding(net)
        np.testing.assert_allclose(net(images), expected, rtol=1e-5, atol=1e-5)
    assert len(table) == 1
    assert mark_same_padding(torch.nn.Conv2d(3, 4, 3)) == {}


def test_the_graph_says_the_padding_in_a_word_and_takes_any_size(tmp_path: Path) -> None:
    from small_networks import make_original

    card = export_backbone(make_original("same", make=make_network), tmp_path)
    assert card.sizes == "dynamic" and card.parity["relative_error"] <= 1e-4
    model = onnx.load(tmp_path / "model.onnx")
    said = [
        attribute.s
        for node in model.graph.node
        if node.op_type == "Conv"
        for attribute in node.attribute
        if attribute.name == "auto_pad"
    ]
    assert said == [b"SAME_UPPER", b"SAME_UPPER", b"NOTSET"]  # the runtime has no such padding with dilation
    assert len(load_backbone(tmp_path).dense().run(np.zeros((1, 80, 100, 3), np.uint8))[0]) == 8


@pytest.mark.parametrize(("mean", "folds"), [((127.5,) * 3, True), ((123.0, 116.0, 103.0), False)])
def test_raw_pixels_enter_where_one_number_pads_every_channel(
    tmp_path: Path, mean: tuple[float, ...], folds: bool
) -> None:
    from small_networks import make_original

    export_backbone(make_original("same", make=make_network, mean=mean), tmp_path)
    model = prepare_graph((tmp_path / "model.onnx").read_bytes(), "same")
    assert (fold_input(model) is not None) == folds
