"""Several processes that train one network: who they are, and what they do together.

torchrun starts them and says in the environment which is which; torch.distributed connects them.
"""

from __future__ import annotations

import atexit
import contextlib
import datetime
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError, WorkerError, sentence
from cnncodes.finetuning.settings import FineTuning

T = TypeVar("T")

#: How long one process waits for another, which may be embedding all images meanwhile.
_PATIENCE = datetime.timedelta(days=2)


@dataclass(frozen=True)
class World:
    """The processes that train one network, as one of them sees them. Alone, it does nothing anywhere.

    Attributes
    ----------
    rank : int
        Number of this process. The first, 0, alone writes, and tells how it goes.
    size : int
        How many there are.
    local_rank, local_size : int
        The same among those on this machine.

    Examples
    --------
    >>> World.find({}).size
    1
    >>> World(rank=1, size=2).own(7, batch=4)  # of 4 and 3 rows
    array([1, 3, 5])
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @classmethod
    def find(cls, environ: Mapping[str, str] = os.environ) -> World:
        """Return what torchrun says in the environment; a world of one where it says nothing.

        Raises
        ------
        UsageError
            If what it says makes no sense.
        """
        if not {"RANK", "WORLD_SIZE"} <= environ.keys():
            return cls()
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        said = {name: environ[name] for name in names if name in environ}
        try:
            rank, size = int(said["RANK"]), int(said["WORLD_SIZE"])
            local_rank, local_size = int(said.get("LOCAL_RANK", 0)), int(said.get("LOCAL_WORLD_SIZE", 1))
        except ValueError:
            rank = size = local_rank = local_size = -1
        if not (0 <= rank < size and 0 <= local_rank < local_size <= size):
            given = ", ".join(f"{name}={value}" for name, value in said.items())
            raise UsageError(
                f"the environment does not say which of several processes this is: {given}. Start them with"
                " torchrun, or unset RANK and WORLD_SIZE to train in one process."
            )
        return cls(rank, size, local_rank, local_size)

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    @contextlib.contextmanager
    def started(self, settings: FineTuning) -> Iterator[World]:
        """Connect the processes for a while.

        Raises
        ------
        UsageError
            If the settings ask for what several processes cannot do as one does.
        WorkerError
            If they do not find each other, or, at any time later, if another one has ended.
        """
        if self.size == 1:
            yield self
            return
        _check_settings(settings)
        import torch
        from torch import distributed

        cuda = settings.device != "cpu" and torch.cuda.is_available()
        # What is not on a GPU always goes by gloo, which notices at once that another process has ended.
        backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        try:
            distributed.init_process_group(backend, rank=self.rank, world_size=self.size, timeout=_PATIENCE)
        except (RuntimeError, ValueError) as error:
            raise WorkerError(
                f"the {self.size} processes did not find each other ({_first_line(error)}). Start them with"
                " torchrun."
            ) from error
        try:
            yield self
        except BaseException:
            # The process ends, which tells the others, and not before it has said why. Left to gloo's threads
            # it would end by abort now and then; NCCL may wait here for the others, who wait for it.
            if not cuda:
                atexit.register(distributed.destroy_process_group)
            raise
        distributed.destroy_process_group()

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.size > 1:
            import torch

            self.add(torch.zeros(1))

    @contextlib.contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """Have the first process do something, and the others only once it is done."""
        if not self.is_first:
            self.wait()
        yield
        if self.is_first:
            self.wait()

    def share(self, make: Callable[[], T]) -> T:
        """Return in every process what the first one makes."""
        if self.size == 1:
            return make()
        import torch
        from torch import distributed

        found: list[Any] = [make() if self.is_first else None]
        with self._together():
            distributed.broadcast_object_list(found, src=0, device=torch.device("cpu"))
        made: T = found[0]
        return made

    def own(self, count: int, batch: int) -> npt.NDArray[np.int64]:
        """Return the places of this process's rows among so many, which come batch by batch."""
        places: npt.NDArray[np.int64] = np.arange(count)
        return np.asarray(places[places % batch % self.size == self.rank])

    def add(self, tensor: Any) -> None:
        """Put the sum over all processes in a tensor's place, the same bits in each."""
        if self.size == 1:
            return
        from torch import distributed

        with self._together():
            distributed.all_reduce(tensor)

    def add_gradients(self, parameters: Sequence[Any], loss: float) -> float:
        """Give parameters the sum of their gradients over all processes, and return that of the losses.

        A gradient is None, as in one process, where it is None in all of them.
        """
        if self.size == 1:
            return loss
        import torch

        missing = [weight.grad is None for weight in parameters]
        parts = [
            (torch.zeros_like(weight) if weight.grad is None else weight.grad).reshape(-1)
            for weight in parameters
        ]
        facts = [loss, *(float(not one) for one in missing)]
        flat = torch.cat([torch.tensor(facts, device=parts[0].device), *parts])
        self.add(flat)
        total, *there = flat[: len(facts)].tolist()
        sums = flat[len(facts) :].split([len(part) for part in parts])
        for weight, values, known in zip(parameters, sums, there, strict=True):
            weight.grad = torch.empty_like(weight).copy_(values.view(weight.shape)) if known else None
        return float(total)

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise WorkerError(
                f"process {self.rank} of {self.size} (from 0) ends, since another one has: what that one"
                f" said tells why ({_first_line(error)}). Once that is mended the same command goes on."
            ) from error


#: One process, which trains by itself.
ALONE = World()


def _check_settings(settings: FineTuning) -> None:
    """Raise `UsageError` where several processes would not train as one does."""
    reason = ""
    if settings.batch_norm == "train":
        reason = "batch_norm 'train' goes by the images of each process alone: leave it 'frozen'"
    elif settings.mixup:
        reason = "mixup would mix the images of each process alone: leave it out"
    elif ":" in settings.device:
        reason = f"device {settings.device!r} is one for all: give 'cuda', and each takes one of its own"
    if reason:
        raise UsageError(f"with several processes the result would be another, or none: {sentence(reason)}")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
