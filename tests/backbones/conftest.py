"""Lets the backbones' tests share their made-up networks, and the one that ships."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import pytest

from cnncodes.backbones import Backbone, load_backbone
from cnncodes.backbones.running import instructions
from cnncodes.cli import main

if TYPE_CHECKING:
    from hub_server import Hub


@pytest.fixture(scope="session")
def shipped() -> Backbone:
    return load_backbone()


@pytest.fixture
def old_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the system say that the processor has no 8-bit dot products."""
    from int8_networks import write_cpuinfo

    file = write_cpuinfo(tmp_path / "cpuinfo", "flags\t\t: fpu avx2 fma")
    monkeypatch.setattr(instructions, "CPUINFO", file)


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


@pytest.fixture
def here(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., CompletedProcess[str]]:
    """Return a function that runs ``cnncodes models`` in this process, which then sees the test's hub alone.

    That a process finds a hub by its variables (`make_environment`) is tested apart: each imports torch anew.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import disable_progress_bars

    for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "home" / "cnncodes"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "home" / "hub" / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "home" / "hub" / "token"))
    monkeypatch.chdir(tmp_path)
    disable_progress_bars()

    def run(*arguments: str) -> CompletedProcess[str]:
        capsys.readouterr()
        status = main(["models", *arguments])
        said = capsys.readouterr()
        return CompletedProcess(arguments, status, said.out, said.err)

    return run
