"""Numbers that are no uint8, given as pixels: the expression that makes such of them, by their range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

#: What pixels are.
EXPECTED = "uint8 from 0 to 255"


def advise_levels(array: npt.NDArray[Any], name: str) -> str | None:
    """Return the expression that makes uint8 of an array; None where its range does not tell how.

    Parameters
    ----------
    array : array
        Of any type but uint8.
    name : str
        What stands for it in the expression.

    Examples
    --------
    >>> import numpy as np
    >>> advise_levels(np.array([0.0, 0.5, 1.0]), "a")
    '(a * 255).round().astype(np.uint8)'
    >>> advise_levels(np.array([0, 65535], np.uint16), "a")
    '(a // 257).astype(np.uint8), where 65535 is white'
    """
    if array.dtype == bool:
        return f"{name}.astype(np.uint8) * 255"
    bounds = _find_range(array)
    if bounds is None:
        return None
    advise = _advise_floats if array.dtype.kind == "f" else _advise_whole
    return advise(float(bounds[0]), float(bounds[1]), name)


def describe_levels(array: npt.NDArray[Any]) -> str:
    """Return dtype and range of an array, as far as it has one.

    Examples
    --------
    >>> import numpy as np
    >>> describe_levels(np.array([0, 1.5]))
    'float64 from 0 to 1.5'
    """
    bounds = _find_range(array)
    if bounds is None:
        return f"{array.dtype}"
    least, most = (f"{v:.4g}" if array.dtype.kind == "f" else f"{v}" for v in bounds)
    return f"{array.dtype} from {least} to {most}"


def _find_range(array: npt.NDArray[Any]) -> tuple[Any, Any] | None:
    if array.dtype.kind not in "fiu" or not array.size:
        return None
    return array.min(), array.max()


def _advise_floats(least: float, most: float, name: str) -> str | None:
    """Return nothing for NaN, which no comparison holds for, nor for what is normalised or overshot."""
    if least >= 0 and most <= 1:
        return f"({name} * 255).round().astype(np.uint8)"
    if least >= -1 and most <= 1:
        return f"(({name} + 1) * 127.5).round().astype(np.uint8)"
    if least >= 0 and 2 <= most <= 255:
        return f"np.clip({name}.round(), 0, 255).astype(np.uint8)"
    return None


def _advise_whole(least: float, most: float, name: str) -> str | None:
    if least >= 0 and most <= 255:
        return f"{name}.astype(np.uint8)"
    if least >= 0 and most <= 65535:
        return f"({name} // 257).astype(np.uint8), where 65535 is white"
    return None
