"""Images that end who decodes them: each costs itself, and whatever ends the job leaves no process behind."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import spawn
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes import embed, load_backbone, read_codes
from cnncodes.backbones import Backbone
from cnncodes.embedding import engine
from cnncodes.embedding.isolation import Isolation
from cnncodes.errors import WorkerError
from cnncodes.store import verify_codes

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "backbones")]
import deadly_opener
from deadly_opener import Sleeper, find_workers, is_running, write_deadly
from small_backbones import write_backbone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

N_IMAGES = 12
N_KILLED = 80


@pytest.fixture(autouse=True)
def _opener() -> Iterator[None]:
    deadly_opener.register()
    yield
    deadly_opener.unregister()
    assert find_workers(os.getpid()) == []  # whatever a test did


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return load_backbone(write_backbone(tmp_path_factory.mktemp("small"), "mean"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(N_IMAGES):
        pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return folder


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.mark.slow
def test_each_image_that_ends_its_process_costs_itself(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    embed(photos, tmp_path / "calm.codes", backbone=backbone)
    deeds = {
        "crash": "was killed by signal 11 (SIGSEGV)",
        "SIGABRT": "was killed by signal 6 (SIGABRT)",
        "SIGKILL": "was killed by signal 9 (SIGKILL), as the system does where memory is short",
        "exit": "ended with status 3",
    }
    for number, deed in enumerate(deeds):
        write_deadly(photos / f"{2 * number:02}-{deed}.jpg", deed)
    summary = embed(photos, tmp_path / "x.codes", backbone=backbone, isolate=True, n_jobs=2)
    assert (summary.embedded, summary.failed) == (N_IMAGES, len(deeds))
    found = {failure.key.split("-")[1][:-4]: (failure.stage, failure.reason) for failure in summary.failures}
    stages = {"SIGKILL": "memory"}
    assert found == {
        deed: (stages.get(deed, "decode"), f"the process that decoded it {reason}")
        for deed, reason in deeds.items()
    }
    limits = {failure.key[3:-4]: failure.limited_by for failure in summary.failures}
    assert limits == {**dict.fromkeys(deeds), "SIGKILL": "machine_memory"}
    assert read_codes(tmp_path / "x.codes").to_arrow() == read_codes(tmp_path / "calm.codes").to_arrow()
    again = embed(photos, tmp_path / "x.codes", backbone=backbone)  # not tried again, and so not here either
    assert (again.unchanged, again.still_failed) == (N_IMAGES, len(deeds))


@pytest.mark.slow
def test_processes_that_are_there_for_speed_cost_an_image_that_ends_them_too(
    photos: Path, tmp_path: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given to them with others, which are tried again one by one."""
    embed(photos, tmp_path / "calm.codes", backbone=backbone)
    for number, deed in enumerate(("crash", "exit")):
        write_deadly(photos / f"{5 * number:02}-{deed}.jpg", deed)
    monkeypatch.setattr(engine, "_THREADS", 1)
    monkeypatch.setattr(engine, "_WORTH", 10)
    summary = embed(photos, tmp_path / "x.codes", backbone=backbone, n_jobs=2)
    assert [(failure.key, failure.reason) for failure in summary.failures] == [
        ("00-crash.jpg", "the process that decoded it was killed by signal 11 (SIGSEGV)"),
        ("05-exit.jpg", "the process that decoded it ended with status 3"),
    ]
    assert read_codes(tmp_path / "x.codes").to_arrow() == read_codes(tmp_path / "calm.codes").to_arrow()


