"""Weights of images or rows as users give them: read in one way, whoever takes them."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError

#: Kinds of NumPy's types that are numbers; objects may be.
_NUMBERS, _OBJECTS = "iuf", "O"


def read_weights(sample_weight: Any, count: int, noun: str) -> npt.NDArray[np.float64]:
    """Return weights, one a `noun`, as numbers; of a pandas Series by position, whatever its index.

    Parameters
    ----------
    sample_weight : array-like, shape (count,)
    count : int
    noun : str
        What has a weight: ``"image"``, or ``"row"``.

    Raises
    ------
    UsageError
        If there is not one for each, if one is masked, below 0 or no finite number, or if all are 0.

    Examples
    --------
    >>> read_weights([1, 2], 2, "image")
    array([1., 2.])
    """
    try:
        given = np.ma.asarray(sample_weight) if np.ma.isMA(sample_weight) else np.asarray(sample_weight)
    except ValueError:  # rows of different lengths
        raise UsageError(
            f"sample_weight must have one value {_a(noun)}: {count}. Got lists instead."
        ) from None
    if given.shape != (count,):
        raise UsageError(
            f"sample_weight must have one value {_a(noun)}: {count}. Got shape {given.shape} instead."
        )
    masked = np.ma.getmaskarray(given)
    if masked.any():
        raise UsageError(
            f"sample_weight has {int(masked.sum())} masked values, the first at position"
            f" {int(masked.argmax())}: give 0 to what must not count."
        )
    weight = _read_numbers(np.ma.getdata(given))
    wrong = ~(np.isfinite(weight) & (weight >= 0))
    if wrong.any():
        first = int(wrong.argmax())
        raise UsageError(
            f"sample_weight must be finite and at least 0; {int(wrong.sum())} of {count} are not, the first"
            f" is {weight[first]:g} at position {first}. Give 0 to what must not count."
        )
    if count and not weight.any():
        raise UsageError(f"sample_weight is zero for all {count} of them: nothing is left that counts.")
    return weight


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _read_numbers(given: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    kind = given.dtype.kind
    if kind == "b":
        raise UsageError(
            "sample_weight must be numbers. Got booleans: give 1 and 0, as by mask.astype(float)."
        )
    if kind == _OBJECTS:
        return np.array([_read_one(value, position) for position, value in enumerate(given)])
    if kind not in _NUMBERS:
        raise UsageError(f"sample_weight must be numbers. Got the type {given.dtype}.")
    return given.astype(np.float64)


def _read_one(value: Any, position: int) -> float:
    if not isinstance(value, numbers.Real) or isinstance(value, bool | np.bool_):
        raise UsageError(
            f"sample_weight must be numbers. Got {str(value)!r}, of the type {type(value).__name__}, at"
            f" position {position}."
        )
    try:
        return float(value)
    except OverflowError:  # of whole numbers beyond float64
        return float("inf")
