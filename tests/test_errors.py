"""What an error tells its reader to type."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from cnncodes import errors
from cnncodes.errors import install_advice


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend that the package runs from a checkout whose path needs quoting."""
    root = tmp_path / "my code's folder"
    (root / "codes" / "cnncodes").mkdir(parents=True)
    monkeypatch.setattr(errors, "__file__", str(root / "codes" / "cnncodes" / "errors.py"))
    return root


def test_a_checkout_is_installed_from_its_folder(checkout: Path) -> None:
    (checkout / "pyproject.toml").touch()
    assert shlex.split(install_advice("cpu")) == ["pip", "install", "-e", f"{checkout}[cpu]"]


def test_an_installed_package_is_installed_by_name(checkout: Path) -> None:
    assert install_advice("gpu") == "pip install 'cnncodes[gpu]'"
