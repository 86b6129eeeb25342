"""What is written stays readable, whatever the names in it and whatever reads it."""

from __future__ import annotations

import io
import sys

import pytest

from cnncodes.cli.streams import prepare_streams, write_stdout

NAME = "größe \udcff 花.png"


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("utf-8", "größe ".encode() + b"\xff " + "花.png".encode()),
        ("ascii", b"gr\\xf6\\xdfe \xff \\u82b1.png"),
        ("latin-1", "größe ".encode("latin-1") + b"\xff \\u82b1.png"),
    ],
)
def test_names_pass_through_any_encoding(
    monkeypatch: pytest.MonkeyPatch, encoding: str, written: bytes
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    prepare_streams()
    write_stdout(NAME)
    assert raw.getvalue() == written


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


def test_a_closed_stdout_is_an_error_and_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    prepare_streams()
    with pytest.raises(OSError, match="stdout"):
        write_stdout("text")
