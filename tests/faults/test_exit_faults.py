"""A process that ends right after it has read codes ends with its own status."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes import embed, read_codes
from cnncodes.store.verifying import find_problems


@pytest.mark.slow
def test_a_damaged_shard_never_aborts_the_process(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(60):
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(tmp_path / f"photos/{i}.png")
    embed(tmp_path / "photos", tmp_path / "0.codes", shard_images=5)
    damaged = tmp_path / "0.codes/data/part-00003.parquet"
    damaged.write_bytes(damaged.read_bytes().replace(b"\x00" * 5, b"XXXXX", 1))
    for worker in range(1, 4):
        shutil.copytree(tmp_path / "0.codes", tmp_path / f"{worker}.codes")

    def run(number: int) -> int:
        # Merging small shards reads them whole, until it comes to the damaged one.
        command = [sys.executable, "-m", "cnncodes", "embed", "photos", "-o", f"{number % 4}.codes"]
        return subprocess.run(command, capture_output=True, check=False, cwd=tmp_path).returncode

    # Four at once: it is a race that a busy machine loses more often.
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(run, range(16))) == {1}


@pytest.mark.slow
@pytest.mark.parametrize(("unread", "told"), [(">&-", True), (">/dev/full", True), ("> >(exec true)", False)])
def test_a_job_whose_result_nobody_reads_says_what_it_wrote_and_has_its_status(
    tmp_path: Path, unread: str, told: bool
) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(tmp_path / "photos/0.png")
    (tmp_path / "photos" / "broken.png").write_bytes(b"x")
    for allowed, status in (("0", 3), ("1", 1)):
        arguments = ["embed", "photos", "-o", "x.codes", "--quiet", "--max-failures", allowed]
        command = f"{shlex.join([sys.executable, '-m', 'cnncodes', *arguments])} {unread}"
        done = subprocess.run(["bash", "-c", command], stderr=-1, text=True, check=False, cwd=tmp_path)
        assert done.returncode == status, done.stderr
        assert "\ncnncodes: x.codes is written; what there is to say of it could not be\n" in done.stderr
        assert ("stdout could not be written" in done.stderr) == told
    assert len(read_codes(tmp_path / "x.codes").images) == 1


#: Ways in which nobody reads what a command says while it works.
UNREAD = ("2>&-", "2>/dev/full", "2> >(exec true)")


def run_unread(tmp_path: Path, unread: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = f"{shlex.join([sys.executable, '-m', 'cnncodes', *arguments])} {unread}"
    return subprocess.run(["bash", "-c", command], stdout=-1, text=True, check=False, cwd=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("unread", UNREAD)
def test_an_error_that_nobody_reads_has_its_status(tmp_path: Path, unread: str) -> None:
    assert run_unread(tmp_path, unread, "codes", "info").returncode == 2
    assert run_unread(tmp_path, unread, "codes", "info", "none.codes").returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize("unread", UNREAD)
def test_a_job_whose_progress_nobody_reads_comes_to_its_end(tmp_path: Path, unread: str) -> None:
    rng = np.random.default_rng(0)
    for i in range(12):
        path = tmp_path / "photos" / ("cat" if i % 2 else "dog") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)
    (tmp_path / "photos" / "cat" / "broken.png").write_bytes(b"x")  # which is warned of
    for arguments, status in (
        (("embed", "photos", "-o", "x.codes"), 3),
        (("embed", "photos", "-o", "isolated.codes", "--isolate", "--max-failures", "1"), 0),
        (("codes", "merge", "x.codes", "isolated.codes", "-o", "both.codes"), 0),
        (("codes", "convert", "x.codes", "-t", "npy", "-o", "x-npy"), 0),
        (("fit", "x.codes", "-o", "x.cnncodes"), 0),
        (("predict", "x.cnncodes", "photos", "--max-failures", "1"), 0),
    ):
        done = run_unread(tmp_path, unread, *arguments)
        assert (done.returncode, bool(done.stdout)) == (status, True), (arguments, done.stdout)
    assert len(read_codes(tmp_path / "x.codes").images) == 12 and find_problems(tmp_path / "x.codes") == []


@pytest.mark.slow
def test_a_program_ends_while_a_daemon_thread_embeds(tmp_path: Path) -> None:
    script = f"""
import threading
from cnncodes import embed, load_backbone
import numpy as np
begun = threading.Event()
images = [np.full((300, 300, 3), i % 256, np.uint8) for i in range(3000)]
job = dict(backbone=load_backbone(), shard_images=16, on_progress=lambda *_: begun.set())
threading.Thread(target=embed, args=(images, {str(tmp_path / "x.codes")!r}), kwargs=job, daemon=True).start()
assert begun.wait(60)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    images = np.zeros((1, 8, 8, 3), np.uint8)
    embed(images, tmp_path / "x.codes", shard_images=16, remove_missing=True)  # nobody holds it
    assert not find_problems(tmp_path / "x.codes")
