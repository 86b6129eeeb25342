"""Published architectures in less precision: exported with random weights, then quantised and halved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cnncodes.backbones import load_backbone
from cnncodes.backbones.checking.parity import compare_each
from cnncodes.backbones.checking.photos import cut_photos, load_photos
from cnncodes.backbones.quantizing.halving import halve
from cnncodes.backbones.quantizing.quantization import quantize


@pytest.mark.slow
@pytest.mark.parametrize(
    ("address", "cosine", "share"),
    [
        ("torchvision:resnet18", 0.98, 0.3),
        ("torchvision:mobilenet_v3_small", 0.6, 0.7),
        ("timm:vit_tiny_patch16_224.augreg_in21k", 0.98, 0.3),
        ("torchvision:alexnet", 0.98, 0.3),
    ],
)
def test_codes_are_near_and_raw_pixels_are_the_input(
    shared_export: Callable[..., Path], address: str, cosine: float, share: float
) -> None:
    full = load_backbone(shared_export(address, 0))
    photos = load_photos(full.frame)
    expected = full.run(photos)
    for made in quantize(full, cut_photos(full.frame)):
        assert made.folded
        assert np.median(compare_each(made.backbone.run(photos), expected)) > cosine, made.activations
        # What follows the last pooling stays in 32 bits: much of a small network.
        assert len(made.backbone.model_bytes()) < share * len(full.model_bytes())
    assert np.median(compare_each(halve(full).run(photos), expected)) > 0.999
