"""The batch size and the number of lanes that a machine is fastest with: measured once, and kept.

What is measured is the network in lanes, as a job runs it, on noise: how pictures are decoded does not
matter. Small batches are preferred where they are as fast, since they take less memory.
"""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.arguments import is_positive
from cnncodes.backbones.running.instructions import name_processor
from cnncodes.backbones.running.providers import cache_folder
from cnncodes.backbones.running.runtime import import_runtime
from cnncodes.backbones.running.timing import draw_noise
from cnncodes.disk import parse_json
from cnncodes.embedding.batching import Batcher, Runner
from cnncodes.embedding.lanes import count_lanes, run_lanes
from cnncodes.embedding.memory import release_free_memory
from cnncodes.errors import BackboneError, StoreError
from cnncodes.machine import find_shortage, measure_memory, measure_resident
from cnncodes.store.files import write_file

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cnncodes.backbones import Backbone

CPU_BATCHES = (1, 2, 4, 8, 16, 32)
DEVICE_BATCHES = (16, 64, 256)

#: What counts as equally fast: these machines' noise is as large.
_EQUAL = 0.97
#: So much faster half the lanes have to be: noise makes nobody lose a core, and lanes decode as well.
_CLEARLY = 1.1
#: Seconds that each setting is measured for, in turns.
_SECONDS = 0.15
#: Rounds at least; more follow until the best two of each setting that may be the fastest agree, for so many
#: seconds at most.
_ROUNDS, _MOST_SECONDS = 3, 6.0
_MAY_BE_FASTEST = 0.85
#: Share of the machine's memory, or the container's, that larger batches may take to be tried.
_ROOM = 0.75
_FILE = "tuning.json"
_KEPT = ("batch_size", "n_jobs", "rate", "measured")


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
    measured : str
        The day.
    is_new : bool
        Whether this was measured now, and not found in the user's cache.
    fault : str, optional
        Why it could not be kept.
    """

    batch_size: int
    n_jobs: int
    rate: float
    measured: str
    is_new: bool = False
    fault: str | None = None

    def __str__(self) -> str:
        file = cache_folder() / _FILE
        how = f"measured on {self.measured} and kept in {file}: delete that to measure anew"
        if self.is_new:
            how = f"measured now, and kept in {file}"
        if self.fault is not None:
            how = f"measured now, as in every run: {self.fault.rstrip('.')}"
        lanes = f"{self.n_jobs} lane{'' if self.n_jobs == 1 else 's'}"
        return f"auto: batch {self.batch_size}, {lanes}, {self.rate:.0f} views/s ({how})"


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
        before = Tuning(**kept[key])
        sizes = [batch_size] if batch_size else [*CPU_BATCHES, *DEVICE_BATCHES]
        if before.batch_size in sizes and before.n_jobs <= count_lanes(n_jobs):  # else somebody wrote it
            return before
    found = _measure(backbone, batch_size, n_jobs)
    kept = {**_read(path), key: {name: getattr(found, name) for name in _KEPT}}
    try:
        write_file(path, (json.dumps(kept, indent=1) + "\n").encode())
    except StoreError as error:
        return replace(found, fault=str(error))
    return found


def _measure(backbone: Backbone, batch_size: int | None, n_jobs: int | None) -> Tuning:
    device = backbone.providers[0].is_device
    batches = [batch_size] if batch_size else DEVICE_BATCHES if device else CPU_BATCHES
    lanes = count_lanes(n_jobs)
    rates = measure_rates(backbone, [(size, lanes) for size in batches])
    size = choose([*batches], rates)
    rate = rates[[*batches].index(size)]
    if n_jobs is None and lanes > 1 and not device:
        # Two threads of one core share what computes, and may hinder each other.
        half, whole = measure_rates(backbone, [(size, lanes // 2), (size, lanes)])
        lanes = choose_lanes(lanes, half, whole)
        rate = whole if lanes == count_lanes(n_jobs) else half
    return Tuning(size, lanes, round(rate, 1), date.today().isoformat(), is_new=True)


def measure_rates(backbone: Backbone, settings: Sequence[tuple[int, int]]) -> list[float]:
    """Return the views a second of a network with some batch sizes and numbers of lanes: the best of rounds.

    Settings rise; those that there is no memory for have 0. What the larger ones took is given back.

    Measured in turns, so that a machine whose speed drifts slows all alike; but on a device one after the
    other, since ONNX Runtime plans convolutions anew whenever the shape is another than in the run before.
    """
    if backbone.providers[0].is_device:
        return [_measure_on_device(backbone, *setting) for setting in settings]
    rates: list[list[float]] = [[] for _ in settings]
    runs = [(draw_noise(backbone.frame, batch_size), lanes) for batch_size, lanes in settings]
    fit = _warm_up(backbone, runs)
    rates[fit:] = [[0.0, 0.0]] * (len(runs) - fit)
    began = time.perf_counter()
    left = [*range(fit)]
    rounds = 0
    while left:
        for at in left:
            rates[at].append(_run_lanes(backbone, *runs[at], seconds=_SECONDS))
        rounds += 1
        if rounds >= _ROUNDS:
            left = find_unsure(rates)
        if time.perf_counter() - began > _MOST_SECONDS:
            break
    backbone.release_memory()
    release_free_memory()
    return [max(mine) for mine in rates]


def _warm_up(backbone: Backbone, runs: Sequence[tuple[npt.NDArray[np.uint8], int]]) -> int:
    """Run each setting once, since the first run is slow; return how many there was memory for.

    What the next will take is guessed by what the last took: it grows with the images that are run at once.
    A container would end the job that takes too much.
    """
    release_free_memory()  # or what a batch took of it would not show
    most, each, images = _ROOM * measure_memory(), 0.0, 0
    for at, (batch, lanes) in enumerate(runs):
        more, before = len(batch) * lanes - images, measure_resident()
        if at and before + each * more > most:
            return at
        try:
            _run_lanes(backbone, batch, lanes)
        except BackboneError as error:
            if not at or find_shortage(error) is None:
                raise
            return at
        each, images = (measure_resident() - before) / max(more, 1), len(batch) * lanes
    return len(runs)


def _measure_on_device(backbone: Backbone, batch_size: int, lanes: int) -> float:
    images = draw_noise(backbone.frame, batch_size)
    with Batcher([backbone], batch_size) as batcher:
        _run_lanes(batcher, images, 2 * lanes)  # its buffers are made and pinned, and convolutions planned
        return max(_run_lanes(batcher, images, 2 * lanes, seconds=_SECONDS) for _ in range(_ROUNDS))


def find_unsure(rates: Sequence[Sequence[float]]) -> list[int]:
    """Return which settings may be the fastest, of those whose best two rates are not the same yet.

    Examples
    --------
    >>> find_unsure([[100, 99, 60], [97, 80, 70], [50, 30, 20]])
    [1]
    """
    top = max(max(mine) for mine in rates)
    unsure = []
    for at, mine in enumerate(rates):
        second, best = sorted(mine)[-2:]
        if best >= _MAY_BE_FASTEST * top and second < _EQUAL * best:
            unsure.append(at)
    return unsure


def choose_lanes(lanes: int, half: float, whole: float) -> int:
    """Return how many lanes to take, given the rates of half as many and of all of them.

    Examples
    --------
    >>> choose_lanes(2, 104.0, 100.0), choose_lanes(8, 130.0, 100.0)
    (2, 4)
    """
    return lanes // 2 if half > _CLEARLY * whole else lanes


def _run_lanes(runner: Runner, images: npt.NDArray[np.uint8], lanes: int, *, seconds: float = 0.0) -> float:
    """Run a batch again and again in lanes, at least once in each; return the images a second."""
    started = time.perf_counter()

    def work(chunk: Sequence[int]) -> list[int]:
        count = 0
        while count == 0 or time.perf_counter() - started < seconds:
            runner.run(images)
            count += len(images)
        return [count]

    done = sum(run_lanes(work, range(lanes), lanes))
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
        name_processor(),  # machines may share a home
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
        kept = parse_json(path.read_bytes())
        return {key: value for key, value in kept.items() if _is_sound(value)}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}  # missing or damaged: it is measured again


def _is_sound(kept: dict[str, Any]) -> bool:
    """Tell whether a measurement says what one can, or was damaged."""
    return (
        set(kept) == set(_KEPT)
        and is_positive(kept["batch_size"])
        and is_positive(kept["n_jobs"])
        and isinstance(kept["rate"], float)
        and 0 < kept["rate"] < math.inf
        and isinstance(kept["measured"], str)
    )
