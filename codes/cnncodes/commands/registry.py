"""Commands by name, of which only those that are asked for are imported."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from cnncodes.commands.command import Command


class Registry(Mapping[str, Command]):
    """A mapping of names to commands: names cost nothing, a command the import of its module.

    Most of what a short command takes is Python's start and imports, so that it must not pay for the others'.

    Parameters
    ----------
    homes : mapping of str to str
        For each name, ``"module:CONSTANT"`` that holds the command, or a tuple with it.

    Examples
    --------
    >>> Registry({"doctor": "cnncodes.commands.doctor:DOCTOR"})["doctor"].name
    'doctor'
    """

    def __init__(self, homes: Mapping[str, str]) -> None:
        self._homes = dict(homes)
        self._found: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        if name not in self._found:
            module, _, constant = self._homes[name].partition(":")
            value = getattr(importlib.import_module(module), constant)
            commands = (value,) if isinstance(value, Command) else value
            self._found[name] = next(command for command in commands if command.name == name)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)

    def __contains__(self, name: object) -> bool:
        return name in self._homes  # Mapping's own would import it

    def joined(self, before: Mapping[str, str], after: Mapping[str, str]) -> Registry:
        """Return a registry that has others' commands before and after its own."""
        return Registry({**before, **self._homes, **after})
