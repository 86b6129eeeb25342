"""Plain values: those of NumPy as Python's, and what JSON can hold."""

from __future__ import annotations

import dataclasses
import math
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
