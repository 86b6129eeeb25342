"""Numbers without those that are far from all others, such as slips of the comma."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: The standard deviation of a normal distribution, in units of its median absolute deviation.
ROBUST = 1.4826
#: Robust standard deviations from the median beyond which a number has no more weight: a slip of the comma
#: would else bend what is predicted of all the others.
_BEYOND = 5.0


def clip_numbers(numbers: Array) -> Array:
    """Return numbers, those more than five robust standard deviations from the median drawn in to that.

    Examples
    --------
    >>> clip_numbers(np.array([1.0, 2.0, 3.0, 400.0]))
    array([1.   , 2.   , 3.   , 9.913])
    """
    middle = np.median(numbers)
    reach = _BEYOND * ROBUST * find_deviation(numbers)
    if reach == 0:  # more than half are equal: then there is no usual distance
        return numbers
    return np.asarray(np.clip(numbers, middle - reach, middle + reach))


def find_deviation(numbers: Array) -> float:
    """Return the median absolute deviation; 0 where more than half are equal.

    Examples
    --------
    >>> find_deviation(np.array([0.0, 0.0, 0.0, 1.0])), find_deviation(np.array([1.0, 2.0, 3.0]))
    (0.0, 1.0)
    """
    return float(np.median(np.abs(numbers - np.median(numbers))))
