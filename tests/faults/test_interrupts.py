"""Ctrl-C and SIGTERM: whenever they come, what is in hand is kept, once, and the same command goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncodes import embed, load_backbone, read_codes
from cnncodes.backbones import Backbone
from cnncodes.store import ImageCopy, committing, hand, verify_codes, writing

sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("backbones", "store", "faults")]
from deadly_opener import write_deadly
from samples import content_of, fail, make, open_writer, rows_of, write
from small_backbones import write_backbone


@pytest.fixture(autouse=True)
def _hang_ups_are_heard() -> Iterator[None]:
    """Whoever runs the tests may ignore SIGHUP (nohup), and so would the jobs."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return load_backbone(write_backbone(tmp_path_factory.mktemp("small"), "mean"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(60):
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def calm(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("calm") / "x.codes"
    embed(photos, out)
    return out


def test_an_interrupt_writes_the_shard_in_hand(photos: Path, tmp_path: Path, backbone: Backbone) -> None:
    def interrupt(done: int, total: int, failed: int) -> None:
        if done == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(photos, tmp_path / "x.codes", backbone=backbone, on_progress=interrupt)
    assert len(read_codes(tmp_path / "x.codes")) == 30
    verify_codes(tmp_path / "x.codes")
    assert embed(photos, tmp_path / "x.codes", backbone=backbone).embedded == 30


class Interrupter:
    """Raises an interrupt before the `count`-th line of what takes and commits results."""

    def __init__(self, count: int) -> None:
        self.left = count

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in (committing.__file__, hand.__file__, writing.__file__):
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


def work(folder: Path) -> None:
    with open_writer(folder, shard_images=2) as writer:
        for key in "cdefg":
            if key not in writer.known and key not in writer.failed:
                writer.add(fail(key) if key == "f" else make(key))
        if writer.known["b"].size == 10:
            writer.add(make("b", size=11))
        if "x" not in writer.known:
            writer.add(ImageCopy("x", "cat", "train", 10, 5, content_of("a")))
        writer.relabel({"c": ("dog", "train", None)})
        writer.drop(["z"])


def interrupted(folder: Path, count: int) -> bool:
    """Do the work in a dataset with an interrupt; tell whether it came."""
    write(folder, [make("a"), make("b"), make("z")])
    before = sys.gettrace()
    sys.settrace(Interrupter(count))
    try:
        work(folder)
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.slow
def test_interrupted_before_any_line_of_many_a_job_keeps_each_image_once(tmp_path: Path) -> None:
    assert not interrupted(tmp_path / "calm", 0)
    count = 1
    while interrupted(tmp_path / str(count), count):
        folder = tmp_path / str(count)
        verify_codes(folder)
        images = read_codes(folder).images.tolist()
        assert len(images) == 2 * len(set(images)), count
        work(folder)
        assert rows_of(folder) == rows_of(tmp_path / "calm"), count
        verify_codes(folder)
        named = {shard.name for shard in read_codes(folder).manifest.shards}
        assert {file.name for file in (folder / "data").iterdir()} == named
        count += 4  # every line takes a minute
    assert count > 400


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        pytest.param(signal.SIGTERM, 143, "terminated", marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, "hung up", marks=pytest.mark.slow),
    ],
)
def test_a_job_that_is_asked_to_end_says_how_to_go_on(
    photos: Path, calm: Path, tmp_path: Path, number: int, status: int, word: str
) -> None:
    out = tmp_path / "x.codes"
    command = [sys.executable, "-m", "cnncodes", "embed", str(photos), "-o", str(out), "--shard-images", "4"]
    job = subprocess.Popen([*command, "-j", "1"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(list(out.glob("data/*.parquet"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.002)
    job.send_signal(number)
    printed, errors = job.communicate(timeout=60)
    assert job.returncode == status and printed == ""
    first, line = [line for line in errors.splitlines() if line]
    assert first.startswith(f"cnncodes: {word}: finishing what is in hand; ")
    assert line == f"cnncodes: {word}. What was written is kept; the same command goes on."
    assert 8 <= len(read_codes(out)) < 60
    verify_codes(out)
    assert embed(photos, out, shard_images=4).unchanged >= 8
    assert read_codes(out).to_arrow() == read_codes(calm).to_arrow()


def start_hanging(folder: Path, limit: float) -> subprocess.Popen[str]:
    """Start a job on a few pictures, of which decoding one never ends; return once that has begun."""
    pictures = folder / "pictures"
    pictures.mkdir()
    for number in range(12):
        Image.fromarray(np.full((48, 64, 3), number, np.uint8)).save(pictures / f"{number:02}.png")
    write_deadly(pictures / "99.png", "wait")
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import deadly_opener\n"
        "deadly_opener.register()\n"
        f"from cnncodes.embedding import lanes; lanes.LIMIT = {limit}\n"
        "from cnncodes.__main__ import main; main()"
    )
    command = [sys.executable, "-c", code, "embed", str(pictures), "-o", str(folder / "x.codes"), "-j", "2"]
    job = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (pictures / "99.png.hangs.tmp").exists():
        assert time.monotonic() < deadline and job.poll() is None, job.communicate()
        time.sleep(0.01)
    time.sleep(1)  # for the other lane to finish, and the writer to have it
    return job


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_what_hangs_is_left_behind_and_what_was_finished_is_kept(
    tmp_path: Path, number: int, status: int
) -> None:
    job = start_hanging(tmp_path, 1.0)
    started = time.monotonic()
    job.send_signal(number)
    _, errors = job.communicate(timeout=30)
    assert job.returncode == status and 0.9 < time.monotonic() - started < 10
    assert errors.splitlines()[-1].endswith("What was written is kept; the same command goes on.")
    verify_codes(tmp_path / "x.codes")
    assert len(read_codes(tmp_path / "x.codes")) == 12


@pytest.mark.slow
def test_a_second_signal_ends_a_job_at_once(tmp_path: Path) -> None:
    job = start_hanging(tmp_path, 60.0)
    job.send_signal(signal.SIGINT)
    assert job.stderr is not None
    assert [job.stderr.readline(), job.stderr.readline()] == [
        "\n",
        "cnncodes: interrupted: finishing what is in hand; press Ctrl-C again to stop at once.\n",
    ]
    job.send_signal(signal.SIGINT)  # the same that comes twice, to a process and to its group
    time.sleep(1)
    assert job.poll() is None
    job.send_signal(signal.SIGINT)
    _, errors = job.communicate(timeout=10)
    assert (job.returncode, errors) == (130, "cnncodes: stopped at once. No file is half written.\n")
    (tmp_path / "pictures" / "99.png").unlink()
    assert embed(tmp_path / "pictures", tmp_path / "x.codes").embedded == 12
    verify_codes(tmp_path / "x.codes")


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "hung up"),
    ],
)
def test_a_signal_while_the_program_is_loaded_is_one_line(
    tmp_path: Path, number: int, status: int, word: str
) -> None:
    # The first module that is loaded after signals are watched; it holds the program up for the signal.
    code = (
        "import sys, time\n"
        "class Slow:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'cnncodes.cli':\n"
        "            print('loading', flush=True); time.sleep(30)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "from cnncodes.__main__ import main; main()"
    )
    command = [sys.executable, "-c", code, "embed", "x", "-o", str(tmp_path / "y")]
    job = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert job.stdout is not None and job.stdout.readline() == "loading\n"
    job.send_signal(number)
    _, errors = job.communicate(timeout=20)
    assert (job.returncode, errors.strip()) == (status, f"cnncodes: {word}. Nothing was begun.")


@pytest.mark.slow
def test_signals_that_somebody_ignores_stay_ignored(photos: Path, tmp_path: Path) -> None:
    """As nohup does with SIGHUP."""
    command = [sys.executable, "-m", "cnncodes", "embed", str(photos), "-o", str(tmp_path / "x.codes")]
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        job = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    time.sleep(0.3)
    job.send_signal(signal.SIGHUP)
    _, errors = job.communicate(timeout=60)
    assert job.returncode == 0, errors
