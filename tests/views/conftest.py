"""The library in C with vectors of each width."""

from __future__ import annotations

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
