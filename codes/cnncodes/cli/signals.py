"""Being asked to end: by Ctrl-C, or by a scheduler that sends SIGTERM."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM came: what is in hand is written, as after Ctrl-C."""


@contextlib.contextmanager
def ending_when_terminated() -> Iterator[None]:
    """Raise `Terminated` where SIGTERM would end the process at once."""
    # Another thread may not set handlers, and one that the caller has set is the caller's.
    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
