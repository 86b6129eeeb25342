"""Commands are found by name, and cost nothing until they are asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cnncodes.cli.entry import ALL_COMMANDS
from cnncodes.commands import COMMANDS, Registry


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_every_name_leads_to_the_command_of_that_name(name: str) -> None:
    assert ALL_COMMANDS[name].name == name
    assert ALL_COMMANDS[name] is ALL_COMMANDS[name]


def test_a_name_that_is_unknown_is_a_key_error_as_in_any_mapping() -> None:
    assert "embde" not in COMMANDS and COMMANDS.get("embde") is None
    with pytest.raises(KeyError):
        COMMANDS["embde"]


def test_joined_ones_keep_their_order() -> None:
    joined = Registry({"fit": "a:FIT"}).joined(before={"x": "b:X"}, after={"y": "b:Y"})
    assert list(joined) == ["x", "fit", "y"] and len(joined) == 3


def test_a_command_is_run_without_loading_the_others() -> None:
    script = (
        "import sys; from cnncodes.cli import main; main(['models', 'list']);"
        "print(*sorted(name for name in sys.modules if name.startswith(('cnncodes.', 'importlib.metadata'))))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert "cnncodes.commands.models" in loaded
    assert not {"cnncodes.commands.fit", "cnncodes.commands.baseline", "cnncodes.recipes"} & set(loaded)
