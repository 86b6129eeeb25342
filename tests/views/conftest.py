"""The library in C with vectors of each width, and one that is wrong; compiling them takes longest here."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiling import NARROW, build

from cnncodes.views.resize_library import Library
from cnncodes.views.resizing import load_library


@pytest.fixture(scope="session", params=["widest vectors", "AVX2 alone"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Library:
    replace = NARROW if request.param == "AVX2 alone" else ("", "")
    found, said = load_library(build(tmp_path_factory.mktemp("library"), replace=replace))
    if found is None:
        pytest.skip(said)
    return found


@pytest.fixture(scope="session")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a library that resizes rightly and samples a pixel too far to the left."""
    change = "CUBIC_0 = 0x00000100", "CUBIC_0 = 0x00000001"
    return build(tmp_path_factory.mktemp("shifted"), replace=change)
