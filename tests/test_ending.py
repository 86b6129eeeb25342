"""Signals: raised where they end a command, however what they interrupt treats that."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from cnncodes.ending import HungUp, Terminated, ending_when_asked

#: Where a signal is raised, and does not end the process at once.
raises = pytest.mark.skipif(sys.platform == "win32", reason="a signal there ends the process")

#: Each script raises the signal itself, so that Python answers it in the very frame that it is about.
BEGIN = """
import signal, sys, threading, time, weakref
from cnncodes.ending import Terminated, describe_interrupt, ending_when_asked, running, watch

class Thing:
    pass

def tell(*_):
    signal.raise_signal(signal.SIGTERM)

def wait():
    time.sleep(20)
    print("went on")
"""

RUN = """
watch()
try:
    with running():
        act()
except Terminated:
    print("ended")
"""

CALLBACK = """
def act():
    thing = Thing()
    ref = weakref.ref(thing, tell)
    del thing
    wait()
"""

DESTRUCTOR = """
Thing.__del__ = tell

def act():
    Thing()
    wait()
"""

CATCHER = """
def act():
    for again in range(3):
        try:
            if not again:
                tell()
            time.sleep(20)
        except BaseException:
            time.sleep(0.3)  # in all longer than until a further signal would count
    wait()
"""

IMPORT = """
taken = []

def act():
    code = "signal.raise_signal(signal.SIGTERM); time.sleep(0.2); taken.append(True)"
    try:
        exec(compile(code, "<frozen importlib._bootstrap>", "exec"))
        wait()
    finally:
        assert taken
"""

ENTER = """
class Lock:
    taken = False

    def __enter__(self):
        self.taken = True
        signal.raise_signal(signal.SIGTERM)

    def __exit__(self, *_):
        self.taken = False

def act():
    lock = Lock()
    try:
        with lock:
            wait()
    finally:
        assert not lock.taken
"""

BLOCKED = """
class Lock:
    def __enter__(self):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(20)
        print("went on")

    def __exit__(self, *_):
        pass

def act():
    with Lock():
        pass
"""


def run(*parts: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "".join((BEGIN, *parts))]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@raises
@pytest.mark.parametrize(
    "act",
    [CALLBACK, DESTRUCTOR, CATCHER, IMPORT, ENTER, BLOCKED],
    ids=["callback", "destructor", "catcher", "import", "enter", "blocked"],
)
def test_a_signal_is_raised_in_the_end_and_once(act: str) -> None:
    done = run(act, RUN)
    assert done.stdout == "ended\n", done.stderr
    assert done.returncode == 0
    said = "cnncodes: terminated: finishing what is in hand; send another signal to stop at once."
    assert done.stderr.strip() == said


@raises
def test_once_it_is_answered_it_is_not_raised_again() -> None:
    answer = """
def act():
    try:
        tell()
    except KeyboardInterrupt as error:
        print(describe_interrupt(error))
    time.sleep(0.3)
    print("in peace")
"""
    assert run(answer, RUN).stdout == "('terminated', 143)\nin peace\n"


@raises
@pytest.mark.parametrize("act", [CALLBACK, DESTRUCTOR, IMPORT], ids=["callback", "destructor", "import"])
def test_inside_somebodys_program_too(act: str) -> None:
    inside = """
try:
    with ending_when_asked():
        act()
except Terminated:
    print("ended")
"""
    done = run(act, inside)
    assert done.stdout == "ended\n", done.stderr


@raises
def test_what_comes_too_late_to_be_raised_does_what_it_would_have_done() -> None:
    late = """
with ending_when_asked():
    exec(compile("signal.raise_signal(signal.SIGTERM)", "<frozen importlib._bootstrap>", "exec"))
print("went on")
"""
    done = run(late)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "")


def test_sigterm_and_sighup_raise_only_inside_and_where_nobody_else_handles_them() -> None:
    for number, kind in ((signal.SIGTERM, Terminated), (signal.SIGHUP, HungUp)):
        with pytest.raises(kind), ending_when_asked():
            signal.raise_signal(number)
        assert signal.getsignal(number) is signal.SIG_DFL
    seen = []
    signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        with ending_when_asked():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert seen == [signal.SIGTERM]
