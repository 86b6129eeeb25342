"""The budget of memory: shared, never exceeded by two, never a reason to wait for ever."""

from __future__ import annotations

import json
import pickle
import random
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes import embed, read_codes
from cnncodes.embedding.memory import MemoryBudget, parse_bytes
from cnncodes.errors import UnreadableImage, UsageError
from cnncodes.machine import measure_resident


@pytest.mark.parametrize(
    ("given", "expected"),
    [("2G", 2**31), ("1.5g", 3 * 2**29), ("500 MB", 500 * 2**20), ("64KiB", 65_536), ("4096", 4096), (7, 7)],
)
def test_amounts_are_read_as_people_write_them(given: str | int, expected: int) -> None:
    assert parse_bytes(given) == expected


@pytest.mark.parametrize("given", ["", "2X", "-1G", "0", 0, -5, "much", True, "1,5", None, "0.0001K"])
def test_what_is_no_amount_is_refused(given: object) -> None:
    if given is None:
        assert 2**26 < MemoryBudget.make(given).limit < 2**44  # of the machine
        return
    with pytest.raises(UsageError, match="such as 2G or 500M"):
        MemoryBudget.make(given)


class Lanes:
    """Lanes that take what they are told from a budget, and see who else has something."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.budget = budget
        self.lock = threading.Lock()
        self.held: dict[int, int] = {}
        self.worst: list[dict[int, int]] = []

    def run(self, n_lanes: int, images: list[tuple[int, int]]) -> None:
        todo = iter(images)
        threads = [threading.Thread(target=self._lane, args=(number, todo)) for number in range(n_lanes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "lanes wait for each other"

    def _lane(self, number: int, todo: object) -> None:
        while True:
            with self.lock:
                image = next(todo, None)  # type: ignore[call-overload]
            if image is None:
                return
            size, decoded = image
            with self.budget.lease() as lease:
                lease.read(size)
                lease.decode(decoded)
                with self.lock:
                    self.held[number] = size + decoded
                    self.worst.append(dict(self.held))
                time.sleep(0.0005)
                with self.lock:
                    del self.held[number]


@pytest.mark.parametrize("n_lanes", [1, 2, 7])
def test_together_lanes_never_take_more_and_one_that_needs_more_decodes_alone(n_lanes: int) -> None:
    rng = random.Random(n_lanes)
    images = [(rng.randrange(20), rng.choice((5, 30, 60, 99, 150, 500))) for _ in range(300)]
    lanes = Lanes(MemoryBudget(100))
    lanes.run(n_lanes, images)
    assert len(lanes.worst) == 300
    assert all(sum(held.values()) <= 100 or len(held) == 1 for held in lanes.worst)
    assert n_lanes == 1 or max(map(len, lanes.worst)) > 1
    assert not lanes.budget._held and not lanes.budget._decoding


def test_lanes_that_hold_files_do_not_wait_for_each_other() -> None:
    budget = MemoryBudget(100)
    with budget.lease() as one, budget.lease() as other:
        one.read(50)
        other.read(50)
        one.decode(60)  # neither has room; whoever asks first goes on
        waiting = threading.Thread(target=other.decode, args=(60,))
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
        with budget._changed:
            budget._decoding.clear()
            budget._changed.notify_all()
        waiting.join(10)
        assert not waiting.is_alive()


def test_whoever_waits_to_decode_comes_before_who_asks_later() -> None:
    """A lane that asks again at once would be first each time, and the large picture's would stand still."""
    budget, order = MemoryBudget(100), []

    def decode_large() -> None:
        with budget.lease() as lease:
            lease.read(1)
            lease.decode(500)
            order.append("large")

    large = threading.Thread(target=decode_large)
    with budget.lease() as lease:
        lease.decode(60)
        large.start()
        while not budget._waiting_to_decode:
            time.sleep(0.001)
    with budget.lease() as lease:
        lease.read(1)
        lease.decode(60)
        order.append("small")
    large.join(10)
    assert order == ["large", "small"]


