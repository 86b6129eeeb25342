"""What compiled libraries print and log, kept back from the user and told in better words."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import BinaryIO


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


def _read_all(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
