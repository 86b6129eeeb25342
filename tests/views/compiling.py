"""The library in C, compiled anew for tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

REPO = Path(__file__).resolve().parents[2]
FOLDER = REPO / "codes/cnncodes/views"


def import_hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", REPO / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOOK = import_hook()

#: What makes a library that takes vectors of AVX2 alone, wherever it runs.
NARROW = ('return __builtin_cpu_supports("avx512vnni")', "return 0")


def copy_sources(folder: Path, *, replace: tuple[str, str] = ("", "")) -> None:
    """Copy the files in C, changed or not."""
    found = 0
    for path in FOLDER.glob("_*.[ch]"):
        text = path.read_text()
        found += text.count(replace[0])
        (folder / path.name).write_text(text.replace(*replace) if replace[0] else text)
    assert found


def build(folder: Path, *, replace: tuple[str, str] = ("", "")) -> Path:
    """Compile copies of the files in C, changed or not, to a library beside them; return the folder."""
    copy_sources(folder, replace=replace)
    if (reason := HOOK.compile_library(folder, folder / "_views.library")) is not None:
        pytest.skip(reason)
    return folder
