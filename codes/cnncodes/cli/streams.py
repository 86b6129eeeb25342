"""Writing to stdout: any name, in UTF-8 whatever the locale, to a file, a pipe or a terminal."""

from __future__ import annotations

import codecs
import errno
import os
import select
import sys
from typing import TextIO, cast

from cnncodes.commands.controls import escape_controls
from cnncodes.output import Unfailing

_ERRORS = "cnncodes.escape"


def prepare_streams() -> None:
    """Let any name pass through the output, and let no command end because stderr is closed or full.

    Results are data, and the same bytes in any locale: stdout is UTF-8. Messages are in the terminal's
    encoding. Names may be no valid text. Progress is no result; exit statuses stay.
    """
    codecs.register_error(_ERRORS, _escape)
    for stream, settings in (
        (sys.stdout, {"encoding": "utf-8", "errors": _ERRORS}),
        (sys.stderr, {"errors": "backslashreplace"}),
    ):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(**settings)
    if not isinstance(sys.stderr, Unfailing):
        if sys.stderr is None:  # Python's word for a closed one
            sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (as long as the process lives)
        sys.stderr = cast(TextIO, Unfailing(sys.stderr))


def write_stdout(text: str) -> None:
    """Write a text and make sure that it has arrived.

    Raises
    ------
    BrokenPipeError
        If the reader has gone.
    OSError
        If it cannot be written for another reason.
    """
    if sys.stdout is None:  # Python's word for a closed one
        raise OSError(errno.EBADF, "stdout could not be written: it is closed")
    try:
        _write_all(sys.stdout, escape_controls(text) if sys.stdout.isatty() else text)
    except BrokenPipeError:
        silence_stdout()
        raise
    except OSError as error:
        silence_stdout()
        raise OSError(error.errno, f"stdout could not be written: {error.strerror}") from error


def _write_all(stream: TextIO, text: str) -> None:
    """Write a text to its end, as a text file without a buffer (PYTHONUNBUFFERED) does not.

    Such a file passes over what a disk that is full, or a pipe whose reader is slow, has not taken.
    """
    if not hasattr(stream, "buffer"):  # a notebook's, or one that is kept in memory
        stream.write(text)
        stream.flush()
        return
    stream.flush()
    raw = getattr(stream.buffer, "raw", stream.buffer)
    left = memoryview(text.replace("\n", os.linesep).encode(stream.encoding, stream.errors or "strict"))
    while left:
        taken = raw.write(left)
        if taken is None:  # a pipe that never waits, and is full
            select.select([], [raw], [])
        else:
            left = left[taken:]


def silence_stdout() -> None:
    """Send what is still held back into the void, lest Python tries again and complains as it ends."""
    void = os.open(os.devnull, os.O_WRONLY)
    os.dup2(void, sys.stdout.fileno())
    os.close(void)


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return a byte that was no text as it was, and another surrogate, which UTF-8 has not, as its escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return character.encode("ascii", "backslashreplace").decode("ascii"), error.start + 1
