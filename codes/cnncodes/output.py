"""What is told besides results: what libraries print and log, kept back; streams that are closed or full."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO


@contextlib.contextmanager
def hold_back() -> Iterator[list[str]]:
    """Keep what a library prints and its compiled parts log; the list yielded holds it afterwards."""
    import tempfile  # here, since it takes longer to load than most of what imports this

    said: list[str] = []
    printed = io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: said.append(printed.getvalue()))
        with contextlib.suppress(OSError):  # without a stderr there is nothing to keep from it
            kept = os.dup(2)
            stack.callback(os.close, kept)
            logged = stack.enter_context(tempfile.TemporaryFile())
            stack.callback(lambda: said.append(_read_all(logged)))
            os.dup2(logged.fileno(), 2)
            stack.callback(os.dup2, kept, 2)
        stack.enter_context(contextlib.redirect_stdout(printed))
        yield said


def occupy_streams() -> None:
    """Put something behind stdin, stdout and stderr where they are closed, before any file is opened.

    The first one would get the number, and what libraries log.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it has the lowest number that is free


class Unfailing:
    """A text file of which nothing else hangs: what cannot be written to it now is no error.

    Parameters
    ----------
    stream : text file
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text as far as that is possible."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """See to it that what was written arrives, if it can."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def _read_all(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
