"""Several processes train as one does, refuse what they cannot do as one, and never wait for a dead one."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.cli import main
from cnncodes.errors import UsageError
from cnncodes.finetuning.settings import FineTuning
from cnncodes.finetuning.world import ALONE, World

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from tiny_tuning import make_backbone, write_images

pytestmark = pytest.mark.torch

#: 48 images in batches of 7, so that shares are of 4 and 3, and the last batch is of 6.
OPTIONS = [
    "--unfreeze", "layer1", "--base-lr", "0.01", "--backbone-lr-mult", "1.0", "--epochs", "4",
    "--patience", "6", "--train-views", "flip, rotation:1", "--batch-size", "7",
    "--keep", "tuned",
    "--device", "cpu", "--precision", "fp32", "-j", "1", "--json",
]  # fmt: skip

#: What a process of its own does with the others of its world.
SCRIPT = """
import math, os, sys, time
import torch
from cnncodes.finetuning.settings import FineTuning
from cnncodes.finetuning.world import World

with World.find().started(FineTuning(device="cpu")) as world:
    made = []
    assert world.share(lambda: made.append(1) or {"a": 7}) == {"a": 7} and len(made) == (world.rank == 0)
    one, two, three = (torch.nn.Parameter(torch.ones(2, 2)) for _ in range(3))
    one.grad = torch.full((2, 2), 1.0 + world.rank)
    if world.rank:  # as of a share that is empty in the first process
        two.grad = torch.arange(4.0).reshape(2, 2)
    assert world.add_gradients([one, two, three], 0.5 * world.rank) == 0.5
    assert one.grad.eq(3).all() and two.grad.equal(torch.arange(4.0).reshape(2, 2)) and three.grad is None
    assert math.isnan(world.add_gradients([one], math.nan if world.rank else 1.0))
    with world.first_goes_first():
        assert os.path.exists(sys.argv[1]) == (world.rank > 0)
        if world.is_first:
            time.sleep(0.5)
            open(sys.argv[1], "w").close()
    world.wait()
    if world.is_first:
        raise SystemExit("the first one fails")
    world.wait()
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [sys.executable, "-m", *torchrun, *arguments]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ, cwd="/"
    )


