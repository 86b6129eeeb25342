"""Progress on a terminal and elsewhere."""

from __future__ import annotations

import io
import warnings

from cnncodes.commands.reporter import Reporter
from cnncodes.errors import CostWarning


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def run(stream: io.StringIO, *, quiet: bool = False) -> str:
    clock = Clock()
    reporter = Reporter(stream, quiet=quiet, clock=clock)
    progress = reporter.progress("embedding")
    for done in range(1, 101):
        clock.now = done * 0.25
        progress(done, 100, done // 50)
    reporter.note("done")
    return stream.getvalue()


def test_elsewhere_there_is_a_line_now_and_then() -> None:
    lines = run(io.StringIO()).splitlines()
    assert lines == [
        "embedding: 40/100 images, 4 images/s, 15 s left",
        "embedding: 80/100 images, 4 images/s, 5 s left, 1 failed",
        "embedding: 100/100 images, 4 images/s, took 25 s, 2 failed",
        "done",
    ]


def test_what_comes_before_the_first_image_does_not_count_towards_the_time_left() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = Reporter(stream, clock=clock).progress("embedding")
    for done, now in ((2, 100.0), (12, 110.0), (20, 118.0)):
        clock.now = now
        progress(done, 20)
    assert stream.getvalue().splitlines() == [
        "embedding: 2/20 images",
        "embedding: 12/20 images, 1 images/s, 8 s left",
        "embedding: 20/20 images, took 1 min 58 s",
    ]


def test_where_nothing_had_to_be_done_there_is_no_rate() -> None:
    times = iter((0.0, 0.0005, 0.001))
    stream = io.StringIO()
    progress = Reporter(stream, clock=lambda: next(times)).progress("predicting")
    progress(120, 360)
    progress(360, 360)
    assert stream.getvalue() == "predicting: 360/360 images, took 0 s\n"


def test_on_a_terminal_one_line_is_drawn_over_and_then_left() -> None:
    text = run(Terminal())
    assert text.count("\n") == 2
    assert text.count("\r") == 100
    assert text.endswith("took 25 s, 2 failed\ndone\n")


def test_quiet_keeps_only_warnings() -> None:
    stream = io.StringIO()
    assert run(stream, quiet=True) == ""
    Reporter(stream, quiet=True).warn("two\nlines")
    assert stream.getvalue() == "cnncodes: warning: two lines\n"


def test_names_do_not_steer_the_terminal() -> None:
    stream = Terminal()
    reporter = Reporter(stream)
    reporter.note("reading \x1b[2J.png")
    reporter.warn("'\x1b]0;title\x07' is odd")
    reporter.draw("\x9b2J")
    assert stream.getvalue() == (
        "reading \\x1b[2J.png\ncnncodes: warning: '\\x1b]0;title\\x07' is odd\n\r\x1b[K\\x9b2J"
    )


def test_warnings_are_passed_on_at_once_and_once_and_advice_is_not_for_the_quiet() -> None:
    for quiet, advice in ((False, ["cnncodes: warning: slow"]), (True, [])):
        stream = io.StringIO()
        with Reporter(stream, quiet=quiet).passing_warnings():
            for _ in range(2):
                warnings.warn("odd", UserWarning, stacklevel=1)
                warnings.warn("slow", CostWarning, stacklevel=1)
            assert stream.getvalue().splitlines() == ["cnncodes: warning: odd", *advice]


def test_a_warning_within_another_block_is_said_once() -> None:
    stream = io.StringIO()
    reporter = Reporter(stream)
    for _ in range(2):
        with reporter.passing_warnings():
            warnings.warn("look out", stacklevel=1)
            with reporter.passing_warnings():
                warnings.warn("look out", stacklevel=1)
            warnings.warn("look out", stacklevel=1)
    assert stream.getvalue().count("look out") == 2  # once for each outer block
