"""Nodes that are computed together: the same numbers and gradients, where nothing else takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from written_graphs import noise, write_backbone, write_dotted  # noqa: E402

from cnncodes.finetuning.loading import load_graph_module, make_graph_module  # noqa: E402

pytestmark = pytest.mark.torch

BODY = """
    pads = Constant<value_ints = [0, 0, 1, 0, 0, 0, 2, 1]>()
    around = Pad(pixels, pads)
    map = Conv<kernel_shape = [3, 3], strides = [2, 2]>(around, one__conv__weight, one__conv__bias)
    normal = BatchNormalization<epsilon = 0.01>
        (map, one__norm__weight, one__norm__bias, one__norm__running_mean, one__norm__running_var)
    pooled = GlobalAveragePool(normal)
    code = Flatten(pooled)
"""
WEIGHTS: dict[str, Any] = {
    "one__conv__weight": (4, 3, 3, 3),
    "one__conv__bias": (4,),
    "one__norm__weight": (4,),
    "one__norm__bias": (4,),
    "one__norm__running_mean": (4,),
    "one__norm__running_var": np.array([1, 2, 3, 4], np.float32),
}


def operators(module: Any) -> list[str]:
    return [step.node.operator for step in module._plan.steps][4:]


@pytest.mark.parametrize("training", [False, True])
def test_gradients_are_those_of_a_convolution_and_its_norm(training: bool) -> None:
    module = load_graph_module(write_backbone(write_dotted(BODY, WEIGHTS, 4))).double().train(training)
    assert operators(module) == ["Conv", "GlobalAveragePool", "Flatten"]
    net = torch.nn.Sequential(
        torch.nn.ZeroPad2d((0, 1, 1, 2)), torch.nn.Conv2d(3, 4, 3, 2), torch.nn.BatchNorm2d(4, eps=0.01)
    )
    places = {"one.conv": "1", "one.norm": "2"}
    state = {places[name[:8]] + name[8:]: value.clone() for name, value in module.state_dict().items()}
    net.double().train(training).load_state_dict({**state, "2.num_batches_tracked": torch.tensor(0)})
    images = torch.from_numpy(noise(4, 16, 16))
    pixels = (images.permute(0, 3, 1, 2).double() - 127) / 64
    codes, expected = module(images), net(pixels).mean((2, 3))
    slopes = torch.linspace(-1, 1, 16).double().reshape(4, 4)
    (codes * slopes).sum().backward(), (expected * slopes).sum().backward()
    assert torch.allclose(codes, expected, rtol=1e-6)  # epsilon is a float of 32 bits in the graph
    own = dict(module.named_parameters())
    for name, weight in net.named_parameters():
        found = next(own[key + name[1:]].grad for key, place in places.items() if place == name[0])
        assert torch.allclose(found, weight.grad, rtol=1e-5, atol=1e-6 if training else 1e-12), name


@pytest.mark.parametrize(
    ("pad", "left"),
    [
        ("Pad(pixels, pads, high)", True),
        ("Pad<mode = 'edge'>(pixels, pads)", True),
        ("Pad(pixels, pads, zero, axes)", True),
        ("Pad(pixels, cuts)", True),
        ("Pad(pixels, batches)", True),
        ("Pad(pixels, pads, zero)", False),
    ],
)
def test_only_zeros_around_places_become_the_convolutions(pad: str, left: bool) -> None:
    constants = """
        axes = Constant<value_ints = [0, 1, 2, 3]>()
        cuts = Constant<value_ints = [0, 0, 1, 0, 0, 0, -2, 1]>()
        batches = Constant<value_ints = [0, 0, 0, 0, 1, 0, 0, 0]>()
        zero = Constant<value = float {0.0}>()
        high = Constant<value = float {1.0}>()
    """
    body = constants + BODY.replace("Pad(pixels, pads)", pad.replace("'", '"'))
    backbone = write_backbone(write_dotted(body, WEIGHTS, 4))
    module, images = load_graph_module(backbone), noise(2, 16, 16)
    assert ("Pad" in operators(module)) == left
    with torch.no_grad():
        assert np.allclose(module(torch.from_numpy(images)), backbone.run(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("between", "left"), [("around", "Pad"), ("map", "BatchNormalization")])
def test_what_something_else_takes_too_stays(between: str, left: str) -> None:
    body = BODY.replace("code = ", "whole = ") + f"more = ReduceMax<keepdims = 0>({between})\n"
    body += "code = Add(whole, more)\n"
    model = write_dotted(body, WEIGHTS, 4)
    backbone, images = write_backbone(model), noise(2, 16, 16)
    module = make_graph_module(model.SerializeToString())
    assert left in operators(module)
    with torch.no_grad():
        assert np.allclose(module(torch.from_numpy(images)), backbone.run(images), rtol=1e-4, atol=1e-4)
