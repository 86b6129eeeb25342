"""What is done when it is first asked for: to import the names of packages, and work of other kinds."""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


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


def once(work: Callable[P, T]) -> Callable[P, T]:
    """Return a function that does some work when it is first called with its arguments, and keeps the result.

    Threads that call it meanwhile wait; with `functools.cache` each would do the work, beside the others.

    Examples
    --------
    >>> make = once(lambda: object())
    >>> make() is make()
    True
    """
    found: dict[Any, T] = {}
    lock = threading.Lock()

    @functools.wraps(work)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        key = args, *kwargs.items()
        if key not in found:
            with lock:
                if key not in found:
                    found[key] = work(*args, **kwargs)
        return found[key]

    return call
