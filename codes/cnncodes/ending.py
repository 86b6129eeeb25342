"""Being asked to end: by Ctrl-C, by a scheduler (SIGTERM), or by a terminal that goes away (SIGHUP).

A process that is the command's own calls `watch` first thing, before anything heavy is imported. A thread
hears of each signal also while the main thread is held up: the first is answered at once with a line, and
raised in the main thread; the second ends the process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn


class Terminated(KeyboardInterrupt):
    """SIGTERM came: what is in hand is written, as after Ctrl-C."""


class HungUp(KeyboardInterrupt):
    """SIGHUP came, for instance since a connection was lost: the same."""


#: What is raised for each signal, and its word. Windows has no SIGHUP.
_SIGNALS: dict[int, tuple[type[KeyboardInterrupt], str]] = {
    signal.SIGINT: (KeyboardInterrupt, "interrupted"),
    signal.SIGTERM: (Terminated, "terminated"),
    getattr(signal, "SIGHUP", -1): (HungUp, "hung up"),
}
_SIGNALS.pop(-1, None)

#: Seconds within which a further signal is the same one: shells and schedulers tell a process and its group.
_SAME = 0.5


class _State:
    """What this process was asked; `watch` makes it the process's own."""

    def __init__(self) -> None:
        self.is_running = False
        #: Who takes it out answers the first signal. That is safe in a handler, where a lock might be held.
        self.unanswered = [True]
        self.received: int | None = None


_STATE = _State()


def watch() -> None:
    """Answer signals from now on; for a process that is ours alone, and its main thread."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    ours = [number for number in _SIGNALS if _is_free(number)]
    threading.Thread(target=_listen, args=(reader, ours), name="cnncodes-signals", daemon=True).start()
    for number in ours:
        signal.signal(number, _answer)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget)  # a child's signals are not ours


@contextlib.contextmanager
def running() -> Iterator[None]:
    """Let the first signal raise meanwhile: before and afterwards there is nothing to finish."""
    _STATE.is_running = True
    try:
        yield
    finally:
        _STATE.is_running = False
        _forget()


@contextlib.contextmanager
def ending_when_asked() -> Iterator[None]:
    """Raise where SIGTERM or SIGHUP would end the process at once; for a call inside somebody's program."""
    # Another thread may not set handlers, and one that the caller has set is the caller's.
    is_main = threading.current_thread() is threading.main_thread()
    ours = [number for number in _SIGNALS if is_main and signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def describe_interrupt(error: BaseException) -> tuple[str, int] | None:
    """Return the word and the exit status for what ended a command, None where no signal did.

    What else is raised once a signal has come is its doing: a library may turn an interrupt into its own
    error.

    Examples
    --------
    >>> describe_interrupt(KeyboardInterrupt()), describe_interrupt(ValueError())
    (('interrupted', 130), None)
    """
    for number, (kind, word) in reversed(_SIGNALS.items()):
        if isinstance(error, kind) or number == _STATE.received:
            return word, 128 + number
    return None


def was_announced() -> bool:
    """Tell whether the first signal has been answered already."""
    return not _STATE.unanswered


def leave(status: int) -> NoReturn:
    """End the process without waiting for threads that hang, or for a terminal that has gone."""
    import sys

    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _is_free(number: int) -> bool:
    """Tell whether nobody else has said what is to become of a signal, as nohup does."""
    return signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


def _raise(number: int, frame: FrameType | None) -> None:
    raise _SIGNALS[number][0]


def _answer(number: int, frame: FrameType | None) -> None:
    """Be the handler: in the main thread, once that gets to it."""
    if _STATE.received is None:
        _STATE.received = number
        _announce(number)
        if _STATE.is_running:
            raise _SIGNALS[number][0]
        time.sleep(0.1)  # the other thread is writing the line
        os._exit(128 + number)


def _listen(reader: int, numbers: list[int]) -> None:
    """Hear of signals although the main thread may be held up, as in a library's code."""
    began: float | None = None
    while data := os.read(reader, 1):
        now = time.monotonic()
        if data[0] not in numbers:
            continue
        if began is None:
            began = now
            _announce(data[0])
        elif now - began >= _SAME:
            _say("cnncodes: stopped at once. No file is half written.")
            os._exit(128 + data[0])


def _announce(number: int) -> None:
    """Answer the first signal, in whichever thread hears of it first."""
    try:
        _STATE.unanswered.pop()
    except IndexError:
        return
    word = _SIGNALS[number][1]
    if not _STATE.is_running:
        _say(f"\ncnncodes: {word}. Nothing was begun.")
        os._exit(128 + number)
    again = "press Ctrl-C again" if number == signal.SIGINT else "send another signal"
    _say(f"\ncnncodes: {word}: finishing what is in hand; {again} to stop at once.")


def _say(line: str) -> None:
    # Not through sys.stderr, in which the main thread may be writing this moment.
    with contextlib.suppress(OSError):
        os.write(2, f"{line}\n".encode())


def _forget() -> None:
    """Give the signals back."""
    for number in _SIGNALS:
        if signal.getsignal(number) is _answer:
            signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
