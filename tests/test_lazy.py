"""Packages that import their public names when they are used."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_backbones import write_backbone

from cnncodes import ImageClassifier
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


def test_what_predicting_has_no_need_of_is_not_imported(tmp_path: Path) -> None:
    pictures = [np.full((40, 40, 3), level, np.uint8) for level in (0, 10, 240, 250)]
    classifier = ImageClassifier(write_backbone(tmp_path / "small", name="small"), head="ridge")
    classifier.fit(pictures, ["dark", "dark", "light", "light"]).save(tmp_path / "x.cnncodes")
    Image.fromarray(pictures[3]).save(tmp_path / "light.png")
    code = """
import sys
from cnncodes.cli.entry import main
assert main(["predict", sys.argv[1], sys.argv[2], "-q"]) == 0
heavy = {'pyarrow', 'sklearn', 'scipy', 'onnx', 'torch'}
print(sorted({name.partition('.')[0] for name in sys.modules} & heavy))
"""
    command = [sys.executable, "-c", code, str(tmp_path / "x.cnncodes"), str(tmp_path / "light.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *_, row, imported = done.stdout.splitlines()
    assert "light.png,light," in row and imported == "[]"


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
