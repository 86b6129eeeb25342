"""Reports in JSON that commands read again: what is none is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnncodes.commands.companions import read_baseline
from cnncodes.commands.report_answers import read_evaluated
from cnncodes.errors import UsageError
from cnncodes.evaluation.baselines.tasks import ClassTask


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_what_is_no_json_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(UsageError, match="is no JSON: give what 'cnncodes baseline -o' wrote"):
        read_baseline(str(tmp_path / "report.json"))
    with pytest.raises(UsageError, match="is no report of 'cnncodes evaluate'"):
        read_evaluated(str(tmp_path / "report.json"), [], ClassTask())
