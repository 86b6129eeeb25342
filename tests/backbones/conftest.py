"""Lets the backbones' tests share their made-up networks, and the one that ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cnncodes.backbones import Backbone, load_backbone


@pytest.fixture(scope="session")
def shipped() -> Backbone:
    return load_backbone()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's folder of models, empty, and work in an empty folder beside it."""
    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / "home" / "models").mkdir(parents=True)
    return tmp_path / "home" / "models"


@pytest.fixture
def place(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a small backbone into a folder, by default one of the test's own."""
    from small_backbones import write_backbone

    def place(kind: str = "mean", *, folder: Path | None = None, **changes: object) -> Path:
        return write_backbone(folder or tmp_path / kind, kind, **changes)

    return place
