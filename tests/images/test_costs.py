"""What decoding takes is known before: measured in a process, it is never more, and not far less."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MEASURE = Path(__file__).parent / "measure_costs.py"


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
