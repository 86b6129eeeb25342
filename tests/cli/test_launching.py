"""What torchrun is told of why a process ended, so that its own last words name it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cnncodes.cli.entry import main
from cnncodes.cli.launching import tell_launcher


def test_an_error_is_written_where_torchrun_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))
    assert main(["models", "show", "nothing"]) == 1
    said = json.loads((tmp_path / "error.json").read_text())["message"]
    assert capsys.readouterr().err == f"cnncodes: {said['message']}\n"
    assert said["extraInfo"]["timestamp"].isdigit()


def test_where_nobody_looks_or_nothing_can_be_written_nothing_happens(tmp_path: Path) -> None:
    tell_launcher("why", {})
    tell_launcher("why", {"TORCHELASTIC_ERROR_FILE": str(tmp_path / "none" / "error.json")})
    assert list(tmp_path.iterdir()) == []
