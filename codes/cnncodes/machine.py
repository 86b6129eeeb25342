"""What this process may have of the machine: cores and memory, of which a container or a job has a part."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

_ROOT = Path("/")


def count_cores(root: Path = _ROOT) -> int:
    """Return how many cores this process may use: those it may run on, fewer where its time is limited.

    Parameters
    ----------
    root : Path
        Where the system's files are.

    Examples
    --------
    >>> 1 <= count_cores() <= os.cpu_count()
    True
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    for group in _list_groups("cpu", root):
        for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
            with _passing_over():
                quota, period = map(int, " ".join((group / name).read_text() for name in names).split())
                if quota > 0:  # -1: none
                    cores = min(cores, math.ceil(quota / period))
    return cores


def measure_memory(root: Path = _ROOT) -> int:
    """Return the bytes of memory that the machine has, or the container."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for group in _list_groups("memory", root):
        for name in ("memory.max", "memory.limit_in_bytes"):
            with _passing_over():
                found.append(int((group / name).read_text()))
    return min(found)


def measure_swap(root: Path = _ROOT) -> int:
    """Return the bytes that may be swapped out besides."""
    found = [0]
    with _passing_over():
        total = re.search(r"^SwapTotal: *(\d+) kB$", (root / "proc/meminfo").read_text(), re.MULTILINE)
        found = [2**10 * int(total[1])] if total else found
    for group in _list_groups("memory", root):
        with _passing_over():
            found.append(int((group / "memory.swap.max").read_text()))
    return min(found)


def measure_resident() -> int:
    """Return the bytes of memory that this process has now, but for files; 0 where no system says it.

    Pages of files, such as libraries, are given up where memory is wanted.
    """
    with _passing_over():
        _, resident, files = map(int, Path("/proc/self/statm").read_text().split()[:3])
        return (resident - files) * os.sysconf("SC_PAGE_SIZE")
    return 0


#: How ONNX Runtime, CUDA, cuDNN, HIP, MIGraphX, DirectML, Arrow and C++ say that they got no memory, or no
#: thread, whose stack wants memory too.
_NO_MEMORY = re.compile(
    r"(?:[cm]|re)alloc of size|failed to allocate memory|cannot allocate memory|out of memory|out_of_memory"
    r"|outofmemory|errormemoryallocation|memory not available to allocate|not enough memory resources"
    r"|alloc_failed|bad_alloc|bad allocation|is smaller than requested bytes|failed to map segment",
    re.IGNORECASE,
)
_NO_THREAD = re.compile(
    r"failed to launch worker thread|can't start new thread|pthread_create|thread constructor failed",
    re.IGNORECASE,
)


def find_shortage(error: BaseException) -> Literal["memory", "threads"] | None:
    """Return what this process has too little of, where that is what an error says; else None.

    Examples
    --------
    >>> find_shortage(MemoryError()), find_shortage(RuntimeError("can't start new thread"))
    ('memory', 'threads')
    >>> find_shortage(ValueError("not a number")) is None
    True
    """
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or number == errno.ENOMEM or _NO_MEMORY.search(str(error)):
        return "memory"
    return "threads" if number == errno.EAGAIN or _NO_THREAD.search(str(error)) else None


def explain_shortage(shortage: Literal["memory", "threads"], less: str = "use fewer lanes (-j 1)") -> str:
    """Return what this process has too little of, and what to do, in words to end a sentence with.

    Parameters
    ----------
    shortage : {"memory", "threads"}
    less : str
        What takes less memory.
    """
    if shortage == "memory":
        return (
            f"there is not enough memory. End other programs, {less}, or raise the limit that this process"
            " has (ulimit -v, or a container's), and run the same command again."
        )
    return (
        "this process may start no more threads, or has no memory for them. Use -j 1 where there is that"
        " option, or raise the limit that it has (ulimit -u, ulimit -v, or a container's pids limit), and run"
        " the same command again."
    )


def _passing_over() -> contextlib.suppress:
    """Pass over a file that is not there, or that says "max": no limit."""
    return contextlib.suppress(OSError, ValueError)


def _list_groups(controller: str, root: Path) -> Iterator[Path]:
    """Yield the folders of the control groups that this process is in, of version 2 and 1, and those around.

    A container sees its own as the outermost, by whatever name the host has for it.
    """
    lines = ["0::/", f"1:{controller}:/"]
    with _passing_over():
        lines += (root / "proc/self/cgroup").read_text().splitlines()
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            outermost = root / "sys/fs/cgroup" / (controller if controllers else "")
            group = outermost / own.lstrip("/")
            yield from (group, *(folder for folder in group.parents if folder.is_relative_to(outermost)))
