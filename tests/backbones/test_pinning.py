"""Batches are gathered in memory of the host: whole, in order, filled up; pinned, or one hears why not."""

from __future__ import annotations

import gc
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.backbones.running.pinning import HostBuffer, load_cuda, register
from cnncodes.backbones.running.providers import Provider
from cnncodes.backbones.running.runtime import import_runtime
from cnncodes.errors import CostWarning

CPU = Provider.parse("cpu")
HAS_GPU = os.path.exists("/dev/nvidiactl")


@given(
    counts=st.lists(st.integers(0, 5), min_size=1, max_size=6).filter(any),
    room=st.integers(1, 8),
    data=st.data(),
)
def test_a_batch_is_a_slice_of_all_arrays_and_its_last_image_again(
    counts: list[int], room: int, data: st.DataObject
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (sum(counts), 2, 3, 3), dtype=np.uint8)
    parts = np.split(images, np.cumsum(counts)[:-1])
    start = data.draw(st.integers(0, len(images) - 1))
    size = data.draw(st.integers(1, room))  # of a batch that was halved
    buffer = HostBuffer((room, 2, 3, 3), CPU)
    before = buffer.images.copy()
    expected = images[start : start + size]
    assert buffer.fill(parts, start, size) == len(expected)
    np.testing.assert_array_equal(buffer.images[: len(expected)], expected)
    for filled_up in buffer.images[len(expected) : size]:
        np.testing.assert_array_equal(filled_up, expected[-1])
    np.testing.assert_array_equal(buffer.images[size:], before[size:])


def test_a_batch_lies_in_pages_of_its_own() -> None:
    one, two = HostBuffer((1, 5, 5, 3), CPU), HostBuffer((1, 5, 5, 3), CPU)
    pages = {buffer.images.ctypes.data // os.sysconf("SC_PAGE_SIZE") for buffer in (one, two)}
    assert len(pages) == 2 and one.images.ctypes.data % os.sysconf("SC_PAGE_SIZE") == 0


@pytest.mark.skipif(HAS_GPU, reason="here it is pinned")
@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_where_it_cannot_be_pinned_one_hears_why_and_it_serves_all_the_same(provider: str) -> None:
    with pytest.warns(CostWarning, match="are not pinned, so copying them to it takes longer: .+"):
        buffer = HostBuffer((2, 4, 4, 3), Provider.parse(provider))
    buffer.fill([np.full((1, 4, 4, 3), 7, np.uint8)], 0, 2)
    assert (buffer.images == 7).all()


@pytest.mark.skipif(HAS_GPU, reason="here it is pinned")
def test_cuda_without_a_gpu_says_so() -> None:
    reason = register(load_found(), HostBuffer((1, 4, 4, 3), CPU).images, 0)
    assert reason is not None and ("driver" in reason or "device" in reason)


@pytest.mark.skipif(not HAS_GPU, reason="needs a GPU of NVIDIA's")
def test_memory_is_pinned_as_long_as_the_buffer_is_there(recwarn: pytest.WarningsRecorder) -> None:
    buffer = HostBuffer((2, 4, 4, 3), Provider.parse("cuda"))
    memory, runtime = buffer.images, load_cuda(import_runtime().cuda_version)
    assert not recwarn.list
    assert "already" in (register(runtime, memory, 0) or "")
    del buffer
    gc.collect()
    assert register(runtime, memory, 0) is None and not runtime.cudaHostUnregister(memory.ctypes.data)


def load_found() -> object:
    for version in ("13.0", "12.8", ""):
        try:
            return load_cuda(version)
        except OSError:
            continue
    return pytest.skip("no CUDA runtime is installed")
