"""Packages whose public names are imported when they are first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def attach(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package (PEP 562) that imports nothing by itself.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of str to str
        For each public name the module below the package that has it.

    Examples
    --------
    >>> look, names = attach("cnncodes.views", {"ViewPlan": "plan"})
    >>> look("ViewPlan").__name__, names()
    ('ViewPlan', ['ViewPlan'])
    """

    def look(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        setattr(importlib.import_module(package), name, value)  # asked for once
        return value

    return look, lambda: sorted(homes)
