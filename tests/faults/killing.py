"""Work that kills itself before the k-th of its calls that change something on disk.

Each run is a process of its own, forked from one that has the imports done.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Iterable
from typing import Any

#: Calls so far, in this process, and the one before which it dies; 0 is none.
count = deadline = 0


def deadly(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that counts its calls and kills the process before one of them."""

    def call(*args: Any, **kwargs: Any) -> Any:
        global count
        count += 1
        if count == deadline:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return call


def arm(k: int, names: Iterable[str]) -> None:
    """Let these functions of the module os be deadly at the k-th call."""
    global deadline
    deadline = k
    for name in names:
        setattr(os, name, deadly(getattr(os, name)))


def run(function: Callable[..., Any], *args: Any) -> tuple[int, int]:
    """Run a function in a fork; return its exit code, below 0 for a signal, and the calls that it counted."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            function(*args)
            os.write(writer, str(count).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    steps = int(os.read(reader, 20) or 0)
    os.close(reader)
    return status, steps
