"""Batches gathered from many lanes: equal codes, full batches, and faults that reach the lanes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncodes import load_backbone
from cnncodes.backbones import Backbone
from cnncodes.backbones.running.providers import Provider
from cnncodes.backbones.running.timing import draw_noise
from cnncodes.embedding.batching import Batcher
from cnncodes.errors import BackboneError, UsageError


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    from small_convolutions import write_convolutions

    return load_backbone(write_convolutions(tmp_path_factory.mktemp("net")))


@settings(max_examples=20, deadline=None)
@given(
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    batch_size=st.integers(1, 12),
    streams=st.integers(1, 3),
)
def test_codes_are_those_of_the_backbone_whatever_is_gathered(
    backbone: Backbone, counts: list[int], batch_size: int, streams: int
) -> None:
    images = draw_noise(backbone.frame, sum(counts))
    parts = np.split(images, np.cumsum(counts)[:-1])
    with Batcher([backbone], batch_size, streams=streams) as batcher, ThreadPoolExecutor(6) as lanes:
        found = list(lanes.map(batcher.run, parts))
    assert [len(codes) for codes in found] == counts
    np.testing.assert_array_equal(np.concatenate(found), backbone.run(images))


def test_several_sessions_share_the_work(backbone: Backbone) -> None:
    images = draw_noise(backbone.frame, 24)
    twins = [backbone, Backbone(backbone.model_bytes(), backbone.card)]
    with Batcher(twins, 4, streams=1) as batcher, ThreadPoolExecutor(6) as lanes:
        found = list(lanes.map(batcher.run, np.split(images, 6)))
    np.testing.assert_array_equal(np.concatenate(found), backbone.run(images))


def test_sessions_of_several_networks_are_refused(backbone: Backbone) -> None:
    with pytest.raises(UsageError, match="sessions of one network"):
        Batcher([backbone, load_backbone()], 4)


def test_a_fault_reaches_every_lane_and_the_next_batch_runs(backbone: Backbone) -> None:
    good = draw_noise(backbone.frame, 3)
    with Batcher([backbone], 8) as batcher:
        with pytest.raises(BackboneError, match="fails on images of shape"):
            batcher.run(np.zeros((2, 5, 5, 3), np.uint8))
        np.testing.assert_array_equal(batcher.run(good), backbone.run(good))


def test_no_thread_is_left(backbone: Backbone) -> None:
    before = threading.active_count()
    with Batcher([backbone], 8, streams=3) as batcher:
        batcher.run(draw_noise(backbone.frame, 1))
        assert threading.active_count() == before + 3
    assert threading.active_count() == before


@pytest.mark.parametrize(("options", "threads"), [({}, 2), ({"enable_cuda_graph": True}, 1)])
def test_a_device_that_records_cuda_graphs_has_one_thread(
    backbone: Backbone, options: dict[str, Any], threads: int
) -> None:
    device = Backbone(backbone.model_bytes(), backbone.card)
    device.providers = (Provider.parse(("cuda", options)),)  # nothing runs on it
    with Batcher([device], 4) as batcher:
        assert len(batcher._threads) == threads
