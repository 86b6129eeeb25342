"""Codes of picked layers, from the command line and Python to a saved classifier and back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes import ImageClassifier, embed, load, load_backbone, read_codes
from cnncodes.cli import main
from cnncodes.errors import SpaceMismatch


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layers") / "photos"
    rng = np.random.default_rng(0)
    for number in range(12):
        label = "dark" if number % 2 else "light"
        pixels = rng.integers(0, 90, (64, 64, 3)) + (0 if number % 2 else 160)
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"{number}.png")
    return folder


@pytest.mark.slow
def test_layers_are_embedded_fitted_saved_and_predicted_with(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "two.codes")
    command = ["embed", str(photos), "-o", out, "--layer", "add_3,code", "--pool", "both"]
    assert main([*command, "--dtype", "float32"]) == 0
    codes = read_codes(out)
    assert codes.space.layer == "add_3,code; both" and codes.X.shape == (12, 160 + 1280)
    assert codes.manifest.layers == {"add_3": 160, "code": 1280}
    assert main(["fit", out, "--layer", "add_3", "-o", str(tmp_path / "low.cnncodes"), "--no-backbone"]) == 0
    assert main(["fit", out, "-o", str(tmp_path / "both.cnncodes")]) == 0
    for name, size in (("low", 160), ("both", 1440)):
        model = str(tmp_path / f"{name}.cnncodes")
        assert load(model).space_.code_size == size
        capsys.readouterr()
        assert main(["predict", model, str(photos), "--json"]) == 0
        predictions = json.loads(capsys.readouterr().out)["predictions"]
        assert all(Path(p["image"]).parent.name == p["prediction"] for p in predictions)


@pytest.mark.slow
def test_stored_layers_are_those_that_python_makes(photos: Path, tmp_path: Path) -> None:
    low = load_backbone(layer="add_3")
    embed(photos, tmp_path / "two.codes", backbone=load_backbone(layer="add_3,code"), dtype="float32")
    embed(photos, tmp_path / "low.codes", backbone=low, dtype="float32")
    two, one = read_codes(tmp_path / "two.codes").select(layers="add_3"), read_codes(tmp_path / "low.codes")
    assert two.space == one.space
    np.testing.assert_allclose(two.X, one.X, rtol=1e-5, atol=1e-6)
    classifier = ImageClassifier(low, test_views="center").fit_codes(two)
    classifier.save(tmp_path / "low.cnncodes")
    paths = sorted(photos.rglob("*.png"))
    loaded = load(tmp_path / "low.cnncodes")
    np.testing.assert_array_equal(loaded.decision_function(paths), classifier.decision_function(paths))
    assert loaded.backbone.sha256 == load_backbone().sha256


def test_codes_of_other_layers_do_not_mix(photos: Path, tmp_path: Path) -> None:
    embed(photos, tmp_path / "x.codes", backbone=load_backbone(layer="add_3"))
    with pytest.raises(SpaceMismatch, match=r"layer: 'add_3; mean' \(stored\) against 'add_4; mean' \(now\)"):
        embed(photos, tmp_path / "x.codes", backbone=load_backbone(layer="add_4"))
    with pytest.raises(SpaceMismatch, match="layer: 'add_3; mean'"):
        ImageClassifier().fit_codes(read_codes(tmp_path / "x.codes"))


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backbone of two layers, as ``models export --layer`` makes it."""
    from cnncodes.backbones import Card, find_backbone
    from cnncodes.backbones.graphs.picking import pick_layers

    whole, folder = load_backbone(), tmp_path_factory.mktemp("export")
    model, card = pick_layers(whole.model_bytes(), whole.card, "add_3,code")
    card = dataclasses.replace(card, name="two", whole=None)
    (folder / "model.onnx").write_bytes(model)
    card.write(folder / "card.toml")
    assert Card.read(folder / "card.toml") == card and find_backbone(folder) == folder
    return folder


@pytest.mark.slow
def test_an_export_of_several_layers_stores_a_column_each(
    photos: Path, export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "two.codes")
    assert main(["embed", str(photos), "-o", out, "--backbone", str(export), "--dtype", "float32"]) == 0
    codes = read_codes(out)
    assert codes.manifest.layers == {"add_3": 80, "code": 1280}
    assert {"code_add_3", "code"} <= set(codes.manifest.schema.names)
    # Asked for by name they are what the export gives: the same space, columns and codes.
    again = tmp_path / "again.codes"
    embed(photos, again, backbone=load_backbone(export, layer="add_3,code"), dtype="float32")
    np.testing.assert_array_equal(read_codes(again).X, codes.X)
    assert read_codes(again).manifest.differences(codes.manifest) == []
    for name in ("add_3", "code"):
        part = codes.select(layers=name)
        alone = load_backbone(export, layer=name)
        embed(photos, tmp_path / f"{name}.codes", backbone=alone, dtype="float32")
        stored = read_codes(tmp_path / f"{name}.codes")
        assert stored.space == part.space
        np.testing.assert_allclose(stored.X, part.X, rtol=1e-5, atol=1e-6)
        model = str(tmp_path / f"{name}.cnncodes")
        assert main(["fit", out, "--backbone", str(export), "--layer", name, "-o", model]) == 0
        assert main(["predict", model, str(photos)]) == 0
    assert main(["fit", out, "--backbone", str(export), "-o", str(tmp_path / "both.cnncodes")]) == 0
    assert load(tmp_path / "both.cnncodes").space_.code_size == 1360
