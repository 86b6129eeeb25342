"""The embedding job itself under real faults: killed, interrupted, files changing under it."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cnncodes import embed, read_codes
from cnncodes.errors import StoreError
from cnncodes.store import verify_codes
from cnncodes.store.verifying import find_problems

N_IMAGES = 40


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
def undisturbed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    out = tmp_path_factory.mktemp("calm") / "x.codes"
    embed(photos, out, shard_images=4)
    return rows(out)


def rows(out: Path) -> tuple[Any, Any]:
    codes = read_codes(out)
    return codes.to_arrow().to_pylist(), codes.failures.to_pylist()


def start(photos: Path, out: Path, **options: Any) -> subprocess.Popen[str]:
    # Ten shards, so that a kill comes between two of them.
    command = [sys.executable, "-m", "cnncodes", "embed", str(photos), "-o", str(out), "--shard-images", "4"]
    return subprocess.Popen(
        [*command, "--max-failures", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def wait_for_shards(out: Path, n_shards: int) -> None:
    deadline = time.monotonic() + 60
    while len(list(out.glob("data/*.parquet"))) < n_shards:
        assert time.monotonic() < deadline, "the job wrote no shard in a minute"
        time.sleep(0.002)


@pytest.mark.parametrize("n_shards", [4, *(pytest.param(count, marks=pytest.mark.slow) for count in (1, 8))])
def test_a_killed_job_is_run_again_and_ends_with_the_same_rows(
    photos: Path, undisturbed: tuple[Any, Any], tmp_path: Path, n_shards: int
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


def run(photos: Path, out: Path, *others: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cnncodes", "embed", str(photos), "-o", str(out), *others]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def complaint(result: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a job which failed leaves besides its progress."""
    assert result.returncode == 1 and result.stdout == ""
    [line] = [line for line in result.stderr.splitlines() if not line.startswith("embedding: ")]
    return line


