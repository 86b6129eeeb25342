"""Merging, selecting and converting under real faults: killed at any step and moment, a full disk."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cnncodes.store import CodesWriter, read_codes
from cnncodes.store.verifying import find_problems

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "store"
sys.path.append(str(SAMPLES))

# Makes its output, and before the k-th of the calls that change something on disk kills itself. Each run is a
# process of its own, forked from one that has the imports done.
JOB = """
import os, pathlib, shutil, signal, sys, traceback
import numpy.random, pandas, pyarrow.acero, pyarrow.csv, pyarrow.dataset  # else each child loads them anew
sys.path[:0] = sys.argv[1].split(os.pathsep)
from killing import arm, run
from samples import fail, make, rows_of, write
from cnncodes.store import building
from cnncodes.store.converting import convert_codes
from cnncodes.store.merging import merge_codes
from cnncodes.store.selecting import select_codes
from cnncodes.store.verifying import find_problems
root, kind = pathlib.Path(sys.argv[2]), sys.argv[3]
building.SHARD_ROWS = 6
def job(out, k=0):
    arm(k, ("replace", "rename", "fsync", "ftruncate", "unlink", "mkdir", "rmdir"))
    if kind == "merge":
        merge_codes([root / "one", root / "two"], out)
    elif kind == "select":
        select_codes(root / "one", out, label=["cat"])
    else:
        convert_codes(root / "one", out, kind)
def contents(path):
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return [(str(file.relative_to(path)), file.read_bytes()) for file in files]
def check(out, calm):
    assert contents(out) == contents(calm)
    if kind in ("merge", "select"):
        assert find_problems(out) == [] and rows_of(out) == rows_of(calm)
assert run(write, root / "one", [*map(make, "abcde"), fail("f"), fail("x")], ) == (0, 0)
assert run(write, root / "two", [*map(make, "cxyz"), fail("a")]) == (0, 0)
name = "out.csv" if kind == "csv" else "out"
(root / "0").mkdir()
status, steps = run(job, root / "0" / name)
assert status == 0
for k in range(1, steps + 1):
    (root / str(k)).mkdir()
    out = root / str(k) / name
    status = run(job, out, k)
    assert status == (-signal.SIGKILL, 0), (k, status)
    if out.exists():  # whole, or not there at all; what is left is hidden
        assert run(check, out, root / "0" / name)[0] == 0, k
        assert {file.name for file in out.parent.iterdir()} <= {name, f".{name}.tmp"}
        shutil.rmtree(out.parent)
        continue
    assert {file.name for file in out.parent.iterdir()} <= {f".{name}.tmp"}, k
    assert run(job, out)[0] == 0, k
    assert run(check, out, root / "0" / name)[0] == 0, k
    assert {file.name for file in out.parent.iterdir()} == {name}, k
print(steps)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [*(pytest.param(kind, marks=pytest.mark.slow) for kind in ("merge", "select", "npy")), "csv"]
)
def test_killed_at_any_step_nothing_half_done_is_there(tmp_path: Path, kind: str) -> None:
    command = [sys.executable, "-c", JOB, os.pathsep.join(map(str, (SAMPLES, HERE))), str(tmp_path), kind]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > (5 if kind == "csv" else 15)  # else nothing was hooked


def write_many(path: Path, first: int, count: int, size: int = 1280) -> None:
    """Write codes of noise, which take time to pack."""
    from dataclasses import replace

    from samples import SPACE, VIEWS, make

    rng = np.random.default_rng(first)
    with CodesWriter.open(path, replace(SPACE, code_size=size), VIEWS, shard_images=64) as writer:
        for number in range(first, first + count):
            codes = rng.normal(size=(4, size)).astype(np.float32)
            writer.add(replace(make(f"{number:05}", views=4), codes=codes))


@pytest.mark.slow
def test_a_merge_killed_at_any_moment_is_run_again_and_ends_the_same(tmp_path: Path) -> None:
    write_many(tmp_path / "one", 0, 1000)
    write_many(tmp_path / "two", 1000, 1000)
    command = [sys.executable, "-m", "cnncodes", "codes", "merge", "-q"]
    sources = [str(tmp_path / name) for name in ("one", "two")]
    began = time.monotonic()
    calm = tmp_path / "calm"
    assert subprocess.run([*command, *sources, "-o", str(calm)], timeout=300).returncode == 0
    took, killed = time.monotonic() - began, 0
    moments = random.Random(0)
    for number in range(8):
        out = tmp_path / "out" / str(number)
        job = subprocess.Popen([*command, *sources, "-o", str(out)])
        time.sleep(took * (0.3 + 0.7 * moments.random()))
        job.kill()
        was_killed = job.wait() == -signal.SIGKILL
        killed += was_killed
        took *= 1 if was_killed else 0.7  # the first may have met a busier machine
        if out.exists():
            assert find_problems(out) == []
        else:
            again = subprocess.run([*command, *sources, "-o", str(out)], capture_output=True, timeout=300)
            assert again.returncode == 0, again.stderr
        assert sorted(file.name for file in out.parent.iterdir()) == [str(number)]
        for file in sorted(calm.rglob("*.*")):
            assert (out / file.relative_to(calm)).read_bytes() == file.read_bytes()
        subprocess.run(["rm", "-r", str(out)], check=True)
    assert killed >= 4  # else the moments were wrong


FULL = """
import resource, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from cnncodes.cli import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", ["merge one two -o out", "select one --label cat -o out", "convert one -t npy -o out",
              "convert one -t csv -o out.csv"]
)  # fmt: skip
def test_a_file_that_may_not_grow_is_one_line_and_leaves_nothing(tmp_path: Path, words: str) -> None:
    write_many(tmp_path / "one", 0, 40)
    write_many(tmp_path / "two", 40, 40)
    command = [sys.executable, "-B", "-c", FULL, "100000", "codes", *words.split(), "-q"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert result.returncode == 1 and result.stdout == "", result.stderr
    assert "ulimit -f" in result.stderr and "Nothing was written" in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one", "two"]


@pytest.mark.slow
def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    write_many(tmp_path / "one", 0, 1000)
    write_many(tmp_path / "two", 1000, 1000)
    command = [sys.executable, "-m", "cnncodes", "codes", "merge", "one", "two", "-o", "out", "-q"]
    job = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.tmp/out/data")) and job.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    job.send_signal(signal.SIGINT)
    _, errors = job.communicate(timeout=60)
    if job.returncode != 0:  # it may have been done just then
        assert job.returncode == 130 and "Traceback" not in errors
        assert sorted(file.name for file in tmp_path.iterdir()) == ["one", "two"]
    else:
        assert len(read_codes(tmp_path / "out")) == 8000
