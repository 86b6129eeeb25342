"""The table of the zoo says what its script finds; the rest of it depends on the machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from zoo_table import REPO, load_script, read_rows

from cnncodes.backbones import models_folder
from cnncodes.backbones.exporting.zoo_networks import ORIGINALS


def test_every_network_has_its_row_with_all_figures() -> None:
    script, rows = load_script(), read_rows()
    assert list(rows) == list(ORIGINALS) == list(script.TOP1)
    for name, cells in rows.items():
        assert len(cells) == len(script.COLUMNS) - 1
        assert cells[3] == str(script.TOP1[name])
        assert float(cells[4]) > 0 and float(cells[6].split()[0]) > 50


@pytest.mark.parametrize("name", [path.parent.name for path in models_folder().glob("*/card.toml")])
def test_figures_of_the_shipped_files_are_theirs(name: str) -> None:
    script = load_script()
    assert script.format_figures(script.describe(models_folder() / name)) == read_rows()[name][:3]


def test_the_table_is_what_the_script_writes_of_its_figures(tmp_path: Path) -> None:
    script = load_script()
    shutil.copy(REPO / "models" / "README.md", tmp_path)
    report = json.loads(script.RESULTS.read_text(encoding="utf-8"))
    script.write_table(report, tmp_path / "README.md")
    written = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert written == (REPO / "models" / "README.md").read_text(encoding="utf-8")
    # And the copy would show another figure.
    report["networks"]["efficientnet-lite0"]["head"]["value"] -= 0.1
    script.write_table(report, tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text(encoding="utf-8") != written


def test_a_readme_without_the_comments_is_not_written_to(tmp_path: Path) -> None:
    script = load_script()
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(SystemExit, match="lacks the comments"):
        script.write_table(json.loads(script.RESULTS.read_text(encoding="utf-8")), tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text() == "mine"