def test_a_file_larger_than_all_of_it_is_not_read() -> None:
    with (
        MemoryBudget(1000).lease() as lease,
        pytest.raises(UnreadableImage, match="1001 bytes is more than") as caught,
    ):
        lease.read(1001)
    assert caught.value.stage == "read" and "--max-memory" in caught.value.reason


def test_a_picture_that_takes_more_than_the_machine_has_left_is_refused_and_no_other() -> None:
    held, room = measure_resident(), 2**30
    budget = MemoryBudget(2**20, machine=held + room)
    for size in (2**19, 2**21, room // 2):  # above the budget it is decoded alone
        with budget.lease() as lease:
            lease.decode(size)
    with budget.lease() as lease, pytest.raises(UnreadableImage) as caught:
        lease.decode(room + 2**28)
    assert caught.value.stage == "memory" and caught.value.limit == ("machine_memory", held + room)
    assert re.search(r"may take 1,280 MiB, and of the [\d,]+ MiB .* the job holds \d", caught.value.reason)
    assert not budget._held and not budget._decoding


#: A job with 64 MiB left. In a process of its own: what another one holds falls by what earlier tests freed.
SMALL = """
import json, sys
from cnncodes import embed
from cnncodes.embedding import memory
from cnncodes.machine import measure_resident

memory.measure_swap = lambda: 0
memory.measure_memory = lambda: measure_resident() + 2**26
if __name__ == "__main__":
    for _ in range(2):
        summary = embed(*sys.argv[1:3], n_jobs=1, isolate=len(sys.argv) > 3)
        print(json.dumps([summary.embedded, [[one.key, one.limited_by] for one in summary.failures]]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("isolate", [False, True])
def test_a_picture_too_large_for_the_machine_costs_itself_and_is_tried_where_there_is_more(
    tmp_path: Path, isolate: bool
) -> None:
    source, out = tmp_path / "photos", tmp_path / "x.codes"
    source.mkdir()
    for name, size in (("a", (40, 40)), ("b", (6000, 6000)), ("c", (40, 40))):
        Image.new("RGB", size, "red").save(source / f"{name}.png")
    for name in "de":
        Image.new("RGB", (6000, 6000), "red").save(source / f"{name}.jpg", progressive=name == "e")
    command = [sys.executable, "-c", SMALL, str(source), str(out), *(["isolate"] if isolate else [])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    # A JPEG of one scan is decoded some rows at a time.
    assert first == [3, [["b.png", "machine_memory"], ["e.jpg", "machine_memory"]]]
    assert second == [0, first[1]]
    assert embed(source, out, n_jobs=1, max_memory="1M", isolate=isolate).embedded == 2


def test_a_budget_survives_pickling_without_what_is_held() -> None:
    budget = MemoryBudget(1000)
    with budget.lease() as lease:
        lease.read(10)
        again = pickle.loads(pickle.dumps(budget))
    assert again.limit == 1000 and not again._held


@pytest.mark.parametrize(("given", "hint"), [("5", "5G or 5M"), (8, "8G or 8M"), ("300K", "2G or 500M")])
def test_an_amount_whose_unit_was_forgotten_is_refused(given: str | int, hint: str) -> None:
    with pytest.raises(UsageError, match=rf"at least 1M\. Got .* bytes: give a unit, as in {hint}\."):
        MemoryBudget.make(given)


def test_codes_do_not_depend_on_the_budget(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(12):
        Image.fromarray(rng.integers(0, 256, (400, 500, 3), np.uint8)).save(tmp_path / f"{number}.png")
    embed(tmp_path, tmp_path / "free.codes", n_jobs=3)
    summary = embed(tmp_path, tmp_path / "tight.codes", n_jobs=3, max_memory="1M")
    assert summary.embedded == 12
    free, tight = (read_codes(tmp_path / f"{name}.codes") for name in ("free", "tight"))
    np.testing.assert_array_equal(free.X, tight.X)
    with pytest.raises(UsageError, match="such as 2G or 500M"):
        embed(tmp_path, tmp_path / "none.codes", max_memory="a lot")
