"""Being asked to end: by Ctrl-C, by a scheduler (SIGTERM), or by a terminal that goes away (SIGHUP).

A process that is the command's own calls `watch` first thing, before anything heavy is imported. A thread
hears of each signal also while the main thread is held up: the first is answered at once with a line, and
raised in the main thread; the second ends the process.

What is raised may come to nothing: Python discards what is raised in a destructor or a callback of the
garbage collector, and compiled modules may do so. It is raised again then. Where a lock may just have been
taken that nobody would give back, it is raised a little later.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn


class Interrupted(KeyboardInterrupt):
    """Ctrl-C came."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came: what is in hand is written, as after Ctrl-C."""


class HungUp(KeyboardInterrupt):
    """SIGHUP came, for instance since a connection was lost: the same."""


#: What is raised for each signal, and its word. Windows has no SIGHUP.
_SIGNALS: dict[int, tuple[type[KeyboardInterrupt], str]] = {
    signal.SIGINT: (Interrupted, "interrupted"),
    signal.SIGTERM: (Terminated, "terminated"),
    getattr(signal, "SIGHUP", -1): (HungUp, "hung up"),
}
_SIGNALS.pop(-1, None)

#: Seconds within which a further signal is the same one: shells and schedulers tell a process and its group.
_SAME = 0.5

#: Seconds until a signal is raised again, and how often at most that is put off for the sake of a lock.
_AGAIN, _MOST_TIMES = 0.02, 50


class _State:
    """What this process was asked; `watch` makes it the process's own."""

    def __init__(self) -> None:
        self.is_running = False
        #: Who takes it out answers the first signal. That is safe in a handler, where a lock might be held.
        self.unanswered = [True]
        self.received: int | None = None
        #: What was raised last, for as long as anybody has it, or until it has come to where it is answered.
        self.raised: weakref.ref[KeyboardInterrupt] | None = None
        #: A signal that was not raised yet, or in vain.
        self.lost: int | None = None
        self.times_put_off = 0
        #: Signals that this process sends itself, which are no further ones.
        self.own: list[int] = []


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
    sys.unraisablehook = _pass_over(sys.unraisablehook)
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
        if ours and (lost := _settle()) is not None:  # too late to be raised here
            signal.raise_signal(lost)


def describe_interrupt(error: BaseException) -> tuple[str, int] | None:
    """Return the word and the exit status for what ended a command, None where no signal did.

    What else is raised once a signal has come is its doing: a library may turn an interrupt into its own
    error. It is not raised again after that.

    Examples
    --------
    >>> describe_interrupt(KeyboardInterrupt()), describe_interrupt(ValueError())
    (('interrupted', 130), None)
    """
    _settle()
    for number, (kind, word) in _SIGNALS.items():
        if isinstance(error, kind) or number == _STATE.received:
            return word, 128 + number
    if isinstance(error, KeyboardInterrupt):  # Python's own, for Ctrl-C
        return _SIGNALS[signal.SIGINT][1], 128 + signal.SIGINT
    return None


def was_announced() -> bool:
    """Tell whether the first signal has been answered already."""
    return not _STATE.unanswered


def leave(status: int) -> NoReturn:
    """End the process without waiting for threads that hang, or for a terminal that has gone."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _is_free(number: int) -> bool:
    """Tell whether nobody else has said what is to become of a signal, as nohup does."""
    return signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


def _raise(number: int, frame: FrameType | None) -> None:
    """Be the handler: raise a signal where this is safe, and see to it that it is not raised in vain."""
    _STATE.lost = None
    if frame is not None and _may_take_lock(frame) and _STATE.times_put_off < _MOST_TIMES:
        _STATE.times_put_off += 1
        _lose(number)
        return
    error = _SIGNALS[number][0]()
    _STATE.raised = weakref.ref(error, lambda _: _lose(number))
    try:
        raise error
    finally:
        del error  # which this frame would keep alive


def _may_take_lock(frame: FrameType) -> bool:
    """Tell whether a lock may have been taken, and not yet what gives it back: a lane would wait for ever."""
    code = frame.f_code
    return code.co_filename.startswith("<frozen importlib") or code.co_name in ("__enter__", "__exit__")


def _lose(number: int) -> None:
    """Have a signal raised again; called where locks may be held, as in a handler."""
    _STATE.lost = number
    _thread.start_new_thread(_send_again, (number,))


def _send_again(number: int) -> None:
    time.sleep(_AGAIN)
    if _STATE.lost is None:
        return
    _STATE.own.append(number)
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, number)  # type: ignore[arg-type]
    else:
        _thread.interrupt_main(signal.Signals(number))


def _settle() -> int | None:
    """Stop seeing to what was raised, which has come to where it is answered; return what was not raised."""
    lost, _STATE.lost, _STATE.raised, _STATE.times_put_off = _STATE.lost, None, None, 0
    return lost


def _pass_over(hook: Any) -> Any:
    """Return a hook for what Python discards that says nothing of signals: these are raised again."""

    def tell(unraisable: Any) -> None:
        if _STATE.raised is None or unraisable.exc_value is not _STATE.raised():
            hook(unraisable)

    return tell


def _answer(number: int, frame: FrameType | None) -> None:
    """Be the handler: in the main thread, once that gets to it."""
    if _STATE.received is None:
        _STATE.received = number
        _announce(number)
        if not _STATE.is_running:
            time.sleep(0.1)  # the other thread is writing the line
            os._exit(128 + number)
    elif _STATE.lost != number:
        return  # a further one, of which the other thread hears
    _raise(number, frame)


def _listen(reader: int, numbers: list[int]) -> None:
    """Hear of signals although the main thread may be held up, as in a library's code."""
    began: float | None = None
    while data := os.read(reader, 1):
        now = time.monotonic()
        if data[0] not in numbers:
            continue
        if _STATE.own:
            _STATE.own.pop()
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
    _settle()
    for number in _SIGNALS:
        if signal.getsignal(number) is _answer:
            signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
