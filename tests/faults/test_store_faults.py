"""The store under real faults: killed at every step, a full disk, two writers at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncodes.store import read_codes, verify_codes

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "store"

# Runs a whole job: resume, drop what changed, add what is missing, a copy among it. Before the k-th of the
# calls that put something on disk it kills itself, and also when half of a file is written; between two of
# them nothing on disk changes. Each run is a process of its own, forked from one that has the imports done
# and has used none of them.
JOB = """
import os, pathlib, signal, sys, traceback
import numpy.random, pandas, pyarrow.acero, pyarrow.dataset  # else each child loads them anew
sys.path[:0] = sys.argv[1].split(os.pathsep)
from killing import arm, deadly, run
from samples import content_of, fail, make, open_writer, rows_of, write
from cnncodes.store import ImageCopy, files, read_codes, verify_codes
class Torn:
    def __init__(self, path, mode):
        self.file = open(path, mode)
    def write(self, data):
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        deadly(self.file.write)(data[len(data) // 2 :])
    def __getattr__(self, name):
        return getattr(self.file, name)
    def __enter__(self):
        return self
    def __exit__(self, *error):
        self.file.close()
def job(folder, k=0):
    arm(k, ("replace", "fsync", "ftruncate", "unlink", "mkdir"))
    files.open = Torn
    with open_writer(folder, shard_images=3) as writer:
        wanted = {key: 11 if key in "bh" else 10 for key in "abcdfghiy"}
        writer.drop([key for key, image in writer.known.items() if wanted.get(key) != image.size])
        for key in "abcdefghi":
            if key == "e":
                writer.add(fail(key))
            elif key not in writer.known:
                writer.add(make(key, size=wanted[key]))
        if "y" not in writer.known:  # of one that is stored
            writer.add(ImageCopy("y", "dog", None, 10, 5, content_of("a")))
        writer.flush()
def begin(folder):  # b and h differ from what the job wants, z has vanished, d failed then
    if sys.argv[3] == "old":
        old = [make("a"), make("b"), fail("d"), make("h"), make("z")]
        assert run(write, folder, old) == (0, 0)
def check_killed(folder):
    if (folder / "manifest.json").exists():
        read_codes(folder)
        verify_codes(folder)
def check_resumed(folder, calm):
    assert rows_of(folder) == rows_of(calm)
    verify_codes(folder)
    assert {file.name for file in folder.iterdir()} == {"data", "failures.parquet", "manifest.json", ".lock"}
    named = {shard.name for shard in read_codes(folder).manifest.shards}
    assert {file.name for file in (folder / "data").iterdir()} == named
root = pathlib.Path(sys.argv[2])
begin(root / "calm")
status, steps = run(job, root / "calm")
assert status == 0
for k in range(1, steps + 1):
    folder = root / str(k)
    begin(folder)
    assert run(job, folder, k) == (-signal.SIGKILL, 0), k
    assert run(check_killed, folder)[0] == 0, k
    assert run(job, folder)[0] == 0, k
    assert run(check_resumed, folder, root / "calm")[0] == 0, k
print(steps)
"""


@pytest.mark.slow
@pytest.mark.parametrize("start", ["empty", "old"])
def test_killed_at_any_step_a_job_ends_the_same(tmp_path: Path, start: str) -> None:
    command = [sys.executable, "-c", JOB, os.pathsep.join(map(str, (SAMPLES, HERE))), str(tmp_path), start]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 20  # else nothing was hooked


FILL = """
import pathlib, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from dataclasses import replace
import samples
from cnncodes.errors import StoreError
from cnncodes.store import CodesWriter
limit = int(sys.argv[3])
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
space = replace(samples.SPACE, code_size=5000)
rng = np.random.default_rng(0)
try:
    with CodesWriter.open(pathlib.Path(sys.argv[2]), space, samples.VIEWS, shard_images=4) as writer:
        for number in range(400):
            views = 2 if number < 8 or not limit else 40
            image = samples.make(f"{number:04d}", views=views)
            codes = rng.normal(size=(views, 5000)).astype(np.float32)
            if image.key not in writer.known:
                writer.add(replace(image, codes=codes))
except StoreError as error:
    print(error)
    sys.exit(9)
"""


def fill(folder: Path, limit: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", "-c", FILL, str(SAMPLES), str(folder), str(limit)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def check_full(
    folder: Path, result: subprocess.CompletedProcess[str], said: str = "the disk is full"
) -> None:
    assert result.returncode == 9, result.stderr
    assert said in result.stdout and result.stdout.count("\n") == 1
    codes = read_codes(folder)
    assert len(codes) >= 8 and not codes.complete
    verify_codes(folder)
    assert not list(folder.glob(".*.tmp"))
    assert len(list((folder / "data").iterdir())) == len(codes.manifest.shards)


def test_a_file_that_may_not_grow_is_told_from_a_full_disk(tmp_path: Path) -> None:
    result = fill(tmp_path / "x", limit=200_000)
    check_full(tmp_path / "x", result, "larger than a file may be that this user writes")
    assert "ulimit -f" in result.stdout and "free some space" not in result.stdout


@pytest.fixture
def tiny_disk(small_disk: Callable[[str], Path]) -> Path:
    return small_disk("1m")


@pytest.mark.slow
def test_a_full_disk_keeps_what_was_finished_and_resumes(tiny_disk: Path) -> None:
    result = fill(tiny_disk / "x")
    check_full(tiny_disk / "x", result)
    rows = len(read_codes(tiny_disk / "x"))
    check_full(tiny_disk / "x", fill(tiny_disk / "x"))  # still full: the same clear line
    assert len(read_codes(tiny_disk / "x")) >= rows
    subprocess.run(["mount", "-o", "remount,size=64m", str(tiny_disk)], check=True)
    resumed = fill(tiny_disk / "x")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    codes = read_codes(tiny_disk / "x")
    assert codes.complete and len(set(codes.images)) == 400 and len(codes) == 800


@pytest.mark.slow
def test_a_second_process_is_refused_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    hold = (
        f"import sys; sys.path.insert(0, {str(SAMPLES)!r})\n"
        "from pathlib import Path; from samples import open_writer\n"
        f"writer = open_writer(Path({str(tmp_path / 'x')!r})); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert refused.returncode == 1
        assert f"process {holder.pid} on host" in refused.stderr
    finally:
        holder.kill()
        holder.communicate()
    freed = subprocess.run(command, input="", capture_output=True, text=True, timeout=60)
    assert freed.stdout == "held\n"


# A refused job marks images in failures.parquet, and a later one finds some restored; each is killed before
# the k-th call.
MARKS = """
import os, pathlib, shutil, sys
import numpy.random, pandas, pyarrow.acero, pyarrow.dataset  # else each child loads them anew
sys.path[:0] = sys.argv[1].split(os.pathsep)
from killing import arm, run
from samples import fail, make, open_writer, write
from cnncodes.store import Manifest
from cnncodes.store.failing import explain_wrong_list, list_failures
root = pathlib.Path(sys.argv[2])
assert run(write, root / "0", [*map(make, "abcd")]) == (0, 0)
def job(folder, kept, k=0):
    arm(k, ("replace", "rename", "fsync", "ftruncate", "unlink", "mkdir"))
    with open_writer(folder) as writer:
        for key in "abcd":
            if key not in kept and key in writer.failed:
                writer.add(make(key, size=11))
        writer.keep_codes(map(fail, kept))
        writer.settle_marks()
before, k = root / "0", 0
for kept in "abc", "bc", "bcd":
    status, steps = run(job, shutil.copytree(before, root / kept), kept)
    assert status == 0
    for k in range(1, steps + 1):
        folder = shutil.copytree(before, root / f"{kept}{k}")
        assert run(job, folder, kept, k)[0] == -9
        marked = sum(failure.codes_kept for failure in list_failures(folder))
        assert Manifest.read(folder).codes_kept >= marked, (kept, k)
        assert explain_wrong_list(folder, Manifest.read(folder)) is None, (kept, k)
        assert run(job, folder, kept)[0] == 0
        assert Manifest.read(folder).codes_kept == len(kept), (kept, k)
    before = root / kept
print(k)
"""


def test_a_kill_never_has_the_manifest_say_too_little_or_what_is_not_so_of_the_failures(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-B", "-c", MARKS, f"{HERE}{os.pathsep}{SAMPLES}", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0 and int(result.stdout) > 5, result.stderr
