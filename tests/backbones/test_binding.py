"""Batches of one shape on buffers that stay: filled up, halved where memory is short."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnncodes.backbones import Backbone, load_backbone
from cnncodes.backbones.running.starting import make_options
from cnncodes.backbones.running.timing import draw_noise
from cnncodes.errors import BackboneError, UsageError


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    from small_convolutions import write_convolutions

    return load_backbone(write_convolutions(tmp_path_factory.mktemp("net")))


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 11])
def test_codes_are_those_of_the_backbone(backbone: Backbone, count: int) -> None:
    images, runner = draw_noise(backbone.frame, count), backbone.bind(4)
    for _ in range(2):  # the buffers of the first call serve the second
        np.testing.assert_array_equal(runner.run(images), backbone.run(images))


def test_codes_that_were_given_out_stay(backbone: Backbone) -> None:
    runner = backbone.bind(4)
    first = runner.run(draw_noise(backbone.frame, 4))
    kept = first.copy()
    runner.run(255 - draw_noise(backbone.frame, 4))
    np.testing.assert_array_equal(first, kept)


def test_what_is_no_picture_is_refused_by_name(backbone: Backbone) -> None:
    runner = backbone.bind(4)
    with pytest.raises(UsageError, match="images must be an array of uint8"):
        runner.run(np.zeros((1, 32, 32, 3), np.float32))  # type: ignore[arg-type]
    with pytest.raises(BackboneError, match=r"'conv' fails on images of shape \(1, 7, 7, 3\)"):
        runner.run(np.zeros((1, 7, 7, 3), np.uint8))
    np.testing.assert_array_equal(
        runner.run(draw_noise(backbone.frame, 2)), backbone.run(draw_noise(backbone.frame, 2))
    )


def test_each_set_of_buffers_has_a_cuda_graph_of_its_own_and_other_runs_have_none(backbone: Backbone) -> None:
    """ONNX Runtime would replay the first runner's graph, on buffers that may be gone, for all of them."""
    runners = [backbone.bind(2), backbone.bind(2)]
    for runner in runners:
        runner.run(draw_noise(backbone.frame, 1))
    numbers = [make_options(one._graph).get_run_config_entry("gpu_graph_id") for one in runners]
    assert len({*numbers, "-1", "0"}) == 4
    assert make_options().get_run_config_entry("gpu_graph_id") == "-1"


@pytest.mark.parametrize(
    "said",
    [
        "CUDNN_STATUS_ALLOC_FAILED",
        "CUDA failure 2: out of memory",
        "cudaErrorMemoryAllocation",
        "hipErrorOutOfMemory",
        "allocate_gpu: Memory not available to allocate buffer: 251658240",
        "tid(4304) 8007000E Not enough memory resources are available to complete this operation.",
    ],
)
def test_whoever_says_that_memory_is_short_is_understood(backbone: Backbone, said: str) -> None:
    runner = backbone.bind(4)
    runner._shrink(RuntimeError(f"[ONNXRuntimeError] : 1 : FAIL : {said} ; GPU=0"), (4, 32, 32, 3))
    assert runner.batch_size == 2
    images = draw_noise(backbone.frame, 5)
    np.testing.assert_array_equal(runner.run(images), backbone.run(images))


_SHORT = """
import resource, sys
import numpy as np
from cnncodes import load_backbone
backbone = load_backbone(sys.argv[1])
images = np.random.default_rng(0).integers(0, 256, (64, 224, 224, 3), dtype=np.uint8)
limit = int(sys.argv[2])
expected = [backbone.run(images[i : i + 1])[0] for i in range(64 if limit > 10 else 0)]
runner = backbone.bind(64)
used = int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmSize"))) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + limit * 2**20,) * 2)
codes = runner.run(images)
print(runner.batch_size, np.array_equal(codes, expected))
"""


def _run_short_of_memory(mib: int) -> subprocess.CompletedProcess[str]:
    """Run a batch of 64 in a process that may take no more than this many MiB."""
    # Blocks go back to the system when they are freed, or what loading left behind would serve the batch.
    trimmed = os.environ | {"MALLOC_MMAP_THRESHOLD_": "16384", "MALLOC_TRIM_THRESHOLD_": "0"}
    command = [sys.executable, "-c", _SHORT, "efficientnet-lite0", str(mib)]
    return subprocess.run(command, capture_output=True, text=True, env=trimmed)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does it")
@pytest.mark.timeout(120)
def test_a_batch_is_halved_where_memory_is_short_and_nothing_is_lost() -> None:
    """At its most a batch of 64 takes some 600 MiB: with 150 it has to be smaller."""
    done = _run_short_of_memory(150)
    assert (done.returncode, done.stderr) == (0, "")  # the runtime logs nothing of its own
    size, equal = done.stdout.split()
    assert 1 <= int(size) < 64 and equal == "True"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does it")
def test_without_memory_for_one_image_that_is_said() -> None:
    done = _run_short_of_memory(2)
    assert done.returncode == 1
    assert re.search(r"BackboneError: backbone .* has not even the memory for one image", done.stderr)


def test_a_runner_belongs_to_its_session(tmp_path: Path, backbone: Backbone) -> None:
    one, two = backbone.bind(2), backbone.bind(3)
    images = draw_noise(backbone.frame, 5)
    np.testing.assert_array_equal(one.run(images), two.run(images))
