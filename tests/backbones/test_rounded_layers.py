"""Layers of int8 files: near to those of fp32, of any batch, and those that are not there told by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from small_convolutions import build, draw_pictures, make_backbone

from cnncodes import embed, load_backbone, read_codes
from cnncodes.backbones import Backbone, Card
from cnncodes.backbones.checking.parity import compare_each
from cnncodes.backbones.checking.photos import cut_photos
from cnncodes.backbones.graphs.picking import list_layers, pick_layers
from cnncodes.backbones.quantizing.quantization import quantize
from cnncodes.cli import main
from cnncodes.errors import BackboneError, UsageError

BOUND = 0.97


@pytest.mark.parametrize("kind", ["uint8", "int8"])
@pytest.mark.parametrize("pool", ["mean", "max", "both"])
def test_layers_of_int8_are_near_to_those_of_fp32(kind: str, pool: str) -> None:
    full, images = make_backbone(), draw_pictures(48)
    [made] = quantize(full, images, (kind,))
    names = [layer.name for layer in list_layers(full.model_bytes(), full.card)]
    assert names == ["pixels_", "r1", "r2", "r3", "code"]
    for name in [*names[1:], "r1,code"]:
        small = Backbone(*pick_layers(made.backbone.model_bytes(), made.backbone.card, name, pool))
        large = Backbone(*pick_layers(full.model_bytes(), full.card, name, pool))
        assert small.card.layers == large.card.layers and small.sha256 == made.backbone.sha256
        assert small.precision == "int8" and small.card.weights is None
        codes, expected = small.run(images), large.run(images)
        assert np.median(compare_each(codes, expected)) > BOUND
        # What enters the rounding has values below 0, where a ReLU was whose work the rounding does.
        assert codes.min() >= -1e-3 or name == "code" or "," in name
        parts = [small.run(images[start : start + 5]) for start in range(0, 48, 5)]
        np.testing.assert_allclose(np.concatenate(parts), codes, atol=1e-6 * float(codes.max()))


@pytest.mark.slow
def test_the_shipped_int8_file_gives_layers_too() -> None:
    images = cut_photos(load_backbone().frame)[:8]
    full = load_backbone(layer="clip_32")
    small = load_backbone(layer="clip_32", precision="int8")
    assert small.card.layer == full.card.layer and small.card.whole == load_backbone(precision="int8").sha256
    assert np.median(compare_each(small.run(images), full.run(images))) > BOUND
    own = load_backbone(layer="code", precision="int8").run(images)
    np.testing.assert_array_equal(own, load_backbone(precision="int8").run(images))
    with pytest.raises(
        UsageError, match="no layer 'convolution_3'.* its int8 file, in which some layers are fused"
    ):
        load_backbone(layer="convolution_3", precision="int8")


def test_codes_of_layers_in_int8_are_fitted_and_predicted_with(tmp_path: Path) -> None:
    from PIL import Image

    for number in range(8):
        folder = tmp_path / "photos" / ("dark" if number % 2 else "light")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 90, (64, 64, 3)) + (0 if number % 2 else 160)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    out = str(tmp_path / "x.codes")
    asked = ["--layer", "add_3,code", "--precision", "int8"]
    assert main(["embed", str(tmp_path / "photos"), "-o", out, *asked]) == 0
    assert read_codes(out).manifest.layers == {"add_3": 80, "code": 1280}
    assert main(["fit", out, "--layer", "add_3", "-o", str(tmp_path / "x.cnncodes"), "--no-backbone"]) == 0
    assert main(["predict", str(tmp_path / "x.cnncodes"), str(tmp_path / "photos")]) == 0


def test_an_export_of_layers_that_was_quantised_gives_its_columns_in_int8(tmp_path: Path) -> None:
    whole, images = make_backbone(), draw_pictures(32)
    model, card = pick_layers(whole.model_bytes(), whole.card, "r2,code")
    export = Backbone(model, dataclasses.replace(card, whole=None))
    [made] = quantize(export, images, ("uint8",))
    files = {**export.card.files, "int8.onnx": made.backbone.card.files["int8.onnx"]}
    card = dataclasses.replace(export.card, files=files, precisions={"int8": "int8.onnx"})
    (tmp_path / "model.onnx").write_bytes(model)
    (tmp_path / "int8.onnx").write_bytes(made.backbone.model_bytes())
    card.write(tmp_path / "card.toml")
    assert Card.read(tmp_path / "card.toml") == card
    embed(list(images[:4]), tmp_path / "x.codes", backbone=load_backbone(tmp_path, precision="int8"))
    codes = read_codes(tmp_path / "x.codes")
    assert list(codes.manifest.layers) == ["r2", "code"]
    # As 'fit' on these codes loads it: the file as it is, since nothing is left to pick.
    again = load_backbone(tmp_path, precision="int8", layer=codes.space.layer)
    assert again.model_bytes() == made.backbone.model_bytes()


def test_automatic_precision_is_fp32_for_layers_that_nobody_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """That int8 counts as equal was found of the network's own code."""
    monkeypatch.setattr("cnncodes.backbones.loading.has_dot_products", lambda: True)
    assert load_backbone(precision="auto").precision == "int8"
    assert load_backbone(precision="auto", layer="add_3").precision == "fp32"


def test_layers_of_fp16_are_refused_with_a_way() -> None:
    from small_backbones import make_card

    model = build()
    card = dataclasses.replace(make_card(model, code_size=16, name="conv"), precision="fp16")
    words = r"'conv' is to run in fp16: leave --precision .* --layer …'\) and of that one of fp16"
    with pytest.raises(BackboneError, match=words):
        pick_layers(model, card, "r1")
