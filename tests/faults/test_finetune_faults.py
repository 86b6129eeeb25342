"""A fine-tuning that is killed at any moment: the same command again ends with the same bits."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from tiny_tuning import make_backbone, write_images

import cnncodes
from cnncodes.errors import StoreError
from cnncodes.finetuning.task import Listeners

pytestmark = pytest.mark.slow  # torch, in processes of its own

OPTIONS = [
    "--unfreeze", "layer1", "--base-lr", "0.01", "--backbone-lr-mult", "1.0", "--epochs", "20",
    "--patience", "20", "--keep", "tuned",
    "--train-views", "flip, rotation:1", "--batch-size", "8", "--checkpoint-minutes", "0.0005",
    "--device", "cpu", "--precision", "fp32", "-j", "1", "--json", "--quiet",
]  # fmt: skip
#: What is waited for before each kill.
WRITTEN = ("features.json", *["checkpoint.safetensors"] * 2, "again.safetensors")


def heed_interrupts() -> None:
    """Undo what a shell does to jobs in the background, which would be inherited: SIGINT is ignored there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(photos: Path, backbone: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "cnncodes", "finetune", str(photos), "-o", str(out)]
    return subprocess.Popen(
        [*command, "--backbone", str(backbone), *OPTIONS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_interrupts,
    )


def finish(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    said, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()
    found: dict[str, Any] = json.loads(said)
    return found


def bits_of(out: Path) -> tuple[bytes, Any]:
    summary = json.loads((out / "summary.json").read_text())
    epochs = [*summary["history"], *summary["again"]]
    history = [{k: v for k, v in one.items() if k != "seconds"} for one in epochs]
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
def undisturbed(photos: Path, backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert finish(start(photos, backbone, out))["again"]  # both trainings are there to be killed
    return out


def wait_for_change(process: subprocess.Popen[bytes], path: Path, before: int) -> None:
    """Wait until a file is there, and another one than before; or the process has ended."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if path.stat().st_mtime_ns != before:
                return
        time.sleep(0.005)


def test_killed_at_any_moment_it_goes_on(
    photos: Path, backbone: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    rng = random.Random(0)
    killed = 0
    for name in WRITTEN:
        path = out / "state" / name
        before = path.stat().st_mtime_ns if path.exists() else 0
        process = start(photos, backbone, out)
        wait_for_change(process, path, before)
        time.sleep(rng.uniform(0, 0.15))
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            break
    assert killed > 2
    if not (out / "summary.json").exists():
        finish(start(photos, backbone, out))
    assert bits_of(out) == bits_of(undisturbed)
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


def test_with_a_damaged_checkpoint_the_same_command_goes_on_and_says_so(
    photos: Path, backbone: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(photos, backbone, out)
    path = out / "state/checkpoint.safetensors"
    while not (path.exists() and path.with_name(f"{path.name}.previous").exists()):
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.communicate()
    path.write_bytes(path.read_bytes()[:-100])
    process = start(photos, backbone, out)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0
    assert errors.count(b"warning: the checkpoint") == 1 and b"the one before it is gone on with" in errors
    assert bits_of(out) == bits_of(undisturbed)


SETTINGS: dict[str, Any] = {
    "unfreeze": "layer1", "base_lr": 0.01, "backbone_lr_mult": 1.0, "epochs": 2, "keep": "tuned",
    "train_views": "flip, rotation:1", "device": "cpu", "precision": "fp32", "n_jobs": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "out"
    cnncodes.finetune(photos, out, backbone=make_backbone(), **SETTINGS)
    return out


@pytest.mark.parametrize("left", [0, 16_000])
@pytest.mark.parametrize("when", ["embedding", "training", "predicting"])
def test_where_the_disk_is_full_nothing_done_is_lost(
    when: str, left: int, photos: Path, whole: Path, small_disk: Callable[[str], Path]
) -> None:
    """All of the disk is taken at a moment, or all but a little, in which some files have room yet."""
    disk = small_disk("4m")

    def fill() -> None:
        with contextlib.suppress(OSError), (disk / "filler").open("xb", buffering=0) as file:
            file.write(bytes(max(0, shutil.disk_usage(disk).free - left)))

    def progress(what: str) -> Callable[[int, int, int], None]:
        if what == when:
            fill()
        return lambda done, total, failed: None

    listeners = Listeners(
        progress=progress, epoch=lambda history: fill() if when == "training" and len(history) == 3 else None
    )
    with pytest.raises(StoreError, match="What was finished before is kept"):
        cnncodes.finetune(photos, disk / "out", backbone=make_backbone(), listeners=listeners, **SETTINGS)
    (disk / "filler").unlink()
    cnncodes.finetune(photos, disk / "out", backbone=make_backbone(), **SETTINGS)
    assert bits_of(disk / "out") == bits_of(whole)
