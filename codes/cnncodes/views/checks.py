"""Checks of a plan's values: each returns the value in its one form, or says what it must be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from cnncodes.errors import UsageError, suggest


def check_number(name: str, value: Any, low: float, high: float) -> float:
    """Return a number between two bounds, both allowed, as float."""
    number = _as_float(value)
    if number is None or not low <= number <= high:
        raise UsageError(f"{name} must be a number between {low:g} and {high:g}. Got {value!r} instead.")
    return number


def check_whole(name: str, value: Any, low: int, high: int) -> int:
    """Return a whole number between two bounds, both allowed."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise UsageError(f"{name} must be a whole number between {low} and {high}. Got {value!r} instead.")
    return value


def check_range(name: str, value: Any, low: float, high: float) -> tuple[float, float]:
    """Return a pair (smallest, largest) that lies between two bounds."""
    pair = tuple(_as_float(item) for item in value) if _is_list(value, 2) else (None, None)
    first, last = pair
    if first is None or last is None or not low <= first <= last <= high:
        raise UsageError(
            f"{name} must be two numbers, the smaller first, between {low:g} and {high:g}."
            f" Got {value!r} instead."
        )
    return first, last


def check_whole_range(name: str, value: Any, low: int, high: int) -> tuple[int, int]:
    """Return a pair of whole numbers (smallest, largest) that lies between two bounds."""
    first, last = check_range(name, value, low, high)
    if first != int(first) or last != int(last):
        raise UsageError(f"{name} must be two whole numbers. Got {value!r} instead.")
    return int(first), int(last)


def check_vector(name: str, value: Any, length: int) -> tuple[float, ...]:
    """Return so many finite numbers."""
    numbers = tuple(_as_float(item) for item in value) if _is_list(value, length) else ()
    if len(numbers) != length or any(number is None for number in numbers):
        raise UsageError(f"{name} must be {length} numbers. Got {value!r} instead.")
    return numbers  # type: ignore[return-value]


def check_choice(name: str, value: Any, known: Sequence[str]) -> str:
    """Return one of some words."""
    if value not in known:
        raise UsageError(f"unknown {name} {value!r}. {suggest(str(value), known)}")
    return str(value)


def check_keys(where: str, values: Any, known: Sequence[str]) -> dict[str, Any]:
    """Return a table as a dict, none of whose keys is unknown."""
    if not isinstance(values, Mapping):
        raise UsageError(f"{where} must be a table of settings. Got {values!r} instead.")
    unknown = [key for key in values if key not in known]
    if unknown:
        problems = [f"unknown key {key!r} in {where}. {suggest(str(key), known)}" for key in unknown]
        raise UsageError(" ".join(problems))
    return dict(values)


def _is_list(value: Any, length: int) -> bool:
    return isinstance(value, list | tuple) and len(value) == length


def _as_float(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
