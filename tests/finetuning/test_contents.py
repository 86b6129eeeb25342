"""Hashes of what images hold."""

from __future__ import annotations

from pathlib import Path

from cnncodes.finetuning.contents import hash_contents
from cnncodes.images import records_from


def test_contents_of_what_cannot_be_read_are_empty(tmp_path: Path) -> None:
    contents, failed = hash_contents(records_from([tmp_path / "none.png", b"abc"]))
    assert contents[0] == "" and len(contents[1]) == 32
    assert list(failed) == [0]
