"""The tuned network as a backbone: its name and what its card says of where it comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

torch = pytest.importorskip("torch")

from tiny_tuning import make_backbone  # noqa: E402

from cnncodes.backbones import Backbone  # noqa: E402
from cnncodes.finetuning.loading import load_graph_module  # noqa: E402
from cnncodes.finetuning.writing import make_tuned_backbone  # noqa: E402

pytestmark = pytest.mark.torch


HASHES = [f"{number:064x}" for number in range(1, 4)]


def tune(backbone: Backbone, seen: Sequence[str] = HASHES) -> Backbone:
    module = load_graph_module(backbone)
    with torch.no_grad():
        module.get_parameter("stem.weight").mul_(1.01)
    return make_tuned_backbone(backbone, module, 90, seen)


def test_a_network_that_is_tuned_again_has_a_name_of_its_own() -> None:
    once = tune(make_backbone())
    twice = tune(once)
    thrice = tune(twice)
    names = [one.card.name for one in (once, twice, thrice)]
    assert names == ["small-tuned", "small-tuned-2", "small-tuned-3"]
    assert twice.card.parent == once.sha256 and thrice.card.parent == twice.sha256
    assert thrice.card.source_weights.startswith("fine-tuned from small-tuned-2 (fine-tuned from small-tuned")
    assert twice.card.description.endswith("fine-tuned on 90 images and then on 90 images")


def test_the_card_remembers_the_images_of_every_tuning() -> None:
    a, b, c = ("a" * 64, "b" * 64, "c" * 64)
    once = tune(make_backbone(), [a, b])
    assert once.card.seen == "a" * 16 + "b" * 16
    assert tune(once, [c, b]).card.seen == "a" * 16 + "b" * 16 + "c" * 16
    forgotten = Backbone(once.model_bytes(), dataclasses.replace(once.card, seen=None))
    assert tune(forgotten, [c]).card.seen is None  # what is there must not pass for all


def test_one_of_which_no_number_has_changed_is_the_network_that_it_was() -> None:
    backbone = make_backbone()
    assert make_tuned_backbone(backbone, load_graph_module(backbone), 90, HASHES) is backbone
