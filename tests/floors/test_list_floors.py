"""Each dependency declares a least version, and one only: what ``make test-floors`` installs."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from list_floors import list_floors

PYPROJECT = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")


def test_every_dependency_has_one_least_version() -> None:
    found = list(list_floors(PYPROJECT, list(tomllib.loads(PYPROJECT)["project"]["optional-dependencies"])))
    pairs = {tuple(line.partition(";")[0].strip().split("==")) for line in found}
    names = [name for name, _ in pairs]
    assert {"numpy", "onnxruntime-gpu", "torch"} <= set(names)
    assert len(set(names)) == len(names)  # extras that name one package ask for the same


def test_a_requirement_without_a_least_version_is_named() -> None:
    text = '[project]\ndependencies = ["numpy>=2.0", "scipy"]\noptional-dependencies = {}'
    with pytest.raises(ValueError, match="'scipy' says no least version"):
        list(list_floors(text, []))
