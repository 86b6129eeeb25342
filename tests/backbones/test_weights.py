"""Checkpoints fit name by name or are refused; random weights leave nothing out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncodes.backbones.exporting.weights import find_unread, load_checkpoint, randomise
from cnncodes.errors import BackboneError

pytestmark = pytest.mark.slow


def network(random_state: int = 0) -> Any:
    from small_networks import make_network

    return make_network("linear", random_state)


def save(state: Any, path: Path) -> Path:
    import safetensors.torch
    import torch

    if path.suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path)
    return path


def same(one: Any, other: Any) -> bool:
    import torch

    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("name", ["weights.pth", "weights.pt", "weights.safetensors"])
def test_a_checkpoint_gives_all_its_weights(tmp_path: Path, name: str) -> None:
    net, trained = network(0), network(1)
    assert not same(net, trained)
    load_checkpoint(net, save(trained.state_dict(), tmp_path / name))
    assert same(net, trained)


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "model_ema"])
def test_what_training_scripts_put_around_the_weights_is_taken_off(tmp_path: Path, wrapper: str) -> None:
    net, trained = network(0), network(1)
    state = {f"module.{name}": tensor for name, tensor in trained.state_dict().items()}
    load_checkpoint(net, save({"epoch": 3, wrapper: state}, tmp_path / "weights.pth"))
    assert same(net, trained)


def test_old_checkpoints_count_no_batches(tmp_path: Path) -> None:
    net, trained = network(0), network(1)
    state = {name: t for name, t in trained.state_dict().items() if "num_batches" not in name}
    load_checkpoint(net, save(state, tmp_path / "weights.pth"))
    assert same(net, trained)


def test_a_checkpoint_without_the_classifier_fits_and_says_so_to_who_cuts(tmp_path: Path) -> None:
    import torch

    net, trained = network(0), network(1)
    state = {name: tensor for name, tensor in trained.state_dict().items() if not name.startswith("6.")}
    load_checkpoint(net, save(state, tmp_path / "weights.pth"))
    assert find_unread(net) == ["6"] and not net.get_submodule("6").weight.any()
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize(
    ("drop", "add", "words"),
    [
        (["6.bias"], {}, "does not fit the network: '6.bias' is missing."),
        ([], {"6.bais": (5,)}, "'6.bais' is unknown (Did you mean '6.bias'?)"),
        ([], {"6.weight": (7, 8)}, "'6.weight' has the shape (7, 8) and must be (5, 8)"),
        ([], {"6.weight": (7, 8), "0.bias": (3,)}, "network: '0.bias' has the shape (3,)"),
        (["0.bias", "1.bias", "6.bias", "6.weight"], {}, "'6.weight' is missing and 1 more."),
    ],
)
def test_a_checkpoint_of_another_network_says_where_it_differs(
    tmp_path: Path, drop: list[str], add: dict[str, tuple[int, ...]], words: str
) -> None:
    import torch

    net = network()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state = {name: tensor for name, tensor in network(1).state_dict().items() if name not in drop}
    state |= {name: torch.zeros(shape) for name, shape in add.items()}
    with pytest.raises(BackboneError, match=re.escape(words)):
        load_checkpoint(net, save(state, tmp_path / "weights.pth"))
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_a_checkpoint_of_a_training_that_went_wrong_is_refused(tmp_path: Path) -> None:
    import torch

    state = network(1).state_dict()
    state["1.bias"] = torch.full_like(state["1.bias"], torch.nan)
    state["6.bias"][0] = torch.inf
    with pytest.raises(
        BackboneError, match=r"'1\.bias' has values that are not finite, as have 1 more\. Its training"
    ):
        load_checkpoint(network(), save(state, tmp_path / "weights.pth"))


def test_random_weights_depend_on_their_state_alone() -> None:
    assert same(network(3), network(3)) and not same(network(3), network(4))


def test_random_weights_leave_nothing_at_what_training_starts_from() -> None:
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.LayerNorm(16), nn.Linear(16, 8))
    net.register_parameter("gamma", nn.Parameter(1e-6 * net[1].weight.detach()))
    randomise(net, 0)
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            values = tensor.numpy()
            assert np.isfinite(values).all() and values.std() > 0.02, name
            assert len(np.unique(values)) == values.size, name
    assert (net.state_dict()["1.running_var"] > 0.4).all()


@pytest.mark.parametrize(
    "name", ["torchvision:resnet18", "torchvision:squeezenet1_1", "timm:mobilenetv4_conv_small"]
)
def test_a_checkpoint_may_have_other_classes(tmp_path: Path, name: str) -> None:
    import torch

    from cnncodes.backbones.exporting.sources import find_original

    source, _, architecture = name.partition(":")
    if source == "timm":
        import timm

        net = timm.create_model(architecture, num_classes=7).eval()
    else:
        from torchvision import models

        net = models.get_model(architecture, weights=None, num_classes=7).eval()
    randomise(net, 5)
    torch.save(net.state_dict(), tmp_path / "own.pth")
    made = find_original(f"{name}@{tmp_path / 'own.pth'}").make()
    image = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        scores = made(image)
        assert scores.shape == (1, 7)
        assert torch.equal(scores, net(image))


def test_other_shapes_within_are_no_matter_of_classes(tmp_path: Path) -> None:
    import torch

    inner = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Linear(6, 3))
    torch.save(inner.state_dict(), tmp_path / "own.pth")
    with pytest.raises(BackboneError, match=r"'0.weight' has the shape \(6, 4\) and must be \(5, 4\)"):
        load_checkpoint(
            torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Linear(5, 3)), tmp_path / "own.pth"
        )


@pytest.mark.parametrize("prefix", ["model.", "backbone.", "model.net.", "module.model."])
def test_a_prefix_that_all_names_carry_is_taken_off(tmp_path: Path, prefix: str) -> None:
    net, trained = network(0), network(1)
    state = {f"{prefix}{name}": tensor for name, tensor in trained.state_dict().items()}
    load_checkpoint(net, save({"state_dict": state}, tmp_path / "weights.pth"))
    assert same(net, trained)


def test_a_prefix_of_the_networks_own_stays(tmp_path: Path) -> None:
    from torch import nn

    net, trained = (nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))) for _ in range(2))
    load_checkpoint(net, save(trained.state_dict(), tmp_path / "weights.pth"))
    assert same(net, trained)


def test_what_does_not_fit_without_its_prefix_names_that(tmp_path: Path) -> None:
    state = {f"model.{name}": tensor for name, tensor in network(1).state_dict().items()}
    del state["model.6.bias"]
    words = "does not fit the network, its names taken without 'model.': '6.bias' is missing."
    with pytest.raises(BackboneError, match=re.escape(words)):
        load_checkpoint(network(), save(state, tmp_path / "weights.pth"))
