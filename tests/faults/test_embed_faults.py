"""The embedding job itself under real faults: killed, interrupted, files changing under it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes import embed, read_codes
from cnncodes.store import verify_codes

N_IMAGES = 80


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for i in range(N_IMAGES):
        label = folder / f"class {i % 2}"
        label.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(label / f"{i:02}.png")
    (folder / "class 0" / "broken.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def undisturbed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, object]:
    out = tmp_path_factory.mktemp("calm") / "x.codes"
    embed(photos, out, shard_images=4)
    return rows(out)


def rows(out: Path) -> tuple[object, object]:
    codes = read_codes(out)
    return codes.to_arrow().to_pylist(), codes.failures.to_pylist()


def start(photos: Path, out: Path) -> subprocess.Popen[str]:
    # Twenty shards, so that a kill comes between two of them.
    command = [sys.executable, "-m", "cnncodes", "embed", str(photos), "-o", str(out), "--shard-images", "4"]
    return subprocess.Popen(
        [*command, "--max-failures", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_shards(out: Path, n_shards: int) -> None:
    deadline = time.monotonic() + 60
    while len(list(out.glob("data/*.parquet"))) < n_shards:
        assert time.monotonic() < deadline, "the job wrote no shard in a minute"
        time.sleep(0.002)


@pytest.mark.parametrize("n_shards", [1, 4, 8])
def test_a_killed_job_is_run_again_and_ends_with_the_same_rows(
    photos: Path, undisturbed: tuple[object, object], tmp_path: Path, n_shards: int
) -> None:
    out = tmp_path / "x.codes"
    job = start(photos, out)
    wait_for_shards(out, n_shards)
    job.kill()
    job.communicate()
    assert job.returncode == -signal.SIGKILL
    kept = len(set(read_codes(out).images))
    assert kept >= 4 * (n_shards - 1) - 1  # one of the four of some shard is the broken picture
    again = start(photos, out)
    _, errors = again.communicate(timeout=60)
    assert again.returncode == 0, errors
    assert rows(out) == undisturbed
    verify_codes(out)


def test_an_interrupted_job_keeps_what_it_did_and_says_so(
    photos: Path, undisturbed: tuple[object, object], tmp_path: Path
) -> None:
    out = tmp_path / "x.codes"
    job = start(photos, out)
    wait_for_shards(out, 2)
    job.send_signal(signal.SIGINT)
    _, errors = job.communicate(timeout=60)
    if job.returncode != 0:  # it may have been done just then
        assert job.returncode == 130
        assert "Traceback" not in errors and "the same command goes on" in errors
        verify_codes(out)
    assert start(photos, out).wait(timeout=60) == 0
    assert rows(out) == undisturbed


def test_images_that_vanish_or_shrink_during_the_job_are_failures(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, path in enumerate(sorted(photos.glob("*/*.png"))):
        os.link(path, folder / f"{i:02}.png")
    seen = []

    def vanish(done: int, total: int, failed: int) -> None:
        if done == 1:
            (folder / "80.png").unlink()
            (folder / "79.png").unlink()
            (folder / "79.png").touch()
        seen.append(failed)

    summary = embed(folder, tmp_path / "x.codes", n_jobs=1, on_progress=vanish)
    failures = {failure.key: failure.stage for failure in summary.failures}
    assert failures["80.png"] == "read" and failures["79.png"] == "decode"
    assert summary.embedded + summary.failed == N_IMAGES + 1
