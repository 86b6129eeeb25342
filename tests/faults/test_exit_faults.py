"""A process that ends right after it has read codes ends with its own status."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes import embed


@pytest.mark.slow
def test_a_damaged_shard_never_aborts_the_process(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(60):
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(tmp_path / f"photos/{i}.png")
    for worker in range(4):
        embed(tmp_path / "photos", tmp_path / f"{worker}.codes", shard_images=5)
        damaged = tmp_path / f"{worker}.codes/data/part-00003.parquet"
        damaged.write_bytes(damaged.read_bytes().replace(b"\x00" * 5, b"XXXXX", 1))

    def run(number: int) -> int:
        # Merging small shards reads them whole, until it comes to the damaged one.
        command = [sys.executable, "-m", "cnncodes", "embed", "photos", "-o", f"{number % 4}.codes"]
        return subprocess.run(command, capture_output=True, check=False, cwd=tmp_path).returncode

    # Four at once: it is a race that a busy machine loses more often.
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(run, range(32))) == {1}
