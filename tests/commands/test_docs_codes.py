"""What docs/codes.md shows runs as shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes import read_codes
from cnncodes.cli import main

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "codes.md").read_text(encoding="utf-8")


def test_its_commands_run_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for label in ("daisy", "poppy"):
            folder = tmp_path / "divided" / split / label
            folder.mkdir(parents=True)
            for name in ("0.png", "1.png"):
                Image.fromarray(rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(folder / name)
    (tmp_path / "list.txt").write_text("train/daisy/0.png\n")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    for line in "".join(blocks).splitlines():
        assert main(shlex.split(line, comments=True)[1:]) == 0, line
    for name in ("part", "two", "some", "center", "clip"):
        assert len(read_codes(f"{name}.codes"))
    [again] = re.findall(r"`(cnncodes embed [^`]*-o part.codes)`", TEXT)
    before = read_codes("part.codes").manifest
    assert main(shlex.split(again)[1:]) == 0
    assert read_codes("part.codes").manifest == before


def test_the_columns_in_the_text_are_those_on_disk(tmp_path: Path) -> None:
    from cnncodes.store.schema import codes_schema

    [table] = re.findall(r"^\| Column .*?\n\n", TEXT, re.MULTILINE | re.DOTALL)
    named = [
        name
        for line in table.strip().splitlines()[2:]
        for name in re.findall("`([a-z_]+)`", line.split("|")[1])
    ]
    assert named == codes_schema({"code": 1}, "float16").names
