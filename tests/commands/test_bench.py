"""``cnncodes bench``: every precision is measured, what does not run is said, and the fastest is named."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image
from small_convolutions import draw_pictures, write_convolutions

from cnncodes.backbones import Card
from cnncodes.cli import main
from cnncodes.commands.bench import BENCH
from cnncodes.embedding import tuning


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tuning, "_SECONDS", 0.01)
    monkeypatch.setattr(tuning, "_MOST_SECONDS", 0.3)
    return write_convolutions(tmp_path / "net")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, picture in enumerate(draw_pictures(6)):
        Image.fromarray(np.kron(picture, np.ones((4, 4, 1), np.uint8))).save(folder / f"{number}.jpg")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    return folder


def test_the_network_and_decoding_are_measured(
    net: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--backbone", str(net), "--src", str(photos), "-j", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    [row] = [row for row in found["networks"] if row["provider"] == "CPUExecutionProvider"]
    assert row["precision"] == "fp32" and row["cosine"] == 1.0 and row["rate"] > 0
    assert row["rate"] == row["rates"][str(row["batch_size"])]
    assert found["decoding"]["images"] == 6  # the broken one counts for nothing
    together = 1 / (1 / row["rate"] + 1 / found["decoding"]["exact"])
    assert row["limit"] == pytest.approx(together, abs=0.1)
    assert found["fastest"]["precision"] == "fp32" and found["lanes"] == 1


def test_it_is_said_in_words_how_to_have_the_fastest(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--backbone", str(net), "--provider", "cpu", "-j", "1"]) == 0
    text = capsys.readouterr().out
    assert "1 lane. Fastest: --provider cpu --precision fp32 --batch-size" in text
    assert "decoding" not in text


def write_int8(net: Path, seed: float) -> None:
    """Give a network a further file of other weights, the nearer to its own the smaller the seed."""
    read = onnx.load(net / "model.onnx")
    rng = np.random.default_rng(1)
    for tensor in read.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim == 4:
            changed = values + seed * rng.normal(0, 1, values.shape)
            tensor.CopyFrom(numpy_helper.from_array(changed.astype(np.float32), tensor.name))
    data = read.SerializeToString()
    (net / "int8.onnx").write_bytes(data)
    card = Card.read(net / "card.toml")
    files = {**card.files, "int8.onnx": hashlib.sha256(data).hexdigest()}
    replace(card, files=files, precisions={"int8": "int8.onnx"}).write(net / "card.toml")


def test_codes_are_compared_on_the_users_pictures(
    net: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bench", "--backbone", str(net), "--provider", "cpu", "-j", "1", "--src", str(photos)]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["compared"]["of"].startswith("scikit-learn's two photos (")  # six are too few
    for number, picture in enumerate(draw_pictures(12, 7)):
        Image.fromarray(picture).save(photos / f"more{number}.png")
    assert main(command) == 0
    printed = capsys.readouterr().out
    words = "with that of fp32 on the CPU, after the mean code is taken off"
    assert f"{words}; the median and the lowest of 18 pictures of {photos}." in printed


def test_the_fastest_is_named_with_its_cosine_and_a_poor_one_is_said(
    net: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_int8(net, 1.0)
    assert main(["bench", "--backbone", str(net), "--provider", "cpu", "-j", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    poor = next(row for row in found["networks"] if row["precision"] == "int8")
    assert poor["lowest_cosine"] <= poor["cosine"] < 0.99 and found["fastest_near"]["precision"] == "fp32"
    found["fastest"] = {key: poor[key] for key in found["fastest"]}
    text = BENCH.render(found)
    assert f"--precision int8 --batch-size {poor['batch_size']} (cosine {poor['cosine']:.4f})" in text
    assert "far from those of fp32 (cosine below 0.99)" in text
    assert "the fastest above that: --provider cpu --precision fp32 --batch-size" in text


def test_a_provider_that_is_asked_for_has_to_run(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--backbone", str(net), "--provider", "coreml"]) == 1
    said = capsys.readouterr().err
    assert "cnncodes: CoreMLExecutionProvider with fp32: provider 'CoreMLExecutionProvider' is not" in said


def test_images_that_cannot_be_read_are_no_measure(
    net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_bytes(b"\xff\xd8\xff")
    assert main(["bench", "--backbone", str(net), "--src", str(tmp_path / "bad"), "-j", "1"]) == 1
    assert "none of the 1 images" in capsys.readouterr().err
