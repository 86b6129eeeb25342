"""A fine-tuning that is killed at any moment: the same command again ends with the same bits."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from tiny_tuning import make_backbone, write_images

pytestmark = pytest.mark.slow  # torch, in processes of its own

OPTIONS = [
    "--unfreeze", "layer1", "--base-lr", "0.01", "--backbone-lr-mult", "1.0", "--epochs", "6",
    "--patience", "6",
    "--train-views", "flip, rotation:1", "--batch-size", "8", "--checkpoint-minutes", "0.0005",
    "--device", "cpu", "--precision", "fp32", "-j", "1", "--json", "--quiet",
]  # fmt: skip
KILLS = 12


def start(photos: Path, backbone: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "cnncodes", "finetune", str(photos), "-o", str(out)]
    return subprocess.Popen(
        [*command, "--backbone", str(backbone), *OPTIONS], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    said, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()
    found: dict[str, Any] = json.loads(said)
    return found


def bits_of(out: Path) -> tuple[bytes, Any]:
    summary = json.loads((out / "summary.json").read_text())
    history = [{k: v for k, v in one.items() if k != "seconds"} for one in summary["history"]]
    return (out / "backbone/model.onnx").read_bytes(), history


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("photos"), 24)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backbone")
    made = make_backbone()
    (folder / made.card.model_file).write_bytes(made.model_bytes())
    made.card.write(folder / "card.toml")
    return folder


@pytest.fixture(scope="module")
def undisturbed(photos: Path, backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    started = time.monotonic()
    finish(start(photos, backbone, out))
    return out, time.monotonic() - started


def test_killed_at_any_moment_it_goes_on(
    photos: Path, backbone: Path, undisturbed: tuple[Path, float], tmp_path: Path
) -> None:
    expected, seconds = undisturbed
    out = tmp_path / "out"
    rng = random.Random(0)
    killed = 0
    for _ in range(KILLS):
        process = start(photos, backbone, out)
        try:
            process.wait(rng.uniform(0.3, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            killed += 1
        process.communicate()
        if process.returncode == 0:
            break
    assert killed > 0
    if not (out / "summary.json").exists():
        finish(start(photos, backbone, out))
    assert bits_of(out) == bits_of(expected)
    assert not (out / "state").exists()


def test_an_interrupt_says_how_to_go_on(photos: Path, backbone: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(photos, backbone, out)
    deadline = time.monotonic() + 120
    while not (out / "state/checkpoint.safetensors").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"same command" in errors and b"Traceback" not in errors
    finish(start(photos, backbone, out))


def test_a_damaged_checkpoint_is_named_and_nothing_is_lost(
    photos: Path, backbone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(photos, backbone, out)
    path = out / "state/checkpoint.safetensors"
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.communicate()
    path.write_bytes(path.read_bytes()[:-100])
    process = start(photos, backbone, out)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert b"checkpoint.safetensors is damaged: remove it" in errors
    path.unlink()
    finish(start(photos, backbone, out))