def tune(photos: Path, backbone: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    words = ["-m", "cnncodes", "finetune", str(photos), "-o", str(out), "--backbone", str(backbone)]
    return start(*words, *OPTIONS, *options)


def tune_alone(photos: Path, backbone: Path, out: Path, *options: str) -> None:
    """Fine-tune in this process, which has torch loaded, with as many threads as one of several has."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        words = ["finetune", str(photos), "-o", str(out), "--backbone", str(backbone)]
        assert main([*words, *OPTIONS, *options]) == 0
    finally:
        torch.set_num_threads(threads)


def finish(process: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    said, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert said.count("\n") == 1  # one result, of the first process
    found: dict[str, Any] = json.loads(said)
    return found, errors


def fail(process: subprocess.Popen[str]) -> str:
    said, errors = process.communicate(timeout=120)
    assert process.returncode != 0 and said == ""
    return errors


def weights_of(out: Path, name: str = "backbone/model.onnx") -> dict[str, Any]:
    import onnx
    from onnx import numpy_helper

    model = onnx.load(out / name)
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def check_same(one: Path, two: Path) -> None:
    """Hold that two fine-tunings ended with the same weights, and went the same way."""
    theirs, ours = weights_of(one), weights_of(two)
    assert theirs.keys() == ours.keys()
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, rtol=0, atol=1e-5, err_msg=name)
    summaries = [json.loads((out / "summary.json").read_text()) for out in (one, two)]
    first, second = ([*summary["history"], *summary["again"]] for summary in summaries)
    assert len(first) == len(second) and first[-1]["stage"] == "network"
    for a, b in zip(first, second, strict=True):
        for key in a.keys() - {"seconds"}:
            assert b[key] == (pytest.approx(a[key], rel=1e-4) if isinstance(a[key], float) else a[key]), key


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("photos"), 20)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backbone")
    made = make_backbone()
    (folder / made.card.model_file).write_bytes(made.model_bytes())
    made.card.write(folder / "card.toml")
    return folder


@pytest.fixture(scope="module")
def alone(photos: Path, backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone") / "out"
    tune_alone(photos, backbone, out)
    return out


@pytest.fixture(scope="module")
def together(photos: Path, backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("together") / "out"
    return out, finish(tune(photos, backbone, out))[1]


def test_one_process_is_alone() -> None:
    assert World.find({}) == World.find({"WORLD_SIZE": "4"}) == ALONE
    assert ALONE.share(lambda: 3) == 3 and ALONE.add_gradients([], 0.5) == 0.5
    with ALONE.started(FineTuning(mixup=0.4, batch_norm="train")) as world, world.first_goes_first():
        world.wait()
    import torch

    assert not torch.distributed.is_initialized()


def test_torchrun_says_who_is_who() -> None:
    said = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
    assert World.find(said) == World(5, 8, 1, 4)
    assert World.find({"RANK": "0", "WORLD_SIZE": "1"}) == ALONE


@pytest.mark.parametrize("wrong", [{"RANK": "2"}, {"RANK": "-1"}, {"RANK": "one"}, {"LOCAL_RANK": "3"}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="does not say which of several processes this is: RANK="):
        World.find({"RANK": "1", "WORLD_SIZE": "2", **wrong})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mixup": 0.4}, "mixup would mix the images of each process alone"),
        ({"batch_norm": "train"}, "goes by the images of each process alone"),
        ({"device": "cuda:1"}, "give 'cuda', and each takes one of its own"),
    ],
)
def test_what_would_not_be_the_same_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said), World(0, 2).started(FineTuning(**settings)):
        pass


@given(st.integers(0, 60), st.integers(1, 12), st.integers(1, 5))
def test_shares_are_of_each_batch_and_all_of_it(count: int, batch: int, size: int) -> None:
    shares = [World(rank, size).own(count, batch) for rank in range(size)]
    assert sorted(np.concatenate(shares).tolist()) == list(range(count))
    for rank, share in enumerate(shares):
        for first in range(0, count, batch):
            own = [place for place in share.tolist() if first <= place < first + batch]
            assert own == list(range(first, min(first + batch, count)))[rank::size]


@pytest.mark.slow
def test_what_processes_do_together(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    # Without torchrun, which would end the others: on several machines each has to notice by itself.
    first, second = (
        subprocess.Popen(
            [sys.executable, str(script), str(tmp_path / "made")],
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "RANK": rank,
                "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": port,
            },
        )
        for rank in "01"
    )
    assert first.communicate(timeout=120)[1].strip().endswith("the first one fails")
    errors = second.communicate(timeout=20)[1]
    assert "WorkerError: process 1 of 2 (from 0) ends, since another one has: what that one said" in errors
    assert second.returncode == 1


@pytest.mark.slow
def test_two_processes_train_as_one_does(alone: Path, together: tuple[Path, str], backbone: Path) -> None:
    out, said = together
    before = weights_of(backbone, make_backbone().card.model_file)
    assert max(np.abs(value - before[name]).max() for name, value in weights_of(out).items()) > 1e-3
    check_same(alone, out)
    assert json.loads((alone / "summary.json").read_text())["again"]  # on all images, too
    assert {path.name for path in out.iterdir()} == {path.name for path in alone.iterdir()}
    assert said.count("to be unfrozen") == 1 and said.count("the head as it is") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ["--batch-size", "3", "--accumulate", "5", "--cache", "0", "--optimizer", "sgd", "--base-lr", "find"],
        ["--batch-size", "1", "--epochs", "1", "--ema", "0.9", "--l2-sp", "0.01"],
    ],
    ids=["accumulated, nothing cached, a rate that is found", "one of the shares is empty"],
)
def test_other_settings_are_the_same_too(
    options: list[str], photos: Path, backbone: Path, tmp_path: Path
) -> None:
    tune_alone(photos, backbone, tmp_path / "1", *options)
    finish(tune(photos, backbone, tmp_path / "2", *options))
    check_same(tmp_path / "1", tmp_path / "2")


@pytest.mark.slow
def test_the_same_command_again_says_that_it_is_done(
    photos: Path, backbone: Path, together: tuple[Path, str]
) -> None:
    summary, said = finish(tune(photos, backbone, together[0]))
    assert summary["already"] and said.count("nothing was trained") == 1


@pytest.mark.slow
def test_where_the_first_is_refused_none_waits(
    photos: Path, backbone: Path, together: tuple[Path, str], tmp_path: Path
) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    started = time.monotonic()
    said = fail(tune(photos, backbone, tmp_path))
    assert said.startswith("cnncodes: ") and "holds other things (holiday.jpg)" in said.splitlines()[0]
    assert "holds other things (holiday.jpg)" in said.partition("Root Cause")[2]  # torchrun's last words
    assert time.monotonic() - started < 60


def kill_in_training(photos: Path, backbone: Path, out: Path) -> None:
    """Start two processes, and kill both after the first epoch of the network."""
    process = tune(photos, backbone, out, "--checkpoint-minutes", "0.0001")
    deadline = time.monotonic() + 120
    while not ((out / "log.csv").exists() and "network" in (out / "log.csv").read_text()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    children = [path.read_text() for path in Path(f"/proc/{process.pid}/task").glob("*/children")]
    workers = [int(word) for word in re.findall(r"\d+", " ".join(children))]
    assert len(workers) == 2
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    fail(process)


@pytest.mark.slow
def test_killed_they_go_on_with_the_same_bits(
    photos: Path, backbone: Path, together: tuple[Path, str], tmp_path: Path
) -> None:
    for attempt in range(5):
        out = tmp_path / f"out{attempt}"
        kill_in_training(photos, backbone, out)
        if not (out / "summary.json").exists():  # else the kill came when all was done
            break
    assert not (out / "summary.json").exists()
    # One at least: a kill between the renaming of the last and the writing of the next leaves that before it.
    assert list((out / "state").glob("checkpoint.safetensors*"))
    finish(tune(photos, backbone, out, "--checkpoint-minutes", "0.0001"))
    expected, found = weights_of(together[0]), weights_of(out)
    assert all(np.array_equal(found[name], value) for name, value in expected.items())
    assert not (out / "state").exists()
