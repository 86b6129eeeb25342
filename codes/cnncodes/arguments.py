"""What functions are given, checked before anything begins."""

from __future__ import annotations

from typing import Any

from cnncodes.errors import UsageError
from cnncodes.plain import to_builtin


def is_positive(number: Any) -> bool:
    """Tell whether it is a whole number above 0."""
    number = to_builtin(number)
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1


def check_switches(**given: Any) -> None:
    """Raise `UsageError` where a word that means no would be taken for a yes."""
    for name, switch in given.items():
        if not isinstance(to_builtin(switch), bool):
            raise UsageError(f"{name} must be True or False. Got {switch!r} instead.")


def check_functions(**given: Any) -> None:
    """Raise `UsageError` where something that is to be called cannot be; None is none."""
    for name, function in given.items():
        if function is not None and not callable(function):
            raise UsageError(f"{name} must be a function, or None. Got {function!r} instead.")
