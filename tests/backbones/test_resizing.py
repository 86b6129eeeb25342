"""Networks fed with images of another size than the one they were published for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cnncodes.backbones import Frame, load_backbone
from cnncodes.backbones.checking.origin import verify_parity
from cnncodes.backbones.exporting.export import export_backbone
from cnncodes.backbones.exporting.resizing import resize_original
from cnncodes.backbones.exporting.sources import find_original
from cnncodes.errors import BackboneError

pytestmark = pytest.mark.slow

SMALL_VIT = "timm:test_vit3"


def test_the_patch_shows_the_same_part_of_a_picture() -> None:
    resnet = find_original("timm:resnet18", 0)
    assert resnet.frame == Frame(224, 224, 235, "bicubic")
    assert resize_original(resnet, 160).frame == Frame(160, 160, 167, "bicubic")
    dino = find_original("timm:vit_small_patch14_dinov2", 0)
    assert resize_original(dino, 224).frame == Frame(224, 224, 224, "bicubic")


def test_a_network_of_one_size_takes_another_with_its_positions_interpolated(tmp_path: Path) -> None:
    original = find_original(SMALL_VIT, 0)
    published = original.make()
    card = export_backbone(resize_original(original, 96), tmp_path)
    assert (card.frame.height, card.frame.width, card.sizes) == (96, 96, "fixed")
    assert "but at 96 x 96 pixels" in card.description
    backbone = load_backbone(tmp_path)
    assert verify_parity(backbone)["cosine"] > 0.9999  # made again in that size
    import onnx
    import torch
    from timm.layers import resample_abs_pos_embed

    weights = {tensor.name: tensor for tensor in onnx.load(tmp_path / "model.onnx").graph.initializer}
    patch = published.patch_embed.patch_size[0]
    with torch.no_grad():
        expected = resample_abs_pos_embed(
            published.pos_embed, [96 // patch] * 2, num_prefix_tokens=published.num_prefix_tokens
        )
    found = onnx.numpy_helper.to_array(weights["pos_embed"])
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)
    assert found.shape != tuple(published.pos_embed.shape)


def test_a_network_of_any_size_is_the_same_file(tmp_path: Path) -> None:
    original = find_original("timm:test_resnet", 0)
    own = export_backbone(original, tmp_path / "own")
    card = export_backbone(resize_original(original, 96), tmp_path / "other")
    assert card.files == own.files and card.sizes == own.sizes == "dynamic"
    assert (own.frame.height, card.frame.height) == (160, 96)


def test_what_interpolates_as_it_runs_keeps_its_positions() -> None:
    original = find_original("timm:test_vit", 0)
    found, published = resize_original(original, 96).make(), original.make()
    assert np.array_equal(found.pos_embed.detach(), published.pos_embed.detach())


def test_a_size_that_is_no_multiple_of_the_parts_is_refused(tmp_path: Path) -> None:
    resized = resize_original(find_original("timm:vit_small_patch14_dinov2", 0), 200)
    with pytest.raises(BackboneError, match=r"parts of 14 pixels: expected --size 196 or another multiple"):
        export_backbone(resized, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_network_whose_size_cannot_change_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="224 x 224 pixels alone"):
        resize_original(find_original("torchvision:vit_b_16", 0), 160)
    resized = resize_original(find_original("timm:mixer_s32_224", 0), 160)
    with pytest.raises(BackboneError, match="timm knows no way to change that"):
        export_backbone(resized, tmp_path / "out")


def test_where_a_file_says_how_images_are_fed_it_says_the_size() -> None:
    original = dataclasses.replace(find_original("timm:resnet18", 0), parent="0" * 64)
    with pytest.raises(BackboneError, match="leave --size out"):
        resize_original(original, 64)


def test_a_size_beyond_what_a_frame_may_have_is_refused_by_its_option() -> None:
    with pytest.raises(BackboneError, match="--size 5000 is too large"):
        resize_original(find_original("timm:resnet18", 0), 5000)
