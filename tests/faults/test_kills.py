"""An embedding job killed at random moments, again and again, ends with the rows of an undisturbed one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BACKBONES = Path(__file__).parents[1] / "backbones"

# Each job is a process of its own, forked from one that has the imports done and has used none of them, so
# that moments are spread over the work and not over Python's start.
KILLS = """
import os, pathlib, random, signal, sys, time, traceback
import numpy as np, numpy.random, onnxruntime, pandas, pyarrow.acero, pyarrow.dataset
from PIL import Image
sys.path.insert(0, sys.argv[1])
from small_backbones import write_backbone
import cnncodes.backbones.session, cnncodes.images.decoding
from cnncodes import embed, load_backbone, read_codes
from cnncodes.store import verify_codes
root, wanted = pathlib.Path(sys.argv[2]), int(sys.argv[3])
def prepare():
    write_backbone(root / "net", "mean")
    rng = np.random.default_rng(0)
    (root / "photos").mkdir()
    for number in range(100):  # every tenth is the one before it once more
        if number % 10:
            pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        image = Image.fromarray(pixels if number else np.zeros((9, 9, 3), np.uint8))
        image.save(root / f"photos/{number:02}.png")
    (root / "photos/broken.png").write_text("no picture")
def job(out):
    backbone = load_backbone(root / "net")
    embed(root / "photos", out, backbone=backbone, views="train:2", shard_images=8, n_jobs=2)
def start(function, *args):
    child = os.fork()
    if child == 0:
        try:
            function(*args)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return child
def end(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
def check_killed(out):
    if (out / "manifest.json").exists():
        read_codes(out)
        verify_codes(out)
def check_done(out, calm):
    codes, expected = read_codes(out), read_codes(calm)
    assert codes.to_arrow() == expected.to_arrow() and codes.failures == expected.failures and codes.complete
    verify_codes(out)
    assert {file.name for file in out.iterdir()} == {"data", "failures.parquet", "manifest.json", ".lock"}
    assert {file.name for file in (out / "data").iterdir()} == {s.name for s in codes.manifest.shards}
def count_shards(out):
    assert len(read_codes(out).manifest.shards) >= 8
assert end(start(prepare)) == 0
began = time.monotonic()
assert end(start(job, root / "calm")) == 0
lasts = time.monotonic() - began
assert end(start(count_shards, root / "calm")) == 0
moments, kills, jobs = random.Random(time.time_ns()), 0, 0
while kills < wanted:
    out, status = root / f"job-{jobs}", None
    while status != 0:
        child = start(job, out)
        time.sleep(moments.uniform(0, lasts))
        os.kill(child, signal.SIGKILL)
        status = end(child)
        assert status in (0, -signal.SIGKILL), status
        kills += status != 0
        assert end(start(check_killed, out)) == 0
    assert end(start(check_done, out, root / "calm")) == 0
    jobs += 1
print(kills, jobs, round(lasts, 2))
"""


def kill_often(folder: Path, kills: int) -> tuple[int, int]:
    command = [sys.executable, "-c", KILLS, str(BACKBONES), str(folder), str(kills)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert result.returncode == 0, result.stderr
    n_kills, n_jobs, _ = result.stdout.split()
    return int(n_kills), int(n_jobs)


@pytest.mark.slow
def test_killed_at_fifty_random_moments_a_job_ends_the_same(tmp_path: Path) -> None:
    kills, jobs = kill_often(tmp_path, 50)
    assert kills >= 50 and jobs >= 1
