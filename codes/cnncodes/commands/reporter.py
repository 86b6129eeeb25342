"""What a command tells its user while it works: notes, warnings and progress, all on stderr."""

from __future__ import annotations

import contextlib
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

from cnncodes.commands.controls import escape_controls
from cnncodes.errors import CostWarning

#: Seconds between two redraws on a terminal, and between two lines elsewhere.
REDRAW, LINE = 0.1, 10.0
#: What took fewer seconds had nothing to do, as where codes are stored: a rate would mean nothing.
AT_ONCE = 0.1


class Reporter:
    """Writes notes, warnings and progress.

    Parameters
    ----------
    stream : text file, optional
        Where to; stderr by default.
    quiet : bool
        Leave out notes, progress and advice on what would be faster; other warnings stay.
    clock : callable
        Seconds since some moment.
    typed : sequence of str, optional
        What the user typed; a recipe's steps have options that nobody did. None where that is not known.
    began : float, optional
        When the command did, or a recipe's step, by `time.perf_counter`. [now]
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
        typed: Sequence[str] | None = None,
        began: float | None = None,
    ) -> None:
        self.began = time.perf_counter() if began is None else began
        self._typed = typed
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._clock = clock
        self._drawn = False
        self._heard: set[str] | None = None

    def was_typed(self, name: str) -> bool:
        """Say whether the user gave an option, of a command or by --set of a recipe's step, or may have."""
        typed = self._typed
        return typed is None or any(one.startswith(f"--{name}") or f".{name}=" in one for one in typed)

    def note(self, text: str) -> None:
        """Say what is being done."""
        if not self._quiet:
            self._write_line(text)

    def warn(self, text: str) -> None:
        """Say what the user should know, also when quiet."""
        self._write_line(f"cnncodes: warning: {' '.join(text.split())}")

    def progress(self, what: str, unit: str = "images") -> Progress:
        """Return a callable that takes the numbers of images (or other units) done, to do, and failed."""
        return Progress(self, what, unit, self._clock)

    @contextlib.contextmanager
    def passing_warnings(self) -> Iterator[None]:
        """Pass on what is warned of meanwhile, at once, each text once, also where one is within another."""
        outermost = self._heard is None
        heard = self._heard = set() if self._heard is None else self._heard

        def show(message: Warning | str, category: type[Warning], *others: Any) -> None:
            text = str(message)
            if text not in heard and not (self._quiet and issubclass(category, CostWarning)):
                heard.add(text)
                self.warn(text)

        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = show  # type: ignore[assignment]  # which takes what it passes over
            try:
                yield
            finally:
                if outermost:
                    self._heard = None

    @property
    def redraws(self) -> bool:
        """Whether a line can be drawn over."""
        return self._stream.isatty()

    def draw(self, text: str) -> None:
        """Draw a line of progress: over the last one on a terminal."""
        if self._quiet:
            return
        text = escape_controls(text)
        if self.redraws:
            self._stream.write(f"\r\x1b[K{text}")
            self._drawn = True
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave the line of progress as it is and go to the next."""
        if self._drawn:
            self._stream.write("\n")
            self._stream.flush()
            self._drawn = False

    def _write_line(self, text: str) -> None:
        self.end()
        self._stream.write(escape_controls(text) + "\n")
        self._stream.flush()


class Progress:
    """Images/s, time left and failures of one job, drawn now and then."""

    def __init__(self, reporter: Reporter, what: str, unit: str, clock: Callable[[], float]) -> None:
        self._reporter, self._what, self._unit, self._clock = reporter, what, unit, clock
        self._started = clock()
        self._shown = self._started
        self._first: tuple[float, int] | None = None

    def __call__(self, done: int, total: int, failed: int = 0) -> None:
        now = self._clock()
        if self._first is None:
            self._first = now, done
        pause = REDRAW if self._reporter.redraws else LINE
        if done < total and now - self._shown < pause:
            return
        self._shown = now
        self._reporter.draw(self._describe(done, total, failed, now))
        if done >= total:
            self._reporter.end()

    def _describe(self, done: int, total: int, failed: int, now: float) -> str:
        seconds = now - self._started
        rate = done / seconds if seconds > 0 else 0.0
        if self._first is not None and done < total and now > self._first[0]:
            # What comes before the first image, such as finding the best batch size, is done once.
            rate = (done - self._first[1]) / (now - self._first[0])
        parts = [f"{self._what}: {done:,}/{total:,} {self._unit}", f"{rate:.0f} {self._unit}/s"]
        if rate < 1 or (done >= total and seconds < AT_ONCE):
            parts.pop()
        if done >= total:
            parts.append(f"took {format_seconds(seconds)}")
        elif rate > 0 and self._first is not None and now > self._first[0]:
            parts.append(f"{format_seconds((total - done) / rate)} left")
        if failed:
            parts.append(f"{failed:,} failed")
        return ", ".join(parts)


def format_seconds(seconds: float) -> str:
    """Return a time as people say it.

    Examples
    --------
    >>> format_seconds(4.2), format_seconds(75), format_seconds(7322)
    ('4 s', '1 min 15 s', '2 h 02 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
