"""A network that costs nothing, for commands whose work is not the network's."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def small_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the name by which commands find a network whose code is the mean colour."""
    from small_backbones import write_backbone

    home = tmp_path_factory.mktemp("home")
    write_backbone(home / "models" / "small", name="small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "CNNCODES_HOME", str(home))
        yield "small"
