"""What is written stays readable, whatever the names in it and whatever reads it."""

from __future__ import annotations

import errno
import io
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnncodes.cli.streams import prepare_streams, write_stdout
from cnncodes.commands import Reporter
from cnncodes.output import occupy_streams

NAME = "größe \udcff 花.png"


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_names_are_written_as_utf8_and_such_as_are_none_as_their_bytes_in_any_encoding(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    prepare_streams()
    write_stdout(f"{NAME}\ud800")
    assert raw.getvalue() == "größe ".encode() + b"\xff " + "花.png\\ud800".encode()


def test_a_terminal_gets_no_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Terminal(raw, encoding="utf-8"))
    prepare_streams()
    write_stdout("a\tb\n\x1b[2J\r\x9b \udc9b \u202e ö")
    assert raw.getvalue().decode() == "a\tb\n\\x1b[2J\\r\\x9b \\udc9b \\u202e ö"


def test_a_file_gets_them_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="utf-8", newline=""))
    prepare_streams()
    write_stdout("\x1b[2J")
    assert raw.getvalue() == b"\x1b[2J"


def test_what_is_kept_in_memory_gets_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", written := io.StringIO())
    prepare_streams()
    write_stdout(NAME)
    assert written.getvalue() == NAME


def test_a_closed_stdout_is_an_error_and_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    prepare_streams()
    with pytest.raises(OSError, match="stdout"):
        write_stdout("text")


class Full(io.RawIOBase):
    """A file on a disk that is full, until it is not."""

    def __init__(self) -> None:
        self.written, self.is_full = b"", True

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.written += bytes(data)
        return len(data)


def report() -> None:
    reporter = Reporter()
    reporter.note("begun")
    reporter.warn("slow")
    reporter.progress("embedding")(3, 3)
    print("done", file=sys.stderr, flush=True)


def test_progress_that_cannot_be_written_ends_nothing_and_goes_on_once_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = Full()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", line_buffering=True))
    prepare_streams()
    report()
    raw.is_full = False
    sys.stderr.write("größe \udcff\n")
    assert raw.written.endswith("done\ngröße \\udcff\n".encode())


def test_without_a_stderr_progress_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    prepare_streams()
    report()
    assert not sys.stderr.isatty()


def test_no_file_takes_the_number_of_a_closed_stream() -> None:
    kept = os.dup(2)
    try:
        os.close(2)
        occupy_streams()
        assert os.path.samestat(os.fstat(2), os.stat(os.devnull)) and os.get_inheritable(2)
        occupied = os.fstat(1)
        occupy_streams()
        assert os.path.samestat(os.fstat(1), occupied)
    finally:
        os.dup2(kept, 2)
        os.close(kept)


#: A pipe of so many bytes is full at once.
_PAGE = 4096
_SAYING = """
from cnncodes.cli.streams import prepare_streams, write_stdout
prepare_streams()
write_stdout("ä" * 9000)
"""


def say_much(stdout: int, unbuffered: str, before: str = "") -> subprocess.Popen[str]:
    """Start a process that does something, and then writes 18,000 bytes."""
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered, "PYTHONIOENCODING": "utf-8"}
    return subprocess.Popen(
        [sys.executable, "-c", before + _SAYING],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


@pytest.mark.skipif(os.name != "posix", reason="only there a pipe may refuse to wait")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_all_arrives_in_a_pipe_that_does_not_wait_for_its_reader(unbuffered: str) -> None:
    import fcntl

    reader, writer = os.pipe()
    fcntl.fcntl(writer, getattr(fcntl, "F_SETPIPE_SZ", 1031), _PAGE)
    os.set_blocking(writer, False)
    process = say_much(writer, unbuffered)
    os.close(writer)
    with open(reader, "rb") as file:
        assert select.select([file], [], [], 60)[0]
        time.sleep(0.2)  # it is full by now
        assert file.read().decode() == "ä" * 9000
    _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="limits of files are POSIX's")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_file_that_takes_only_the_beginning_is_an_error(tmp_path: Path, unbuffered: str) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))"
    with open(tmp_path / "out.txt", "wb") as file:
        process = say_much(file.fileno(), unbuffered, limit)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "stdout could not be written: File too large" in complaint
