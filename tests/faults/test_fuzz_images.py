"""Pictures from strangers: each is a picture or a reason, at the cost of no process and of little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))
from image_bombs import BOMBS
from image_mutations import mutate, seeds

CHILD = Path(__file__).parent / "fuzz_child.py"

#: What a picture of the child's million pixels may take, and how often a file may be copied as it is read.
BUDGET, COPIES = 96 * 2**20, 3
#: Seconds of the processor for one picture.
PATIENCE = 5

Line = dict[str, Any]


def run_child(*arguments: str) -> tuple[list[Line], Any, int]:
    """Return what a child says of each picture, which one it had in hand at its end, and its exit status."""
    command = [sys.executable, str(CHILD), *arguments]
    child = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    lines = [json.loads(line) for line in child.stdout.splitlines()]
    in_hand = lines[-1].get("begin") if lines else "nothing"
    return [line for line in lines if "done" in line], in_hand, child.returncode


def save(folder: Path, which: int | str) -> Path:
    """Keep a picture that did harm."""
    path = folder / str(which)
    path.write_bytes(BOMBS[which]() if isinstance(which, str) else mutate(which)[1])
    return path


def find_harm(line: Line) -> str | None:
    """Return what a picture did that none may do."""
    reason = line["reason"]
    if line["outcome"] not in ("picture", "refused"):
        return f"{line['outcome']}: {reason}"
    if line["outcome"] == "refused" and (line["stage"] != "decode" or "\n" in reason or len(reason) < 8):
        return f"a reason that is none: {line['stage']}: {reason!r}"
    if line["grown"] > BUDGET + COPIES * line["bytes"] or "not enough memory" in reason:
        return f"took {line['grown']:,} bytes"
    return f"took {line['seconds']} s" if line["seconds"] > PATIENCE else None


def check(lines: Sequence[Line], in_hand: Any, status: int, folder: Path) -> None:
    harms = [(line["done"], harm) for line in lines if (harm := find_harm(line))]
    if status != 0:
        harms.append((in_hand, f"ended the process with status {status}"))  # -14: it hung
    assert [f"{save(folder, which)} {harm}" for which, harm in harms] == []


def fuzz(start: int, stop: int, folder: Path) -> list[Line]:
    """Decode mutations in a child, and check each; return what the child said."""
    found, in_hand, status = run_child("mutations", str(start), str(stop))
    check(found, in_hand, status, folder)
    assert [line["done"] for line in found] == list(range(start, stop))
    valid = [line for line in found if line["valid"]]
    assert len(valid) >= len(found) / 2  # others would only test how a header is refused
    pictures = [line for line in valid if line["outcome"] == "picture"]
    assert len(valid) / 4 < len(pictures) < len(valid)
    return found


def test_the_harness_sees_what_must_not_happen(tmp_path: Path) -> None:
    good = {"done": 1, "outcome": "picture", "reason": "", "grown": 0, "bytes": 100, "seconds": 0.1}
    check([good], None, 0, tmp_path)
    for bad in (
        {"outcome": "raised", "reason": "KeyError(5)"},
        {"outcome": "refused", "stage": "decode", "reason": "two\nlines and more"},
        {"grown": 2 * BUDGET},
        {"seconds": 2 * PATIENCE},
    ):
        with pytest.raises(AssertionError, match=str(tmp_path)):
            check([good | bad], None, 0, tmp_path)
    with pytest.raises(AssertionError, match="ended the process with status -11"):
        check([], 1, -11, tmp_path)
    assert (tmp_path / "1").read_bytes() == mutate(1)[1]


def test_damaged_pictures_are_pictures_or_reasons(tmp_path: Path) -> None:
    fuzz(0, 300, tmp_path)


@pytest.mark.slow
def test_fifteen_thousand_damaged_pictures_are_pictures_or_reasons(tmp_path: Path) -> None:
    found = fuzz(300, 15_300, tmp_path)
    for kind in {name.split("-")[0] for name in seeds()}:
        lines = [line for line in found if line["name"].split("-")[0] == kind]
        assert sum(line["valid"] for line in lines) >= 100, kind
    assert len({mutate(number)[1] for number in range(300, 15_300)}) > 14_000


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, len(BOMBS), 8))
def test_small_files_that_ask_for_much_get_little(start: int, tmp_path: Path) -> None:
    names = list(BOMBS)[start : start + 8]
    found, in_hand, status = run_child("bombs", *names)
    check(found, in_hand, status, tmp_path)
    assert [line["done"] for line in found] == names
