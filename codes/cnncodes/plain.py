"""Plain values: those of NumPy as Python's, and what JSON can hold; and names short enough to show."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any


def to_plain(value: Any) -> Any:
    """Return a value as JSON holds it: dataclasses as objects, and None for what is no finite number.

    Examples
    --------
    >>> to_plain({"accuracy": float("nan"), "images": (1, 2)})
    {'accuracy': None, 'images': [1, 2]}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return to_plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class PlainResult:
    """What dataclasses of figures have in common."""

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON holds it; what is no finite number is None."""
        plain: dict[str, Any] = to_plain(self)
        return plain


def to_builtin(value: Any) -> Any:
    """Return a number, text or truth value of NumPy as Python's; other values as they are.

    Examples
    --------
    >>> import numpy as np
    >>> to_builtin(np.int64(2)), to_builtin([np.int64(2)])
    (2, [np.int64(2)])
    """
    is_scalar = hasattr(value, "dtype") and getattr(value, "ndim", None) == 0
    return value.item() if is_scalar and hasattr(value, "item") else value


def cut_names(names: Sequence[str], most: int = 40) -> list[str]:
    """Return names of classes or labels, long ones cut; names that differ look different.

    A name loses its end; or its middle, where another would look the same; or nothing, where it still would.

    Examples
    --------
    >>> cut_names(["people", "a longer name"], 8), cut_names(["a longer name 1", "a longer name 2"], 8)
    (['people', 'a longe…'], ['a l…me 1', 'a l…me 2'])
    """
    shown = {name: name for name in names}
    left = [name for name in shown if len(name) > most]
    for cut in (_cut_end, _cut_middle):
        shown |= {name: cut(name, most) for name in left}
        met = Counter(shown.values())
        left = [name for name in left if met[shown[name]] > 1]
    shown |= {name: name for name in left}
    return [shown[name] for name in names]


def cut_front(path: str, most: int = 40) -> str:
    """Return a path, a long one without its front.

    Examples
    --------
    >>> cut_front("runs/flowers.cnncodes", 17)
    '…flowers.cnncodes'
    """
    return path if len(path) <= most else f"…{path[1 - most :]}"


def _cut_end(name: str, most: int) -> str:
    return f"{name[: most - 1]}…"


def _cut_middle(name: str, most: int) -> str:
    head = (most - 1) // 2
    return f"{name[:head]}…{name[head + 1 - most :]}"