def test_a_process_killed_from_outside_costs_the_image_it_had(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    victim = write_deadly(photos / "05-victim.jpg", "hang")

    def kill() -> None:
        wait_until(Path(f"{victim}.hangs.tmp").exists)
        [pid] = find_workers(os.getpid())
        os.kill(pid, signal.SIGSEGV)

    killer = threading.Thread(target=kill)
    killer.start()
    summary = embed(photos, tmp_path / "x.codes", backbone=backbone, isolate=True, n_jobs=1)
    killer.join()
    assert summary.embedded == N_IMAGES
    [failure] = summary.failures
    assert failure.key == victim.name
    assert failure.reason == "the process that decoded it was killed by signal 11 (SIGSEGV)"


@pytest.mark.slow
def test_an_image_that_hangs_or_takes_too_much_is_given_up(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    write_deadly(photos / "03-slow.jpg", "hang")
    write_deadly(photos / "04-large.jpg", "memory")
    summary = embed(
        photos,
        tmp_path / "x.codes",
        backbone=backbone,
        isolate=True,
        n_jobs=1,
        decode_seconds=2,
        max_memory="300M",
    )
    assert summary.embedded == N_IMAGES
    slow, large = (failure.reason for failure in summary.failures)
    assert slow == ("decoding it took more than 2 s (--decode-seconds, in Python decode_seconds, raises it)")
    assert large == "not enough memory to decode it"
    out = tmp_path / "x.codes"
    # Without isolation nothing would end them, and so a limit that is not there is no higher one.
    assert embed(photos, out, backbone=backbone, max_memory="400M").still_failed == 2
    limits = [{"isolate": True, "n_jobs": 1, "max_memory": "300M", "decode_seconds": s} for s in (2, 3)]
    assert embed(photos, out, backbone=backbone, **limits[0]).still_failed == 2
    longer = embed(photos, out, backbone=backbone, **limits[1])
    assert (longer.failed, longer.still_failed) == (2, 1)
    assert longer.failures[-1].reason.startswith("decoding it took more than 3 s")


@pytest.mark.slow
def test_an_image_whose_process_is_stopped_is_tried_once_more_and_given_up(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    write_deadly(photos / "03-stopped.jpg", "SIGSTOP")
    started = time.monotonic()
    summary = embed(photos, tmp_path / "x.codes", backbone=backbone, isolate=True, n_jobs=1, decode_seconds=1)
    assert time.monotonic() - started < 30
    assert summary.embedded == N_IMAGES
    [failure] = summary.failures
    assert failure.reason.startswith("decoding it took more than 1 s")


@pytest.mark.slow
def test_an_image_that_a_halt_made_late_is_tried_once_more(tmp_path: Path) -> None:
    mark = tmp_path / "begun"
    with Isolation(0.5, 2**28).start(Sleeper(str(mark))) as workers, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(workers.work, b"picture", "")
        while not mark.exists():
            time.sleep(0.01)
        [pid] = find_workers(os.getpid())
        os.kill(pid, signal.SIGSTOP)  # as the whole job is, where a container is frozen
        time.sleep(2)
        os.kill(pid, signal.SIGCONT)
        assert answer.result(20) == ({"done": True}, None)
        assert not is_running(pid)


@pytest.mark.slow
@pytest.mark.timeout(30)
def test_a_process_that_is_stopped_between_two_images_costs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnncodes.embedding import decoding_worker
    from cnncodes.embedding.cutting import ColorMeter
    from cnncodes.images import Decoding

    monkeypatch.setattr(decoding_worker, "_GRACE", 0.3)
    data = b"P6 1 1 255 abc" + bytes(2**22)  # more than a pipe holds
    with Isolation(0.5, 2**28).start(ColorMeter(Decoding())) as workers:
        before = workers.work(data, "")
        [pid] = find_workers(os.getpid())
        os.kill(pid, signal.SIGSTOP)
        assert workers.work(data, "") == before
        assert not is_running(pid)


@pytest.mark.slow
def test_colours_are_learned_without_images_that_end_their_process(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    embed(photos, tmp_path / "calm.codes", backbone=backbone, views="pca:1")
    write_deadly(photos / "03.jpg", "crash")
    summary = embed(photos, tmp_path / "x.codes", backbone=backbone, views="pca:1", isolate=True, n_jobs=1)
    assert (summary.embedded, summary.failed) == (N_IMAGES, 1)
    assert read_codes(tmp_path / "x.codes").to_arrow() == read_codes(tmp_path / "calm.codes").to_arrow()


def test_processes_that_end_as_they_start_are_an_error(
    photos: Path, tmp_path: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "numpy.py").write_text("raise SystemExit(7)")
    monkeypatch.syspath_prepend(tmp_path / "broken")
    with pytest.raises(WorkerError, match="3 processes in a row.*the last ended with status 7"):
        embed(photos, tmp_path / "x.codes", backbone=backbone, isolate=True, n_jobs=1)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(WorkerError, match="this program is none"):
        embed(photos, tmp_path / "x.codes", backbone=backbone, isolate=True, n_jobs=1)
    monkeypatch.setattr(spawn, "_python_exe", os.fsencode(tmp_path / "nothing"))  # what set_executable sets
    with pytest.raises(WorkerError, match="cannot be started: .*nothing"):
        embed(photos, tmp_path / "x.codes", backbone=backbone, isolate=True, n_jobs=1)


def test_a_lack_of_open_files_is_no_reason_for_more_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnncodes.embedding.cutting import ColorMeter
    from cnncodes.images import Decoding

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with (
        Isolation(60, 2**28).start(ColorMeter(Decoding())) as workers,
        pytest.raises(WorkerError, match="cannot be started: .*`ulimit -n`") as caught,
    ):
        workers.work(b"P6 1 1 255 abc", "")
    assert "-j" not in str(caught.value)


def test_one_that_ended_between_two_images_costs_none_and_a_bug_is_raised() -> None:
    from cnncodes.embedding.cutting import ColorMeter
    from cnncodes.images import Decoding

    data = b"P6 1 1 255 abc"
    with Isolation(60, 2**28).start(ColorMeter(Decoding())) as workers:
        before = workers.work(data, "")
        [pid] = find_workers(os.getpid())
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_running(pid))
        assert workers.work(data, "") == before
    with (
        Isolation(60, 2**28).start(deadly_opener.Bug()) as workers,
        pytest.raises(RuntimeError, match="KeyError: 'a bug'"),
    ):
        workers.work(data, "")


@pytest.mark.slow
def test_idle_processes_that_are_killed_together_cost_no_image_and_no_job() -> None:
    from cnncodes.embedding.cutting import ColorMeter
    from cnncodes.images import Decoding

    data = b"P6 1 1 255 abc"
    with Isolation(60, 2**28).start(ColorMeter(Decoding())) as workers:
        started = [workers._start() for _ in range(5)]
        workers._idle.extend(started)
        for pid in find_workers(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(worker.is_there for worker in started))
        found, _ = workers.work(data, "")
    assert found["n_pixels"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("isolate", [True, pytest.param(False, marks=pytest.mark.heavy)])
def test_processes_killed_at_random_moments_cost_what_they_had_and_no_more(
    isolate: bool, tmp_path: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_THREADS", 1)  # without isolation there are processes all the same
    monkeypatch.setattr(engine, "_WORTH", 10)
    rng = np.random.default_rng(2)
    (tmp_path / "photos").mkdir()
    for number in range(N_KILLED):
        pixels = rng.integers(0, 256, (1600, 2000, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.jpg")
    given = {"backbone": backbone, "views": "multicrop", "dtype": "float32"}
    embed(tmp_path / "photos", tmp_path / "calm.codes", **given)
    moments, kills, is_over = random.Random(time.time_ns()), [], threading.Event()

    def kill() -> None:
        while not is_over.wait(moments.uniform(0, 0.3)):
            for pid in find_workers(os.getpid(), 0.8)[:1]:  # else none would get beyond its start
                with contextlib.suppress(ProcessLookupError):  # the job is just over
                    os.kill(pid, moments.choice((signal.SIGKILL, signal.SIGSEGV)))
                    kills.append(pid)

    killer = threading.Thread(target=kill)
    killer.start()
    summary = embed(tmp_path / "photos", tmp_path / "x.codes", isolate=isolate, n_jobs=2, **given)
    is_over.set()
    killer.join()
    assert kills and summary.embedded + summary.failed == N_KILLED
    # Those that are there for speed are given several images, and who ended them is found one by one.
    assert 0 < summary.failed <= len(kills) if isolate else summary.failed <= len(kills)
    again = embed(tmp_path / "photos", tmp_path / "x.codes", isolate=True, retry_failed=True, **given)
    assert (again.embedded, again.unchanged) == (summary.failed, summary.embedded)
    calm, codes = (read_codes(tmp_path / f"{name}.codes") for name in ("calm", "x"))
    assert codes.to_arrow().sort_by("image") == calm.to_arrow().sort_by("image")


# A script without `if __name__ == "__main__"`, whose processes must not run it again.
SCRIPT = """
import pathlib, sys
folder, faults = pathlib.Path(sys.argv[1]), sys.argv[2]
sys.path.append(faults)
import deadly_opener
deadly_opener.register()
print("started")
from cnncodes import embed, load_backbone
summary = embed(folder / "photos", folder / "script.codes", backbone=load_backbone(sys.argv[3]), isolate=True,
                n_jobs=2, decode_seconds=int(sys.argv[4]))
print(summary.embedded)
"""


def start_script(tmp_path: Path, backbone_folder: Path, seconds: int) -> subprocess.Popen[str]:
    (tmp_path / "script.py").write_text(SCRIPT)
    arguments = [str(tmp_path), str(Path(__file__).parent), str(backbone_folder), str(seconds)]
    command = [sys.executable, str(tmp_path / "script.py"), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_script_without_a_guard_runs_once(photos: Path, tmp_path: Path) -> None:
    write_deadly(photos / "03.jpg", "crash")
    printed, _ = start_script(tmp_path, write_backbone(tmp_path / "net", "mean"), 60).communicate(timeout=120)
    assert printed == f"started\n{N_IMAGES}\n"


@pytest.mark.slow
def test_a_job_killed_while_an_image_hangs_leaves_no_process(photos: Path, tmp_path: Path) -> None:
    hanging = write_deadly(photos / "03.jpg", "hang")  # which does not see that its lane is gone
    job = start_script(tmp_path, write_backbone(tmp_path / "net", "mean"), 10)
    wait_until(lambda: Path(f"{hanging}.hangs.tmp").exists() and len(find_workers(job.pid)) == 2)
    workers = find_workers(job.pid)
    job.kill()
    job.communicate()
    wait_until(lambda: sum(map(is_running, workers)) <= 1, 8)  # before the time for an image is over
    wait_until(lambda: not any(map(is_running, workers)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_a_job_that_is_ended_makes_no_failures_and_leaves_no_process(
    photos: Path, tmp_path: Path, number: int, status: int
) -> None:
    rng = np.random.default_rng(1)
    for name in range(100, 160):
        pixels = rng.integers(0, 256, (400, 600, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(photos / f"{name}.jpg")
    out = tmp_path / "x.codes"
    command = [sys.executable, "-m", "cnncodes", "embed", str(photos), "-o", str(out), "--isolate"]
    job = subprocess.Popen([*command, "--shard-images", "4", "-j", "2", "--quiet"], stderr=subprocess.PIPE)
    wait_until(lambda: len(list(out.glob("data/*.parquet"))) >= 3)
    workers = find_workers(job.pid)
    for pid in [*(workers if number != signal.SIGKILL else ()), job.pid]:  # as a service manager does
        os.kill(pid, number)
    job.communicate(timeout=60)
    assert job.returncode == status and len(workers) == 2
    wait_until(lambda: not any(map(is_running, workers)), 20)
    codes = read_codes(out)
    assert 8 <= len(codes) < N_IMAGES + 60 and len(codes.failures) == 0
    verify_codes(out)
