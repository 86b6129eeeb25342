"""Too little memory, or too few threads or open files: one line that says so, and nothing called damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from cnncodes import embed, load_backbone, read_codes

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / "store"), str(HERE.parent / "backbones")]

from samples import fail, make, open_writer, write  # noqa: E402
from small_backbones import write_backbone  # noqa: E402

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="memory and threads are limited as Linux does"
)

# The command line with a limit that is set when all is loaded. Threads of root are not limited.
SHORT = """
import ctypes, os, resource, sys
import pyarrow.compute, pyarrow.parquet
from cnncodes.cli import main
from cnncodes.store import merging, repairing, summary, verifying, writing
kind, room, *words = sys.argv[1:]
if kind == "threads":
    if os.geteuid() == 0:  # becomes nobody, who may read and write every file as before
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.prctl(8, 1, 0, 0, 0) == 0  # PR_SET_KEEPCAPS
        os.setuid(65534)
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
        rights = (ctypes.c_uint32 * 6)(0b110, 0b110)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        assert libc.capset(header, rights) == 0
    resource.setrlimit(resource.RLIMIT_NPROC, (int(room), int(room)))
elif kind == "files":
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1 + int(room),) * 2)
else:
    used = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmSize"))
    resource.setrlimit(resource.RLIMIT_AS, (int(used) * 1024 + int(room),) * 2)
"""
COMMAND = f"{SHORT}sys.exit(main(words))\n"
WRITER = f"""{SHORT}
sys.path[:0] = [words[0]]
from samples import open_writer
open_writer(words[1])
"""


def run_short(
    kind: str, room: int, folder: Path, *words: str, script: str = COMMAND
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", "-c", script, kind, str(room), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)


def list_contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file() and not file.name.endswith("lock"))
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.mark.parametrize(("kind", "room"), [("threads", 1), ("memory", 2**20)])
@pytest.mark.parametrize("words", ["verify one", "info one", "merge one two -o out", "repair lost"])
def test_sound_files_are_not_called_damaged(tmp_path: Path, kind: str, room: int, words: str) -> None:
    write(tmp_path / "one", [*map(make, "abc"), fail("z")])
    write(tmp_path / "two", [*map(make, "def"), fail("y")])
    write(tmp_path / "lost", [*map(make, "abc"), fail("z")])
    (tmp_path / "lost" / "manifest.json").unlink()
    before = list_contents(tmp_path)
    done = run_short(kind, room, tmp_path, "codes", *words.split())
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert done.stderr.count("\n") == 1 and "ulimit -" in done.stderr
    assert "damaged" not in done.stderr and "delete" not in done.stderr
    assert list_contents(tmp_path) == before


@pytest.mark.parametrize(("kind", "room"), [("threads", 1), ("memory", 2**20)])
def test_what_a_killed_job_left_stays_where_it_cannot_be_read_now(
    tmp_path: Path, kind: str, room: int
) -> None:
    out = tmp_path / "out"
    write(out, [make("a")])
    named = (out / "manifest.json").read_bytes()
    with open_writer(out) as writer:
        writer.add(make("b"))
    (out / "manifest.json").write_bytes(named)
    before = list_contents(out)
    samples = str(HERE.parent / "store")
    done = run_short(kind, room, tmp_path, samples, "out", script=WRITER)
    assert "cannot be read now" in done.stderr.splitlines()[-1], done.stderr
    assert list_contents(out) == before


def test_without_a_thread_for_signals_the_command_does_not_begin(tmp_path: Path) -> None:
    script = f"{SHORT}\nfrom cnncodes.__main__ import main\nmain()\n"
    done = run_short("threads", 1, tmp_path, "codes", "info", "one", script=script)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "cnncodes: the command cannot begin: this process may start no more threads"
    )
    assert done.stderr.count("\n") == 1


# The same after a job without a limit, which loads all that one takes.
EMBED = (
    SHORT.replace(
        "kind, room",
        """
assert main(["embed", "small", "-o", "warm.codes", "--backbone", "net", "-j", "1", "-q"]) == 0
kind, room""",
        1,
    )
    + "sys.exit(main(['embed', *words]))\n"
)


JOB = ("photos", "-o", "x.codes", "--backbone", "net", "-j", "1")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_backbone(tmp_path / "net", "mean")
    for name, side in (("small/a", 64), ("photos/a", 64), ("photos/big", 5000), ("photos/z", 32)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (side, side), side % 251).save(tmp_path / f"{name}.png", compress_level=1)
    return tmp_path / "photos"


@pytest.mark.slow
@pytest.mark.parametrize("grows", [1, 2**27])
def test_an_image_for_which_memory_is_short_keeps_its_codes_and_is_tried_again(
    photos: Path, tmp_path: Path, grows: int
) -> None:
    """It can be read and not decoded, or not even be read."""
    backbone, out = load_backbone(tmp_path / "net"), tmp_path / "x.codes"
    embed(photos, out, backbone=backbone)
    with open(photos / "big.png", "ab") as file:
        file.truncate(file.tell() + grows)  # what stands after a PNG's end is not looked at
    done = run_short("memory", 2**25, tmp_path, *JOB, script=EMBED)
    assert done.returncode == 3, done.stderr
    told = "1 failed, 1 of them out of reach or too large for the memory, whose codes from before stay"
    assert told in done.stdout
    assert len(read_codes(out).images) == 3
    summary = embed(photos, out, backbone=backbone)
    assert (summary.embedded, summary.unchanged, summary.failed) == (1, 2, 0)


@pytest.mark.parametrize("room", range(4))
def test_no_image_fails_for_too_many_open_files(photos: Path, tmp_path: Path, room: int) -> None:
    done = run_short("files", room, tmp_path, *JOB, script=EMBED)
    assert done.returncode == (room < 2), done.stderr
    if room < 2:
        assert done.stderr.count("\n") == 1
        assert "this process may open no more files (`ulimit -n` says how many)" in done.stderr
    summary = embed(photos, tmp_path / "x.codes", backbone=tmp_path / "net")
    assert (summary.embedded + summary.unchanged, summary.failed) == (3, 0)


def test_a_job_that_may_start_no_lane_says_so(photos: Path, tmp_path: Path) -> None:
    done = run_short("threads", 1, tmp_path, *JOB, script=EMBED)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "this process may start no more threads" in done.stderr
