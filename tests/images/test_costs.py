"""What decoding takes is known before: measured in a process, it is never more, and not far less."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cnncodes.images.costs import estimate_opening

MEASURE = Path(__file__).parent / "measure_costs.py"


@pytest.mark.parametrize("size", [(1, 1), (300, 200), (16383, 2)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}, {"save_all": True}])
def test_what_opening_a_webp_takes_follows_from_its_header(
    size: tuple[int, int], mode: str, options: dict[str, Any]
) -> None:
    file = io.BytesIO()
    frames = {"append_images": [Image.new(mode, size, "blue")]} if "save_all" in options else {}
    Image.new(mode, size, "red").save(file, "WEBP", **options, **frames)
    assert estimate_opening(file.getvalue()) == 8 * size[0] * size[1]
    for end in range(60):  # one that is cut short is no error here
        assert estimate_opening(file.getvalue()[:end]) in (0, 8 * size[0] * size[1])


@pytest.mark.slow
def test_decoding_takes_no_more_than_was_said_before() -> None:
    command = [sys.executable, str(MEASURE)]
    measured = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [json.loads(line) for line in measured.splitlines()]
    assert len(lines) >= 30
    for name, mode, taken, promised in lines:
        assert len(promised) == 2 and promised[0] == promised[1], name
        assert taken <= promised[0], (name, mode)
    of = {(name, mode): promised[0] for name, mode, _, promised in lines}
    assert of["jpeg", "fast"] < of["jpeg", "exact"] / 5
    assert of["jpeg", "fast"] < of["jpeg-progressive", "fast"] < of["jpeg-progressive", "exact"]
    taken, promised = {(name, mode): (taken, promised[0]) for name, mode, taken, promised in lines}[
        "jpeg", "exact"
    ]
    assert promised < 3 * taken  # of what is by far the most frequent not much is set aside in vain
