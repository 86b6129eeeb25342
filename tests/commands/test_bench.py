"""``cnncodes bench``: every precision is measured, what does not run is said, and the fastest is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_convolutions import draw_pictures, write_convolutions

from cnncodes.cli import main


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "home"))
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
    assert "Fastest: --provider cpu --precision fp32 --batch-size" in text
    assert "decoding" not in text


def test_a_provider_that_is_asked_for_has_to_run(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--backbone", str(net), "--provider", "coreml"]) == 1
    assert "'CoreMLExecutionProvider' is not available" in capsys.readouterr().err


def test_images_that_cannot_be_read_are_no_measure(
    net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_bytes(b"\xff\xd8\xff")
    assert main(["bench", "--backbone", str(net), "--src", str(tmp_path / "bad"), "-j", "1"]) == 1
    assert "none of the 1 images" in capsys.readouterr().err
