"""Plans as TOML files: a table of settings, under the number of its format."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnncodes.errors import UsageError, sentence

#: Raised when a plan's file changes in a way that older versions cannot read.
PLAN_FORMAT = 1


def read_settings(path: str | Path) -> dict[str, Any]:
    """Read the settings of a plan from a TOML file.

    Raises
    ------
    UsageError
        If the file is missing, no TOML, or of a newer format; the settings are not looked at.
    """
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # arrays too deep
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read the view plan {str(path)!r}: {sentence(reason)}") from error
    check_format(repr(str(path)), values.pop("format", None))
    return values


def check_format(where: str, number: object) -> None:
    """Raise `UsageError` unless a plan is of a format that this version reads."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise UsageError(
            f"{where} is no view plan: expected 'format = {PLAN_FORMAT}' in its first lines. Got"
            f" {number!r} instead. `cnncodes views write tencrop` shows what a plan looks like."
        )
    if number > PLAN_FORMAT:
        raise UsageError(
            f"{where} is a view plan of format {number}; this version reads up to {PLAN_FORMAT}."
            " Install a newer one."
        )


def format_settings(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Return the settings of a plan as TOML, what is at its default left out but for the crops."""
    import tomli_w

    values: dict[str, Any] = {"format": PLAN_FORMAT}
    for key, value in settings.items():
        if key == "crops" or key not in defaults or value != defaults[key]:
            values[key] = value
    return tomli_w.dumps(values)
