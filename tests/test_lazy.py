"""Packages that import their public names when they are used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PACKAGES = ("cnncodes", "cnncodes.embedding", "cnncodes.estimators", "cnncodes.store")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_there_and_listed(package: str) -> None:
    module = importlib.import_module(package)
    names = [name for name in dir(module) if name != "__version__"]
    assert names == sorted(module.__all__)
    assert all(getattr(module, name) is not None for name in names)
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018


def test_what_predicting_has_no_need_of_is_not_imported() -> None:
    code = """
import sys
heavy = {'pyarrow', 'sklearn', 'scipy', 'onnx', 'torch'}
import cnncodes.commands.predict, cnncodes.estimators.saving, cnncodes.estimators.predictor
print(sorted({name.partition('.')[0] for name in sys.modules} & heavy))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
