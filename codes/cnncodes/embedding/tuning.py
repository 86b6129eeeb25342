"""The batch size and the number of lanes that a machine is fastest with: measured once, and kept.

What is measured is the network in lanes, as a job runs it, on noise: how pictures are decoded does not
matter. Small batches are preferred where they are as fast, since they take less memory.
"""

from __future__ import annotations

import contextlib
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.backbones.running.providers import cache_folder
from cnncodes.backbones.running.runtime import import_runtime
from cnncodes.backbones.running.timing import draw_noise
from cnncodes.embedding.batching import Batcher
from cnncodes.embedding.lanes import count_lanes, run_lanes
from cnncodes.errors import StoreError
from cnncodes.store.files import write_file

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone

CPU_BATCHES = (1, 2, 4, 8, 16, 32)
DEVICE_BATCHES = (8, 16, 32, 64, 128, 256)

#: What counts as equally fast: these machines' noise is as large.
_EQUAL = 0.97
#: Seconds that each setting is measured for, in turns.
_SECONDS = 0.15
_ROUNDS = 3
_FILE = "tuning.json"


@dataclass(frozen=True)
class Tuning:
    """The fastest settings of a network on a machine.

    Attributes
    ----------
    batch_size : int
        Views in one call of the network.
    n_jobs : int
        Lanes.
    rate : float
        Views a second, the network alone.
    is_new : bool
        Whether this was measured now, and not found in the user's cache.
    """

    batch_size: int
    n_jobs: int
    rate: float
    is_new: bool = False


def tune(backbone: Backbone, *, batch_size: int | None = None, n_jobs: int | None = None) -> Tuning:
    """Return the fastest settings for a network, measured where the user's cache has none.

    Parameters
    ----------
    backbone : Backbone
    batch_size, n_jobs : int, optional
        What is settled already; only the other is looked for.
    """
    path, key = cache_folder() / _FILE, _name(backbone, batch_size, n_jobs)
    kept = _read(path)
    if key in kept:
        return Tuning(**kept[key])
    found = _measure(backbone, batch_size, n_jobs)
    kept = {**_read(path), key: {k: v for k, v in asdict(found).items() if k != "is_new"}}
    with contextlib.suppress(StoreError):  # a cache that cannot be written costs some seconds next time
        write_file(path, (json.dumps(kept, indent=1) + "\n").encode())
    return found


def _measure(backbone: Backbone, batch_size: int | None, n_jobs: int | None) -> Tuning:
    device = backbone.providers[0].is_device
    batches = [batch_size] if batch_size else DEVICE_BATCHES if device else CPU_BATCHES
    lanes = count_lanes(n_jobs)
    rates = measure_rates(backbone, [(size, lanes) for size in batches])
    size = choose([*batches], rates)
    rate = rates[[*batches].index(size)]
    if n_jobs is None and lanes > 1 and not device:
        # Two threads of one core share what computes: half as many lanes may be as fast.
        counts = [lanes // 2, lanes]
        rates = measure_rates(backbone, [(size, count) for count in counts])
        lanes = choose(counts, rates)
        rate = rates[counts.index(lanes)]
    return Tuning(size, lanes, round(rate, 1), is_new=True)


def measure_rates(backbone: Backbone, settings: Sequence[tuple[int, int]]) -> list[float]:
    """Return the views a second of a network with some batch sizes and numbers of lanes: the best of rounds.

    Measured in turns, so that a machine whose speed drifts slows all alike.
    """
    rates = [0.0] * len(settings)
    for number in range(_ROUNDS + 1):
        for at, (batch_size, lanes) in enumerate(settings):
            rate = _run_for(backbone, batch_size, lanes, _SECONDS if number else 0.0)
            rates[at] = max(rates[at], rate) if number else 0.0  # the first round starts what starts slowly
    return rates


def _run_for(backbone: Backbone, batch_size: int, lanes: int, seconds: float) -> float:
    images = draw_noise(backbone.frame, batch_size)
    started = time.perf_counter()

    def work(chunk: Sequence[int]) -> list[int]:
        count = 0
        while count == 0 or time.perf_counter() - started < seconds:
            runner.run(images)
            count += batch_size
        return [count]

    if not backbone.providers[0].is_device:
        runner: Any = backbone
        done = sum(run_lanes(work, range(lanes), lanes))
    else:
        with Batcher([backbone], batch_size) as runner:
            done = sum(run_lanes(work, range(2 * lanes), 2 * lanes))
    return done / (time.perf_counter() - started)


def choose(settings: Sequence[int], rates: Sequence[float]) -> int:
    """Return the least of some rising settings that is as fast as the fastest.

    Examples
    --------
    >>> choose([1, 2, 4, 8], [80.0, 99.0, 100.0, 90.0])
    2
    """
    best = max(rates)
    return next(setting for setting, rate in zip(settings, rates, strict=True) if rate >= _EQUAL * best)


def _name(backbone: Backbone, batch_size: int | None, n_jobs: int | None) -> str:
    """Return what a measurement is kept under: the machine, the runtime, the network and what is settled."""
    parts = [
        platform.node(),
        platform.machine(),
        f"{count_lanes(None)} cores",
        f"onnxruntime {import_runtime().__version__}",
        ", ".join(map(str, backbone.providers)),
        backbone.sha256,
        backbone.card.layer,
        backbone.precision,
        f"batch {batch_size or 'auto'}",
        f"lanes {n_jobs or 'auto'}",
    ]
    return "; ".join(parts)


def _read(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_bytes())
        return {key: value for key, value in kept.items() if set(value) == {"batch_size", "n_jobs", "rate"}}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}  # missing or damaged: it is measured again
