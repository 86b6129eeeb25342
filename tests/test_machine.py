"""What the machine gives: cores and memory, as control groups limit them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cnncodes.machine import count_cores, measure_memory, measure_swap

linux = pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
CPU = "sys/fs/cgroup/cpu"
V2, V1 = "0::/job/step\n", "5:memory:/job/step\n4:cpu,cpuacct:/job/step\n0::/\n"


def lay_out(root: Path, own: str, files: dict[str, str]) -> Path:
    for name, text in {"proc/self/cgroup": own, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@linux
@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        (V2, {"sys/fs/cgroup/cpu.max": "100000 100000\n"}, 1),
        (V2, {"sys/fs/cgroup/job/cpu.max": "250000 100000\n"}, 3),  # as joblib has it: rounded up
        (V2, {"sys/fs/cgroup/job/step/cpu.max": "max 9\n", "sys/fs/cgroup/job/cpu.max": "5 10"}, 1),
        (V2, {"sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        (V2, {"sys/fs/cgroup/other/cpu.max": "100000 100000\n"}, None),
        (V2, {"sys/fs/cgroup/cpu.max": ""}, None),
        (V1, {f"{CPU}/cpu.cfs_quota_us": "200000", f"{CPU}/cpu.cfs_period_us": "100000"}, 2),
        (V1, {f"{CPU}/cpu.cfs_quota_us": "-1\n", f"{CPU}/cpu.cfs_period_us": "1000"}, None),
        ("", {}, None),
    ],
)
def test_a_limit_of_time_is_a_number_of_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str, files: dict[str, str], expected: int | None
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    assert count_cores(lay_out(tmp_path, own, files)) == (expected or 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5})
    assert count_cores(tmp_path) == 1


@linux
@pytest.mark.parametrize(
    ("own", "name"),
    [(V2, "job/step/memory.max"), (V2, "memory.max"), (V1, "memory/job/memory.limit_in_bytes")],
)
def test_the_memory_is_the_least_that_any_group_around_has(tmp_path: Path, own: str, name: str) -> None:
    whole = measure_memory(lay_out(tmp_path, own, {"sys/fs/cgroup/job/memory.max": "max\n"}))
    assert whole == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert measure_memory(lay_out(tmp_path, own, {f"sys/fs/cgroup/{name}": "1048576\n"})) == 2**20


def test_swap_is_the_machines_or_what_the_group_may_have_of_it(tmp_path: Path) -> None:
    assert measure_swap(tmp_path) == 0
    lay_out(tmp_path, V2, {"proc/meminfo": "MemTotal:  8 kB\nSwapTotal:       2048 kB\nSwapFree: 0 kB\n"})
    assert measure_swap(tmp_path) == 2**21
    assert measure_swap(lay_out(tmp_path, V2, {"sys/fs/cgroup/job/memory.swap.max": "0\n"})) == 0


@linux
def test_memory_that_is_taken_is_resident() -> None:
    # In a process of its own: others' tests may give memory back meanwhile.
    code = (
        "from cnncodes.machine import measure_resident\n"
        "before = measure_resident()\n"
        "taken = bytearray(b'x') * 2**26\n"
        "print(measure_resident() - before, len(taken))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    risen, taken = map(int, done.stdout.split())
    assert risen > 2**25 and taken == 2**26
