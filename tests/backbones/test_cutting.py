"""Cutting: what enters the classifier is the code, and a network without one is told so."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cnncodes.backbones.exporting.cutting import Cut, cut_off, find_cut, run_to_cut
from cnncodes.errors import BackboneError

pytestmark = pytest.mark.slow


def network(kind: str) -> Any:
    from small_networks import make_network

    return make_network(kind)


def noise(*shape: int) -> Any:
    import torch

    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("kind", "cut", "layer", "size"),
    [
        ("linear", Cut("6"), "input of 6", 8),
        ("hidden", Cut("7"), "input of 7", 12),
        ("convolution", Cut("3", pooled=True), "input of 3, average-pooled", 8),
        ("grid", Cut("7"), "input of 7", 16),
        ("rigid", Cut("net.5"), "input of net.5", 16),
    ],
)
def test_the_classifier_is_found_and_removed(kind: str, cut: Cut, layer: str, size: int) -> None:
    import torch

    net, images = network(kind), noise(3, 3, 64, 64)
    assert find_cut(net, images[:1]) == cut
    assert cut.layer == layer
    codes = run_to_cut(net, cut, images)
    assert codes.shape == (3, size)
    scores = net(images)
    classifier = net.get_submodule(cut.module)
    if not cut.pooled:
        assert torch.equal(classifier(codes), scores)
    cut_off(net, cut, images)
    assert torch.allclose(net(images), codes, rtol=1e-6)
    assert not [name for name, _ in net.named_parameters() if name.startswith(f"{cut.module}.")]
    assert not any(module._forward_hooks for module in net.modules())


def test_the_output_of_a_headless_network_is_its_code() -> None:
    import torch

    net, images = network("headless"), noise(2, 3, 32, 32)
    cut = find_cut(net, images, headless=True)
    assert cut == Cut("") and cut.layer == "output"
    assert torch.equal(run_to_cut(net, cut, images), net(images))
    cut_off(net, cut, images)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("unlike", "no classifier to cut: the last layer called is 'two', whose output is not the network's"),
        ("none", "no classifier to cut: it calls no linear layer and no convolution"),
        ("headless", "the convolution '0', which looks beyond one place. If its output is the code already"),
        ("map", "the network gives (1, 8, 31, 31) and not one row of scores an image: it is no classifier"),
    ],
)
def test_a_network_without_a_classifier_says_why(kind: str, words: str) -> None:
    with pytest.raises(BackboneError, match=re.escape(words)):
        find_cut(network(kind), noise(1, 3, 64, 64))


@pytest.mark.parametrize(
    ("kind", "module", "words"),
    [
        ("signed", "1", "without '1' the network gives something else than what entered that"),
    ],
)
def test_what_is_no_classifier_after_all_is_refused(kind: str, module: str, words: str) -> None:
    net, images = network(kind), noise(2, 3, 64, 64)
    cut = find_cut(net, images)
    assert cut == Cut(module, pooled=True)
    with pytest.raises(BackboneError, match=words):
        cut_off(net, cut, images)


def test_values_that_are_no_numbers_are_no_reason_to_miss_the_classifier() -> None:
    import torch

    net = network("linear")
    with torch.no_grad():
        net.get_submodule("6").bias.fill_(float("nan"))
    assert find_cut(net, noise(1, 3, 64, 64)) == Cut("6")
