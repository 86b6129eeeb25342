"""What the quickstart tells its user to type next."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from cnncodes.recipes.command import find_program


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend that Python runs from an environment in the folder worked in."""
    scripts = tmp_path / "my env" / "bin"
    scripts.mkdir(parents=True)
    installed = scripts / "cnncodes"
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(scripts / "python"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.defpath)
    return installed


def test_a_program_that_the_shell_would_not_find_is_named_by_its_path(program: Path) -> None:
    assert shlex.split(find_program()) == [str(Path("my env", "bin", "cnncodes"))]


def test_elsewhere_the_path_is_whole(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert shlex.split(find_program()) == [str(program)]


def test_in_an_active_environment_the_name_does(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.defpath}")
    assert find_program() == "cnncodes"


def test_another_cnncodes_that_the_shell_finds_first_is_not_meant(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "cnncodes").write_text("#!/bin/sh\n")
    (other / "cnncodes").chmod(0o755)
    monkeypatch.setenv("PATH", str(other))
    assert find_program() != "cnncodes"
