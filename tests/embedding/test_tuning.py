"""Measured settings: measured once, kept by machine and network, and never wrong for being damaged."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.backbones import Backbone, load_backbone
from cnncodes.backbones.running import instructions
from cnncodes.backbones.running.providers import cache_folder
from cnncodes.embedding import tuning
from cnncodes.embedding.memory import release_free_memory
from cnncodes.embedding.tuning import CPU_BATCHES, choose, choose_lanes, find_unsure, measure_rates, tune
from cnncodes.machine import measure_resident


@pytest.fixture
def backbone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Backbone:
    from small_convolutions import write_convolutions

    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tuning, "_SECONDS", 0.01)
    monkeypatch.setattr(tuning, "_MOST_SECONDS", 0.3)
    return load_backbone(write_convolutions(tmp_path / "net"))


def test_settings_are_measured_once_and_kept(backbone: Backbone) -> None:
    first = tune(backbone, n_jobs=2)
    assert first.is_new and first.batch_size in CPU_BATCHES and first.n_jobs == 2 and first.rate > 0
    again = tune(backbone, n_jobs=2)
    assert not again.is_new
    assert (again.batch_size, again.n_jobs, again.rate) == (first.batch_size, first.n_jobs, first.rate)


def test_what_is_settled_stays_and_is_kept_apart(backbone: Backbone) -> None:
    assert tune(backbone, batch_size=3, n_jobs=1).batch_size == 3
    assert tune(backbone, batch_size=5, n_jobs=1).batch_size == 5
    assert len(json.loads((cache_folder() / "tuning.json").read_bytes())) == 2


@pytest.mark.parametrize("damage", ["", "{", "[]", "[" * 100_000, '{"x": 1}', '{"x": {"batch_size": 1}}'])
def test_a_damaged_cache_is_measured_again(backbone: Backbone, damage: str) -> None:
    cache_folder().mkdir(parents=True)
    (cache_folder() / "tuning.json").write_text(damage)
    assert tune(backbone, batch_size=2, n_jobs=1).is_new
    assert not tune(backbone, batch_size=2, n_jobs=1).is_new


@pytest.mark.parametrize(
    "damage",
    [
        {"batch_size": -5},
        {"batch_size": 10**6},
        {"n_jobs": -5},
        {"n_jobs": 500},
        {"n_jobs": 1.0},
        {"rate": float("nan")},
        {"measured": 7},
    ],
)
def test_a_measurement_that_cannot_be_is_measured_again(
    backbone: Backbone, damage: dict[str, object]
) -> None:
    tune(backbone, batch_size=2, n_jobs=1)
    file = cache_folder() / "tuning.json"
    [(key, kept)] = json.loads(file.read_bytes()).items()
    file.write_text(json.dumps({key: kept | damage}))
    found = tune(backbone, batch_size=2, n_jobs=1)
    assert found.is_new and (found.batch_size, found.n_jobs) == (2, 1)


def test_a_cache_that_cannot_be_written_costs_no_more_than_time(backbone: Backbone) -> None:
    cache_folder().parent.mkdir(parents=True)
    cache_folder().write_text("a file where the folder should be")
    found = tune(backbone, batch_size=2, n_jobs=1)
    assert found.is_new and found.fault is not None
    assert "measured now, as in every run: " in str(found) and "tuning.json" in str(found)


def test_what_was_chosen_is_said_and_how_to_renew_it(backbone: Backbone) -> None:
    file = cache_folder() / "tuning.json"
    first, again = (tune(backbone, batch_size=2, n_jobs=1) for _ in range(2))
    assert str(first) == f"auto: batch 2, 1 lane, {first.rate:.0f} views/s (measured now, and kept in {file})"
    assert f"measured on {date.today()} and kept in {file}: delete that to measure anew" in str(again)


def test_another_processor_is_measured_anew(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machines of one name and another processor may share a home."""
    tune(backbone, batch_size=2, n_jobs=1)
    (tmp_path / "cpuinfo").write_text("model name\t: Another\n")
    monkeypatch.setattr(instructions, "CPUINFO", tmp_path / "cpuinfo")
    assert tune(backbone, batch_size=2, n_jobs=1).is_new
    assert not tune(backbone, batch_size=2, n_jobs=1).is_new


def test_a_few_per_cent_cost_no_lane() -> None:
    assert [choose_lanes(2, half, 100.0) for half in (50, 99, 104, 109)] == [2] * 4
    assert choose_lanes(4, 125.0, 100.0) == 2


def test_rounds_go_on_while_the_best_two_of_what_may_be_fastest_differ() -> None:
    assert find_unsure([[80, 100, 90], [98, 99, 50]]) == [0]
    assert find_unsure([[100, 98, 90], [80, 70, 50]]) == []  # the slow one is no candidate


def test_rates_are_of_the_settings_in_their_order(backbone: Backbone) -> None:
    one, many = measure_rates(backbone, [(1, 1), (16, 1)])
    assert one > 0 and many > 0


def test_what_larger_batches_took_is_given_back(backbone: Backbone) -> None:
    measure_rates(backbone, [(1, 1)])
    before = measure_resident()
    backbone.run(np.zeros((600, 32, 32, 3), np.uint8))
    after = measure_resident()
    backbone.release_memory()
    release_free_memory()
    assert after - before > 2**24  # or there was nothing to give back
    assert measure_resident() - before < (after - before) / 4


#: In a process of its own: what others have let go of there would be taken first, and show in nothing.
SMALL_MACHINE = """
import sys
from cnncodes import load_backbone
from cnncodes.embedding import tuning
from cnncodes.machine import measure_resident

backbone = load_backbone(sys.argv[1])
before = measure_resident()
tuning.measure_memory = lambda: before + 2**29
rates = tuning.measure_rates(backbone, [(256, 1), (512, 1), (20_000, 1), (40_000, 1)])
print([rate > 0 for rate in rates], measure_resident() - before < 2**29)
"""


def test_batches_that_there_is_no_memory_for_are_not_tried(backbone: Backbone) -> None:
    command = [sys.executable, "-c", SMALL_MACHINE, str(backbone.folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "[True, True, False, False] True\n"


@given(rates=st.lists(st.floats(1, 1000), min_size=1, max_size=8))
def test_the_least_of_the_fastest_is_chosen(rates: list[float]) -> None:
    sizes = [2**number for number in range(len(rates))]
    rate = rates[sizes.index(choose(sizes, rates))]
    assert rate >= 0.97 * max(rates)
    assert all(other < 0.97 * max(rates) for other in rates[: sizes.index(choose(sizes, rates))])
