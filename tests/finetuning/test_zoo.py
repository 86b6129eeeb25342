"""Gradients of graphs as torch modules, against those of the original networks.

The original network is at hand: both are made double, so that what differs is no rounding. That every
architecture gives the codes of its graph, and its file back, is checked where it is exported
(tests/backbones/test_architectures.py); these are the ones that differ most in what they are made of.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from slim_networks import find_slim  # noqa: E402
from test_architectures import ARCHITECTURES, Expected  # noqa: E402

from cnncodes.backbones.exporting.export import make_reference  # noqa: E402
from cnncodes.backbones.exporting.references import TorchReference  # noqa: E402
from cnncodes.backbones.graphs.canonical import serialize  # noqa: E402
from cnncodes.backbones.graphs.means import replace_means  # noqa: E402
from cnncodes.backbones.graphs.wiring import load_graph  # noqa: E402
from cnncodes.backbones.running.starting import CPU, run_session, start_session  # noqa: E402
from cnncodes.finetuning.loading import make_graph_module, write_back  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

NORMS = torch.nn.modules.batchnorm._BatchNorm


CHOSEN = (
    "torchvision:mobilenet_v3_small",
    "timm:resnet18",
    "timm:convnext_nano",
)


#: Its windows are shifted and masked by operators that no other has.
SWIN = Expected("torchvision:swin_t", 768, "input of head", "fixed", dense=False)


@pytest.mark.parametrize(
    "expected",
    [
        *(item for item in ARCHITECTURES if item.address in CHOSEN),
        pytest.param(SWIN, marks=pytest.mark.heavy),
    ],
    ids=lambda item: item.address,
)
def test_an_architecture_can_be_trained(expected: Expected, shared_export: Callable[..., Path]) -> None:
    reference = make_reference(find_slim(expected.address, 0))
    assert isinstance(reference, TorchReference)
    reference.cut_off()
    model = (shared_export(expected.address, 0) / "model.onnx").read_bytes()
    frame = reference.original.frame
    module = make_graph_module(model)
    assert write_back(module, model) == model
    for height, width in [(frame.height, frame.width)] + [(160, 192)] * (expected.sizes == "dynamic"):
        images = draw(2, height, width)
        assert_close(run(module, images), run_graph(model, images), 1e-4)
    check_steady(model, images)
    # Only batch normalisation needs several; one image with attention between its parts takes gigabytes.
    sides = (frame.height, frame.width) if expected.sizes == "fixed" else (96, 128)  # double is slow
    images = draw(3 if expected.norms else 1, *sides)
    double = make_graph_module(model).double()
    round_settings(reference.net.double())
    check_gradients(reference, double, images, training=False)
    if expected.norms:
        check_gradients(reference, double, images, training=True)
    check_written(module, model, images)


def draw(*shape: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def run(module: Any, images: Any) -> Any:
    with torch.no_grad():
        return module(torch.from_numpy(images)).numpy()


def run_graph(model: bytes, images: Any) -> Any:
    session = start_session(model, "the graph", CPU, 1)
    [codes] = run_session(session, ["code"], {"image": images}, "the graph")
    return codes


def assert_close(found: Any, expected: Any, tolerance: float) -> None:
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def check_steady(model: bytes, images: Any) -> None:
    """Compare the graph whose means are poolings, as an export may have them."""
    graph = load_graph(model, "a test")
    replace_means(graph, *images.shape[1:3])
    steady = serialize(graph)
    assert_close(run(make_graph_module(steady), images), run_graph(steady, images), 1e-4)


def round_settings(net: Any) -> None:
    """Round what a graph keeps in 32 bits."""
    for layer in net.modules():
        for name in ("eps", "momentum"):
            value = getattr(layer, name, None)
            if isinstance(value, float):
                # The graph has what stays of the statistics, not what comes.
                rounded = 1 - float(np.float32(1 - value)) if name == "momentum" else float(np.float32(value))
                setattr(layer, name, rounded)


def normalise(reference: TorchReference, images: Any) -> Any:
    original = reference.original
    mean, std = (np.asarray(values, np.float32).astype(float) for values in (original.mean, original.std))
    return torch.from_numpy(((images - mean) / std).transpose(0, 3, 1, 2).copy())


def check_gradients(reference: TorchReference, module: Any, images: Any, *, training: bool) -> None:
    """Compare the gradients of a random sum of the codes, parameter by parameter, and the statistics."""
    net = reference.net.eval()  # dropout, which the graph has not, stays off
    for layer in net.modules():
        if isinstance(layer, NORMS):
            layer.train(training)
    module.train(training)
    net.zero_grad(), module.zero_grad()
    codes = back_propagate(net, normalise(reference, images))
    assert_close(back_propagate(module, torch.from_numpy(images)), codes, 1e-5)
    own, others = dict(module.named_parameters()), dict(net.named_parameters())
    assert own.keys() <= others.keys()
    assert all(others[name].grad is None for name in others.keys() - own.keys())
    greatest = max(weight.grad.abs().max().item() for weight in own.values())
    worst = 0.0
    for name, weight in own.items():
        expected = others[name].grad
        # What a normalisation takes away, such as a bias before it, has a gradient of nothing but rounding.
        scale = max(expected.abs().max().item(), 1e-6 * greatest)
        error = (weight.grad - expected).abs().max().item() / scale
        worst = max(worst, error)
        assert error <= 1e-6, f"{name}: {error}"
    print(f"training {training}: worst gradient {worst:.1e} of the largest")
    buffers = dict(net.named_buffers())
    for name, value in module.state_dict().items():
        if name not in own:
            assert_close(value.numpy(), buffers[name].numpy(), 1e-5)


def back_propagate(net: Any, images: Any) -> Any:
    """Return the codes, and leave the gradients of a random sum of them."""
    codes = net(images)
    weights = torch.randn(codes.shape, generator=torch.Generator().manual_seed(0)).double()
    (codes * weights).sum().backward()
    return codes.detach().numpy()


def check_written(module: Any, model: bytes, images: Any) -> None:
    """Train a step, write the weights back, and run the file."""
    before = run(module, images)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-4)
    module.train()
    module(torch.from_numpy(images)).square().mean().backward()
    optimizer.step()
    module.eval()
    written, after = write_back(module, model), run(module, images)
    assert_close(run_graph(written, images), after, 1e-4)
    assert np.abs(after - before).max() > 1e-3 * np.abs(after).max()
    assert write_back(make_graph_module(model), written) == model
