"""Where a network is trained, and in which numbers; loaded by what needs torch."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import torch

from cnncodes.embedding import count_lanes
from cnncodes.errors import UsageError, sentence
from cnncodes.finetuning.settings import FineTuning
from cnncodes.finetuning.world import ALONE, World

#: Names of mallopt's parameters in <malloc.h>, and the largest value that both take.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MOST = -1, -3, 2**30


@dataclass(frozen=True)
class Place:
    """A device and the type that it computes in.

    Attributes
    ----------
    device : torch.device
    autocast : dtype or None
        None for float32.
    memory_format : memory_format
        Channels last: convolutions of EfficientNet-Lite0's upper part take 0.6 of the time then on a CPU.
    """

    device: torch.device
    autocast: torch.dtype | None
    memory_format: torch.memory_format = torch.channels_last


def choose_device(settings: FineTuning, n_jobs: int | None = None, world: World = ALONE) -> Place:
    """Return where the settings have a network trained, and set torch's threads.

    Of several processes on a machine, each has a GPU of its own, or a part of the cores.

    Raises
    ------
    UsageError
        If torch has no such device.
    """
    lanes = count_lanes(n_jobs)
    torch.set_num_threads(max(1, lanes // world.local_size) if n_jobs in (None, -1) else lanes)
    _keep_freed_memory()
    name = settings.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and world.size > 1:
        name = f"cuda:{world.local_rank}"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"device {name!r} does not work: {sentence(str(error).splitlines()[0])} Choose cpu or auto."
        ) from error
    bf16 = settings.precision == "bf16" or (settings.precision == "auto" and _has_fast_bf16(device))
    return Place(device, torch.bfloat16 if bf16 else None)


def _keep_freed_memory() -> None:
    """Have C's library keep what each step frees, as the next one takes as much again.

    By default glibc gives large blocks back to the system at once, and an epoch of the whole of
    EfficientNet-Lite0 takes 1.5 times as long.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's alone
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _MOST)
        mallopt(_TRIM_THRESHOLD, _MOST)


def _has_fast_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    # Without AMX a CPU computes bf16 more slowly than float32.
    return device.type == "cpu" and bool(torch.cpu._is_amx_tile_supported())
