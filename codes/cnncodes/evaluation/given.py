"""What users give to be measured, checked."""

from __future__ import annotations

import math
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError, agree
from cnncodes.estimators.labels import (
    check_answers,
    check_groups,
    check_labels,
    check_one_each,
    is_missing,
    to_plain_list,
)
from cnncodes.estimators.places import name_places
from cnncodes.estimators.residuals import check_coverage
from cnncodes.estimators.targets import LARGEST

Array = npt.NDArray[Any]

#: What Python or NumPy counts as numbers, or may stand for none.
_NO_NUMBERS = (bool, np.bool_, np.datetime64, np.timedelta64)


def read_answers(predicted: Any) -> Array:
    """Return predicted classes as an array of one type.

    Raises
    ------
    UsageError
        As `check_answers` does, and if one is masked, or they are fractions, as probabilities are.
    """
    refuse_masked("predictions", predicted)
    found = check_answers(predicted)
    if found.dtype.kind != "f":
        return found
    fractions = found[np.isfinite(found) & (found != np.round(found))]
    if len(fractions):
        raise UsageError(
            f"predictions are fractions, such as {fractions[0]:.4g}, and no classes. Give the probabilities"
            " of all classes, a column each, or the predicted classes."
        )
    return found


def read_labels(y: Any) -> Array:
    """Return true classes as `check_labels` does; raise `UsageError` also where one is masked."""
    refuse_masked("y", y)
    return check_labels(y)


def read_numbers(name: str, values: Any) -> Array:
    """Return values as float64, missing ones as NaN.

    Raises
    ------
    UsageError
        If one is masked, text, a boolean or something else that is no number, or too large for float64.
    """
    refuse_masked(name, values)
    # Of a list NumPy would make numbers of booleans that are among them.
    found = np.asarray(values) if hasattr(values, "dtype") else np.array(to_plain_list(values), dtype=object)
    if found.dtype.kind in "iuf":
        return found.astype(np.float64)
    flat = found.ravel()
    floats = [_read_number(name, value) for value in (flat.tolist() if found.dtype.kind in "OSU" else flat)]
    return np.array(floats, dtype=np.float64).reshape(found.shape)


def _read_number(name: str, value: Any) -> float:
    if isinstance(value, str | bytes):
        advice = "numbers that are written as text must be converted first."
        raise UsageError(f"{name} must hold numbers. Got text, {value!r}: {advice}")
    if isinstance(value, _NO_NUMBERS) or not (isinstance(value, Real | Decimal) or is_missing(value)):
        raise UsageError(f"{name} must hold numbers. Got {type(value).__name__} instead.")
    if is_missing(value):
        return math.nan
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 300 digits
        raise UsageError(
            f"{name} must hold numbers up to {LARGEST:g}: scale them, or leave these images out."
        ) from None


def refuse_masked(name: str, values: Any) -> None:
    """Raise `UsageError` where values of a masked array are masked: NumPy would read what is below."""
    if np.ma.is_masked(values):
        raise UsageError(f"{name} must hold no masked values: leave these images out.")


def read_groups(groups: Any, n: int) -> Array | None:
    """Return the group of each of `n` images as a number; None without groups.

    An image that has none (None, NaN or empty text) is a group of its own, as `fit` takes it.

    Raises
    ------
    UsageError
        If they are not one an image, one is masked, or one is text and another reads the same and is not.

    Examples
    --------
    >>> read_groups(["otto", None, "otto", ""], 4).tolist()
    [2, 0, 2, 1]
    """
    groups = to_plain_list(groups)
    try:
        np.shape(groups)
    except ValueError:  # rows of several lengths
        raise UsageError(f"groups must have one value an image: {n}. Got lists of several lengths.") from None
    found = check_one_each("groups", groups, n)
    masked = np.flatnonzero(np.ma.getmaskarray(groups)).tolist() if np.ma.is_masked(groups) else []
    if masked:
        raise UsageError(
            f"{len(masked)} of {n} groups {agree(len(masked), 'is')} masked, {name_places(masked)}: leave"
            " these images out, or name a group of its own for each."
        )
    if found is None or found.dtype.kind in "biu":  # none can be missing
        return found
    named = np.asarray(check_groups(groups, n))
    if named.dtype == object:
        named = named.astype(str)  # objects may have no order
    return np.asarray(np.unique(named, return_inverse=True)[1])


def read_width(width: Any, coverage: float | None, n: int) -> Array | None:
    """Return half the widths of the intervals of `n` images, which are meant to hold a share of the truth.

    Raises
    ------
    UsageError
        If there is a width or a share alone, or one that no interval has.
    """
    if width is None and coverage is None:
        return None
    if width is None or coverage is None:
        got = f"coverage={coverage!r}" if width is None else "width"
        raise UsageError(
            f"coverage and width come together. Got {got} alone: the one says what share of the targets"
            " intervals are meant to hold, the other half their width."
        )
    check_coverage(coverage)
    return check_width(width, n)


def check_width(width: Any, n: int) -> Array:
    """Return half the widths of the intervals of `n` images as float64; raise `UsageError` if one is none."""
    found = read_numbers("width", width)
    if found.shape not in ((), (n,)):
        raise UsageError(f"width must be one number, or one for each image. Got shape {found.shape}.")
    wrong = found[~((found >= 0) & np.isfinite(found))]
    if len(wrong):
        raise UsageError(
            f"width must be at least 0 and finite: half the width of an interval. Got {wrong[0]:g} instead."
        )
    return found
