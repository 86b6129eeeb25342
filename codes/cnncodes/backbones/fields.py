"""Building frozen dataclasses out of TOML: every key known, every value of the type that is written down."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from cnncodes.errors import CardError, suggest

SHA256 = re.compile(r"[0-9a-f]{64}")


def _is_number(value: Any) -> bool:
    # TOML knows nan, inf and whole numbers that no float holds.
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _are_numbers(value: Any, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(map(_is_number, value))


def _is_table(value: Any, check: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(map(check, value.values()))


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_text(value: Any) -> bool:
    return type(value) is str


#: For each annotation: what it is called, and whether a value out of TOML is that.
_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "int": ("a whole number", _is_whole),
    "int | None": ("a whole number", _is_whole),
    "float": ("a number", _is_number),
    "float | None": ("a number", _is_number),
    "bool": ("true or false", lambda value: type(value) is bool),
    "str": ("a string", _is_text),
    "str | None": ("a string", _is_text),
    "dict[str, str]": ("a table of strings", lambda value: _is_table(value, _is_text)),
    "dict[str, int] | None": ("a table of whole numbers", lambda value: _is_table(value, _is_whole)),
    "dict[str, float]": ("a table of numbers", lambda value: _is_table(value, _is_number)),
    "tuple[float, float]": ("a list of 2 numbers", lambda value: _are_numbers(value, 2)),
    "tuple[float, float, float]": ("a list of 3 numbers", lambda value: _are_numbers(value, 3)),
}


def build(cls: Any, values: Mapping[str, Any], tables: Mapping[str, Any], where: str = "") -> Any:
    """Return a dataclass built of values out of TOML.

    Parameters
    ----------
    cls : type
        A dataclass.
    values : mapping
    tables : mapping of str to type
        Dataclasses that fields of `cls` may hold, by their names; one by one, or as ``dict[str, NAME]``.
    where : str
        What stands before the key in an error.

    Raises
    ------
    CardError
        If a key is missing, unknown or of the wrong type; the text names it.
    """
    known = {field.name: str(field.type) for field in fields(cls)}
    built = {}
    for key, value in values.items():
        if key not in known:
            raise CardError(f"{where}unknown key {key!r}. {suggest(key, known)}")
        table = tables.get(known[key].removesuffix(" | None").removeprefix("dict[str, ").removesuffix("]"))
        kind, is_right = _KINDS.get(known[key], ("a table", lambda value: isinstance(value, dict)))
        if not is_right(value):
            raise CardError(f"{where}{key} must be {kind}. Got {value!r} instead.")
        if table is not None and known[key].startswith("dict"):
            value = {name: _build_inner(table, item, f"{key}.{name}") for name, item in value.items()}
        elif table is not None:
            value = build(table, value, {}, f"{key}: ")
        built[key] = tuple(float(item) for item in value) if isinstance(value, list) else value
    needed = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    missing = [name for name in needed if name not in built]
    if missing:
        raise CardError(f"{where}missing: {', '.join(missing)}.")
    return cls(**built)


def _build_inner(cls: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise CardError(f"{where} must be a table. Got {value!r} instead.")
    return build(cls, value, {}, f"{where}: ")
