"""What stands in a file's place until Git LFS has fetched it is told from all else."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnncodes.pointers import explain_pointer, explain_pointer_at

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 1234\n"


def test_a_pointer_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(POINTER)
    told = explain_pointer(POINTER)
    assert told == explain_pointer_at(tmp_path / "x")
    assert told is not None and "'git lfs pull'" in told


@pytest.mark.parametrize("data", [b"", POINTER[3:], POINTER + bytes(1024), b"version 1"])
def test_nothing_else_is_one(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    assert explain_pointer(data) is explain_pointer_at(tmp_path / "x") is None


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert explain_pointer_at(tmp_path / "gone") is explain_pointer_at(tmp_path) is None
