"""The table of the zoo as models/README.md has it, and the script that makes it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]


def load_script() -> Any:
    """Return ``benchmarks/zoo.py`` as a module."""
    spec = importlib.util.spec_from_file_location("zoo_script", REPO / "benchmarks" / "zoo.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def read_rows() -> dict[str, list[str]]:
    """Return the cells of the table by network."""
    script = load_script()
    text = (REPO / "models" / "README.md").read_text(encoding="utf-8")
    table = text.partition(script.BEGIN)[2].partition(script.END)[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line
    ]
    assert rows[0] == list(script.COLUMNS)
    return {name: cells for name, *cells in rows[2:]}