@pytest.mark.slow
def test_a_second_job_says_who_holds_the_folder(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.codes"
    first = start(photos, out)
    wait_for_shards(out, 1)
    first.send_signal(signal.SIGSTOP)
    second = complaint(run(photos, out))
    assert f"x.codes is being written by process {first.pid} on host {socket.gethostname()}. Wait" in second
    first.send_signal(signal.SIGCONT)
    first.communicate(timeout=60)
    assert first.returncode == 0
    verify_codes(out)


@pytest.mark.slow
@pytest.mark.parametrize("removed", ["x.codes", "x.codes/.lock"])
def test_a_job_whose_lock_was_removed_stops_and_the_second_one_is_whole(
    photos: Path, undisturbed: tuple[Any, Any], tmp_path: Path, removed: str
) -> None:
    out = tmp_path / "x.codes"
    first = start(photos, out)
    wait_for_shards(out, 1)
    first.send_signal(signal.SIGSTOP)
    (tmp_path / removed).rename(tmp_path / "elsewhere")
    assert run(photos, out, "--shard-images", "4", "--max-failures", "1").returncode == 0
    first.send_signal(signal.SIGCONT)
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 1
    assert "is not the file any more that this job has locked" in errors and "Traceback" not in errors
    assert rows(out) == undisturbed
    verify_codes(out)


@pytest.mark.slow
def test_a_shard_corrupted_by_hand_is_found_and_made_again(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.codes"
    embed(photos, out, shard_images=10)
    expected = rows(out)
    shard = out / "data" / "part-00001.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 255  # in the codes
    shard.write_bytes(data)
    command = [sys.executable, "-m", "cnncodes", "codes", "verify", str(out)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (
        found.returncode == 1
        and "part-00001.parquet is damaged, or the manifest is: its sha256 is" in found.stdout
    )
    assert "delete it and run the same `cnncodes embed` again" in found.stdout
    shard.write_bytes(data[:-100])  # its end, by which even a look at its images fails
    assert "part-00001.parquet is damaged" in complaint(run(photos, out, "--shard-images", "10"))
    shard.unlink()
    again = embed(photos, out, shard_images=10)
    assert (again.embedded, again.unchanged) == (10, 30)
    assert rows(out) == expected
    verify_codes(out)


@pytest.fixture
def disk(small_disk: Callable[[str], Path]) -> Path:
    """A small disk of its own."""
    return small_disk("120k")


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_job_goes_on_when_there_is_room(
    photos: Path, undisturbed: tuple[Any, Any], disk: Path
) -> None:
    out = disk / "x.codes"
    line = complaint(run(photos, out, "--shard-images", "4"))
    assert line.startswith(f"cnncodes: cannot write {out}") and "the disk is full" in line
    assert "free some space and run the same command again" in line
    kept = len(read_codes(out))
    assert 0 < kept < N_IMAGES
    verify_codes(out)
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    again = run(photos, out, "--shard-images", "4", "--max-failures", "1")
    assert again.returncode == 0
    there = re.search(r"(\d+) already there", again.stdout)
    assert there is not None and int(there[1]) in (kept, kept + 4)  # one shard may lack but its name
    assert rows(out) == undisturbed
    verify_codes(out)


def obey_rights() -> None:
    """Let the process that is started obey rights although it is root's: drop what overrides them."""
    if os.geteuid() == 0:
        drop, override = 24, 1  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
        if ctypes.CDLL(None).prctl(drop, override, 0, 0, 0) != 0:
            raise OSError("capabilities cannot be dropped")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's capabilities")
def test_a_folder_made_read_only_during_the_job_is_one_line(
    photos: Path, undisturbed: tuple[Any, Any], tmp_path: Path
) -> None:
    out = tmp_path / "x.codes"
    job = start(photos, out, preexec_fn=obey_rights)
    wait_for_shards(out, 2)
    for folder in (out, out / "data"):
        folder.chmod(0o555)
    printed, errors = job.communicate(timeout=60)
    for folder in (out, out / "data"):
        folder.chmod(0o755)
    line = complaint(subprocess.CompletedProcess(job.args, job.returncode, printed, errors))
    assert line.startswith(f"cnncodes: cannot write {out}")
    assert line.endswith("Permission denied. Check the folder and its rights.")
    assert 0 < len(read_codes(out)) < N_IMAGES
    verify_codes(out)
    assert run(photos, out, "--shard-images", "4", "--max-failures", "1").returncode == 0
    assert rows(out) == undisturbed
    verify_codes(out)


def test_images_that_vanish_or_shrink_during_the_job_are_failures(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, path in enumerate(sorted(photos.glob("*/*.png"))):
        os.link(path, folder / f"{i:02}.png")
    seen = []

    def vanish(done: int, total: int, failed: int) -> None:
        if done == 1:
            (folder / "40.png").unlink()
            (folder / "39.png").unlink()
            (folder / "39.png").touch()
        seen.append(failed)

    summary = embed(folder, tmp_path / "x.codes", n_jobs=1, on_progress=vanish)
    failures = {failure.key: failure.stage for failure in summary.failures}
    assert failures["40.png"] == "read" and failures["39.png"] == "decode"
    assert summary.embedded + summary.failed == N_IMAGES + 1


@pytest.mark.parametrize("in_place", [False, True])
def test_rows_of_a_table_that_is_replaced_during_the_job_never_have_anothers_picture(
    photos: Path, tmp_path: Path, in_place: bool
) -> None:
    pictures = [path.read_bytes() for path in sorted(photos.glob("class*/[0-9]*.png"))]
    labels = [f"{i:02}" for i in range(N_IMAGES)]
    table, other = tmp_path / "x.parquet", tmp_path / "other"
    pq.write_table(pa.table({"image": pictures, "label": labels}), table)
    pq.write_table(pa.table({"image": pictures[::-1], "label": labels}), other)

    def replace(done: int, total: int, failed: int) -> None:
        if other.exists():
            if in_place:
                table.write_bytes(other.read_bytes())
            other.unlink() if in_place else other.replace(table)

    options = {"backbone": "efficientnet-lite0", "shard_images": 4, "n_jobs": 1}
    interrupted = embed(table, tmp_path / "x.codes", on_progress=replace, **options)
    reasons = {failure.reason for failure in interrupted.failures}
    assert interrupted.failed and all("has changed since it was listed" in reason for reason in reasons)
    again = embed(table, tmp_path / "x.codes", **options)
    assert (again.failed, again.unchanged) == (0, 0)
    embed(table, tmp_path / "y.codes", **options)
    assert rows(tmp_path / "x.codes") == rows(tmp_path / "y.codes")


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["damaged", pytest.param("deleted", marks=pytest.mark.slow)])
def test_a_manifest_is_repaired_and_nothing_is_embedded_again(
    photos: Path, undisturbed: tuple[Any, Any], tmp_path: Path, fault: str
) -> None:
    out = tmp_path / "x.codes"
    embed(photos, out, shard_images=4)
    manifest = out / "manifest.json"
    if fault == "deleted":
        manifest.unlink()
    else:
        manifest.write_bytes(manifest.read_bytes()[:-500])
    assert f"`cnncodes codes repair {out}`" in complaint(run(photos, out))
    command = [sys.executable, "-m", "cnncodes", "codes", "repair", str(out)]
    repaired = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert repaired.returncode == 0 and repaired.stderr == ""
    assert f"made anew from 11 shards, {N_IMAGES} images, {N_IMAGES} rows" in repaired.stdout
    assert rows(out) == undisturbed
    again = run(photos, out, "--max-failures", "1", "--shard-images", "4")
    assert again.returncode == 0 and f"0 of 41 images embedded, {N_IMAGES} already there" in again.stdout
    assert rows(out) == undisturbed and find_problems(out) == []


@pytest.mark.slow
def test_verify_says_which_process_writes_now(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.codes"
    job = start(photos, out)
    wait_for_shards(out, 2)
    job.send_signal(signal.SIGSTOP)
    command = [sys.executable, "-m", "cnncodes", "codes", "verify", str(out)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    job.send_signal(signal.SIGCONT)
    job.communicate(timeout=60)
    assert found.returncode == 0, found.stdout
    who = f"process {job.pid} on host {socket.gethostname()}"
    assert f"{out} is being written now by {who}; what it has finished is sound: " in found.stdout
    assert subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.count("is sound: ") == 1


def cut_off(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-100])


def pad(shard: Path) -> None:  # still a Parquet file, and of as many rows
    data = shard.read_bytes()
    shard.write_bytes(data[:4] + b"\0" + data[4:])


def flip_in_names(shard: Path) -> None:
    with pq.ParquetFile(shard) as file:
        column = file.metadata.row_group(0).column(file.schema_arrow.names.index("content"))
        start = column.dictionary_page_offset or column.data_page_offset
    data = bytearray(shard.read_bytes())
    data[start + column.total_compressed_size // 2] ^= 1
    shard.write_bytes(data)


def flip_in_codes(shard: Path) -> None:
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 255
    shard.write_bytes(data)


@pytest.mark.parametrize("damage", [cut_off, pad, flip_in_names, flip_in_codes])
def test_a_damaged_shard_is_deleted_as_the_line_says_and_its_images_alone_are_embedded_again(
    photos: Path, undisturbed: tuple[Any, Any], tmp_path: Path, damage: Any
) -> None:
    out, mine = tmp_path / "x.codes", tmp_path / "photos"
    shutil.copytree(photos, mine)
    embed(mine, out, shard_images=10)
    shard = out / "data" / "part-00001.parquet"
    damage(shard)
    if damage is flip_in_codes:  # not looked at while nothing asks for these codes: then a copy does
        assert embed(mine, out, shard_images=10).unchanged == N_IMAGES
        first = str(pq.read_table(shard, columns=["image"])["image"][0])
        shutil.copy(mine / first, mine / "class 0" / "copy.png")
    with pytest.raises(StoreError) as caught:
        embed(mine, out, shard_images=10)
    line = str(caught.value)
    assert line.startswith(f"{shard} is damaged") and "delete it and run the same `cnncodes embed`" in line
    (mine / "class 0" / "copy.png").unlink(missing_ok=True)
    shard.unlink()
    summary = embed(mine, out, shard_images=10)
    assert 9 <= summary.embedded <= 10 and summary.unchanged == N_IMAGES - summary.embedded
    assert [r | {"mtime": 0} for r in rows(out)[0]] == [r | {"mtime": 0} for r in undisturbed[0]]
    assert find_problems(out) == []
