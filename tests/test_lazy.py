"""Packages that import their public names when they are used."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cnncodes.lazy import once

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


def test_threads_that_ask_at_once_get_one_result_and_an_error_is_not_kept() -> None:
    errors = [ValueError("not yet")]

    @once
    def work() -> object:
        if errors:
            raise errors.pop()
        time.sleep(0.05)
        return object()

    with pytest.raises(ValueError, match="not yet"):
        work()
    together = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(lambda: (together.wait(), work())[1]) for _ in range(4)]
    assert len({id(future.result()) for future in found}) == 1
