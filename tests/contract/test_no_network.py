"""Embedding, training and predicting open no connection: only commands that fetch networks may."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

#: Runs commands while nothing can be connected to or looked up, and says what was tried.
GUARDED = """
import json, socket, sys

def refuse(self, *arguments, **others):
    print("NETWORK", arguments, file=sys.stderr)
    raise OSError("no network in this test")

class Guarded(socket.socket):
    connect = connect_ex = sendto = bind = refuse

socket.socket = Guarded
socket.create_connection = socket.getaddrinfo = socket.gethostbyname = refuse

from cnncodes.cli import main

for arguments in json.loads(sys.argv[1]):
    if main(arguments) != 0:
        sys.exit(f"{arguments} failed")
print("hub" if "huggingface_hub" in sys.modules else "none")
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of two classes, eight pictures each."""
    rng = np.random.default_rng(0)
    for label in ("dark", "light"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for i in range(8):
            pixels = rng.integers(0, 120, (40, 40, 3)) + (120 if label == "light" else 0)
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "photos" / label / f"{i}.png")
    return tmp_path / "photos"


def run_guarded(folder: Path, *commands: list[str]) -> subprocess.CompletedProcess[str]:
    import json

    return subprocess.run(
        [sys.executable, "-c", GUARDED, json.dumps(commands)],
        capture_output=True,
        text=True,
        cwd=folder,
        # A hub that does not answer: no test may pass for want of a network on this machine.
        env={**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9"},
    )


@pytest.mark.slow
def test_embedding_training_and_predicting_open_no_connection(photos: Path) -> None:
    done = run_guarded(
        photos.parent,
        ["embed", "photos", "-o", "photos.codes"],
        ["fit", "photos.codes", "-o", "photos.cnncodes"],
        ["predict", "photos.cnncodes", "photos", "-o", "predicted.csv"],
        ["evaluate", "photos.cnncodes", "photos"],
        ["models", "list"],
        ["models", "verify", "efficientnet-lite0"],
        ["doctor"],
    )
    assert done.returncode == 0, done.stderr
    assert "NETWORK" not in done.stderr
    assert done.stdout.splitlines()[-1] == "none"
    assert len((photos.parent / "predicted.csv").read_text().splitlines()) == 17


@pytest.mark.slow
def test_the_guard_notices_a_command_that_fetches(photos: Path) -> None:
    done = run_guarded(photos.parent, ["models", "pull", "hf-hub:some/net"])
    assert done.returncode != 0 and "NETWORK" in done.stderr
