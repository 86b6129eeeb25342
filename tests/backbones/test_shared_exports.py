"""Networks that tests share are made once, whoever asks, and whole."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from shared_exports import share_folder


def test_of_several_who_ask_at_once_one_makes_it_and_the_others_wait(tmp_path: Path) -> None:
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        folder.mkdir()
        time.sleep(0.05)  # the others are at the lock by now
        (folder / "model.onnx").write_text("network")

    def ask(_: int) -> str:
        return (share_folder(tmp_path / "shared", "some:net 0", make) / "model.onnx").read_text()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == ["network"] * 4
    assert len(made) == 1
    other = share_folder(tmp_path / "shared", "some:net 1", Path.mkdir)
    assert other != made[0] and not list(other.iterdir())


def test_what_failed_is_tried_again(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        raise ValueError("no luck")

    for _ in range(2):
        with pytest.raises(ValueError, match="no luck"):
            share_folder(tmp_path / "shared", "net", fail)
    assert share_folder(tmp_path / "shared", "net", Path.mkdir).is_dir()
