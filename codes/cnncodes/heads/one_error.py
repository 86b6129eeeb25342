"""The one-standard-error rule: of several classifiers the cheapest that is as good as the best.

L. Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3; here with the standard error of
the paired difference, image by image, which is far smaller than that of either mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def standard_error(values: Array, weight: Array, groups: Array) -> float:
    """Return the standard error of a weighted mean of values that hang together within groups.

    Parameters
    ----------
    values, weight : float ``[n]``
    groups : int ``[n]``

    Returns
    -------
    float
        Infinite where there is one group only.

    Examples
    --------
    >>> standard_error(np.array([0.0, 1.0]), np.ones(2), np.array([0, 1]))
    0.5
    """
    left = weight * (values - np.average(values, weights=weight))
    sums = np.bincount(np.unique(groups, return_inverse=True)[1], left)
    count = len(sums)
    if count < 2:
        return float("inf")
    return float(np.sqrt((sums**2).sum() * count / (count - 1)) / weight.sum())


def choose_cheapest(losses: Sequence[Array], weight: Array, groups: Array) -> tuple[int, int, Array, Array]:
    """Choose among classifiers by their losses on the same images.

    Parameters
    ----------
    losses : list of float ``[n]``
        The cheapest classifier first.
    weight : float ``[n]``
    groups : int ``[n]``

    Returns
    -------
    chosen, best : int
        The first whose mean loss is no more than that of the first that is no further behind the least than
        one standard error, and that with the least: a cheaper one that is better in the mean is not passed
        over for its smaller error.
    behind, error : float ``[number of classifiers]``
        Mean difference to the best, and its standard error.
    """
    best = int(np.argmin([np.average(one, weights=weight) for one in losses]))
    differences = [one - losses[best] for one in losses]
    behind = np.array([np.average(one, weights=weight) for one in differences])
    error = np.array([standard_error(one, weight, groups) for one in differences])
    error[best] = 0.0
    return int(np.flatnonzero(behind <= behind[find_within(behind, error)])[0]), best, behind, error


def find_within(behind: Array, error: Array) -> int:
    """Return the first classifier that is no further behind the best than one standard error."""
    return int(np.flatnonzero(behind <= error)[0])
