"""Ctrl-C and SIGTERM: whenever they come, what is in hand is kept, once, and the same command goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncodes import embed, load_backbone, read_codes
from cnncodes.backbones import Backbone
from cnncodes.cli.signals import Terminated, ending_when_terminated
from cnncodes.store import ImageCopy, committing, hand, verify_codes, writing

sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("backbones", "store")]
from samples import content_of, fail, make, open_writer, rows_of, write
from small_backbones import write_backbone


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
        writer.relabel({"c": ("dog", "train")})
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


@pytest.mark.parametrize(
    ("number", "status", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
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
    [line] = [line for line in errors.splitlines() if line]
    assert line == f"cnncodes: {word}. What was written is kept; the same command goes on."
    assert 8 <= len(read_codes(out)) < 60
    verify_codes(out)
    assert embed(photos, out, shard_images=4).unchanged >= 8
    assert read_codes(out).to_arrow() == read_codes(calm).to_arrow()


def test_sigterm_raises_only_inside_and_where_nobody_else_handles_it() -> None:
    with pytest.raises(Terminated), ending_when_terminated():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    seen = []
    signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        with ending_when_terminated():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert seen == [signal.SIGTERM]
