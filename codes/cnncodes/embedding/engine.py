"""What a job runs on: its networks, how many views they take at once, and how many lanes feed them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cnncodes.arguments import check_switches, is_positive
from cnncodes.backbones import Backbone, load_backbone
from cnncodes.embedding.batching import Batcher, check_sessions
from cnncodes.embedding.embedder import DEFAULT_BATCH_SIZE, Embedder
from cnncodes.embedding.isolation import DECODE_SECONDS, LONGEST_SECONDS, Isolation
from cnncodes.embedding.lanes import count_lanes
from cnncodes.embedding.memory import MemoryBudget
from cnncodes.embedding.tuning import tune
from cnncodes.errors import CostWarning, UsageError, WorkerError, sentence, warn
from cnncodes.images import Decoding
from cnncodes.plain import to_builtin
from cnncodes.views import ViewPlan

#: Views in one call of a network on a device of its own.
DEVICE_BATCH_SIZE = 64

#: So many lanes decode in threads as fast as in processes, and for fewer images processes are not worth their
#: start. On 16 cores 8 threads decoded as many small JPEGs a second as 32 (`benchmarks/many_cores.py`).
_THREADS, _WORTH = 4, 4000

#: Asked for as a batch size or a number of lanes: what is fastest here.
AUTO = "auto"


@dataclass(frozen=True)
class Engine:
    """Sessions of one network, and how they are fed.

    Attributes
    ----------
    backbones : tuple of Backbone
        One, or one for each device.
    batch_size : int
        Views in one call of the network.
    lanes : int
        Threads that read, decode and cut; on the CPU they run the network too.
    budget : MemoryBudget
        What the pictures that lanes decode at the same time may take.
    isolation : Isolation, optional
        Limits of the processes that decode in the lanes' place, where there are to be any.
    automatic : tuple of str
        What is to be measured, see `tuned`: ``"batch_size"``, ``"n_jobs"``.
    """

    backbones: tuple[Backbone, ...]
    batch_size: int
    lanes: int
    budget: MemoryBudget
    isolation: Isolation | None = None
    automatic: tuple[str, ...] = ()

    @classmethod
    def make(
        cls,
        backbone: Any,
        batch_size: int | str | None = None,
        n_jobs: int | str | None = None,
        max_memory: int | str | None = None,
        *,
        isolate: bool = False,
        decode_seconds: float | None = None,
    ) -> Engine:
        """Load the network where it is given by name, and settle what is left open but for what is measured.

        Raises
        ------
        UsageError
            If the batch size is neither a positive number nor ``"auto"``, the memory no amount of it, the
            seconds not above 0 or given without isolation, or several networks are given.
        """
        batch_size, budget = to_builtin(batch_size), MemoryBudget.make(max_memory)
        isolation = _isolate(isolate, decode_seconds, budget)
        if batch_size is not None and batch_size != AUTO and not is_positive(batch_size):
            raise UsageError(f"batch_size must be at least 1, or 'auto'. Got {batch_size!r} instead.")
        jobs: Any = None if n_jobs == AUTO else n_jobs
        count_lanes(jobs)
        backbones = _load(backbone)
        device = backbones[0].providers[0].is_device
        size = (
            batch_size if isinstance(batch_size, int) else DEVICE_BATCH_SIZE if device else DEFAULT_BATCH_SIZE
        )
        given = {"batch_size": batch_size, "n_jobs": n_jobs}
        return cls(
            backbones,
            size,
            count_lanes(jobs) * _count_turns(backbones),
            budget,
            isolation,
            tuple(name for name, value in given.items() if value == AUTO),
        )

    def tuned(self, on_note: Callable[[str], None] | None = None) -> Engine:
        """Return the engine with what was left to be measured; that takes seconds, the first time.

        Parameters
        ----------
        on_note : callable, optional
            Called with a line that says what was chosen, and why.
        """
        if not self.automatic:
            return self
        turns = _count_turns(self.backbones)
        found = tune(
            self.backbone,
            batch_size=None if "batch_size" in self.automatic else self.batch_size,
            n_jobs=None if "n_jobs" in self.automatic else self.lanes // turns,
        )
        if on_note is not None:
            on_note(str(found))
        return replace(self, batch_size=found.batch_size, lanes=found.n_jobs * turns, automatic=())

    @property
    def backbone(self) -> Backbone:
        """The network, or the first of several sessions of it."""
        return self.backbones[0]

    def for_images(self, count: int, decoding: Decoding) -> Engine:
        """Return the engine that is fastest for so many images: with processes, where lanes are many.

        Python runs one thread at a time, and what it does for each image besides decoding keeps more than a
        few lanes waiting. These processes have hardly a limit that lanes do not have; codes are the same.
        """
        if self.isolation is not None or self.lanes <= _THREADS or count < _WORTH or os.name != "posix":
            return self
        if decoding.is_nvimgcodec:  # it has one decoder for all lanes
            return self
        isolation = Isolation(LONGEST_SECONDS, self.budget.limit, in_groups=True)
        try:
            isolation.check()
        except (UsageError, WorkerError) as error:
            warn(
                f"images are decoded in threads, of which more than {_THREADS} gain little:"
                f" {sentence(error)}",
                CostWarning,
            )
            return self
        return replace(self, isolation=isolation)

    def limits(self, decoding: Decoding) -> dict[str, float]:
        """Return the limits that images meet now, by name: those that a failure may have met before.

        What only isolation guards against is no limit without it: the image would meet none at all.
        """
        limits: dict[str, float] = {
            "max_pixels": decoding.max_pixels,
            "machine_memory": self.budget.machine,
        }
        if self.isolation is not None and not self.isolation.in_groups:
            limits |= {"decode_seconds": self.isolation.seconds, "max_memory": self.isolation.memory}
        return limits

    def check(self, decoding: Decoding) -> None:
        """Raise where images cannot be decoded in this way.

        Raises
        ------
        UsageError
            If processes of their own are to do what only this one can.
        BackendMissing
            If a library or a device is missing.
        """
        if decoding.is_nvimgcodec and self.isolation is not None:
            why = "it has one decoder for all lanes"
            why = why if decoding.mode.endswith("-cpu") else "each process would need the GPU"
            raise UsageError(
                f"decode={decoding.mode!r} cannot be isolated: {why}. Leave out"
                " isolate (--isolate), or take decode='exact' (--decode exact)."
            )
        decoding.check()

    @contextlib.contextmanager
    def start(self, plan: ViewPlan, decoding: Decoding) -> Iterator[Embedder]:
        """Give what makes codes in the lanes; for devices of their own it gathers what several lanes have."""
        embedder = self.embedder(plan, decoding)
        with contextlib.ExitStack() as stack:
            if self.isolation is not None:
                workers = stack.enter_context(self.isolation.start(embedder.cutter))
                embedder = replace(embedder, workers=workers)
            if self.backbone.providers[0].is_device or len(self.backbones) > 1:
                batcher = stack.enter_context(Batcher(self.backbones, self.batch_size))
                embedder = replace(embedder, runner=batcher)
            yield embedder

    def embedder(self, plan: ViewPlan, decoding: Decoding) -> Embedder:
        """Return what makes codes in one lane by itself."""
        return Embedder(self.backbone, plan, decoding, self.batch_size, budget=self.budget)


def _count_turns(backbones: Sequence[Backbone]) -> int:
    """Return lanes for one that is asked for: while a device works on a lane's views, another one decodes."""
    return 2 * len(backbones) if backbones[0].providers[0].is_device else 1


def _isolate(isolate: Any, seconds: float | None, budget: MemoryBudget) -> Isolation | None:
    """Return the isolation that was asked for."""
    check_switches(isolate=isolate)
    isolation = Isolation(DECODE_SECONDS if seconds is None else seconds, budget.limit)
    if seconds is not None and not isolate:
        raise UsageError(
            "without isolation nothing ends a decoder that hangs: decode_seconds (--decode-seconds) needs"
            " isolate=True (--isolate)."
        )
    return isolation if isolate else None


def _load(backbone: Any) -> tuple[Backbone, ...]:
    if isinstance(backbone, Backbone):
        return (backbone,)
    if isinstance(backbone, str | Path):
        return (load_backbone(backbone),)
    if isinstance(backbone, Sequence) and not backbone:
        raise UsageError("backbone is empty: give a name, a folder, or at least one Backbone.")
    if not isinstance(backbone, Sequence) or not all(isinstance(one, Backbone) for one in backbone):
        raise UsageError(
            "backbone must be a name, a folder, a Backbone, or several of these that are sessions of one"
            f" network. Got {type(backbone).__name__} instead."
        )
    check_sessions(backbone)
    return tuple(backbone)
