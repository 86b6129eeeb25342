"""Shares of images with 95 % intervals: Wilson's, and the bootstrap's of groups."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.estimators.labels import check_random_state
from cnncodes.evaluation.given import read_groups, refuse_masked
from cnncodes.evaluation.intervals import RESAMPLES, Estimate, find_percentiles

#: The normal distribution's 97.5th percentile.
Z = 1.959963984540054


def wilson(right: float, n: int, z: float = Z) -> Estimate:
    """Return the share `right` / `n` with Wilson's score interval.

    Parameters
    ----------
    right : float
        No whole number where some images count in part.
    n : int
    z : float
        The normal distribution's quantile, which makes it one of 95 % or another.

    Returns
    -------
    Estimate
        NaN with n=0.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

    Examples
    --------
    >>> share = wilson(8, 10)
    >>> round(share.low, 3), share.value, round(share.high, 3)
    (0.49, 0.8, 0.943)
    """
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    share = right / n
    shrink = 1 + z**2 / n
    middle = (share + z**2 / (2 * n)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # Rounding must not push an end past the share itself, as it would at 0 and 1.
    return Estimate(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)), n)


def measure_share(right: Any, *, groups: Any = None, random_state: int = 0) -> Estimate:
    """Return the share of images that are right, with Wilson's interval, or of groups the bootstrap's.

    Parameters
    ----------
    right : array-like of bool, shape (n,)
    groups : array-like, shape (n,), optional
        Images of a group are drawn together. Where all images are right, or none, resamples tell nothing: the
        interval is Wilson's for as many independent images as there are groups.
    random_state : int

    Raises
    ------
    UsageError
        If they are no booleans, or groups do not fit.

    Examples
    --------
    >>> share = measure_share(np.array([True, True, True, True]), groups=["a", "a", "b", "b"])
    >>> share.value, round(share.low, 3), share.n
    (1.0, 0.342, 4)
    """
    check_random_state(random_state)
    refuse_masked("right", right)
    right = np.asarray(right)
    if right.ndim != 1 or (len(right) and right.dtype.kind != "b"):
        got = f"shape {right.shape}" if right.ndim != 1 else f"an array of {right.dtype}"
        raise UsageError(f"right must hold booleans, one an image. Got {got} instead.")
    n, count = len(right), int(right.sum())
    groups = read_groups(groups, n)
    if groups is None or n == 0:
        return wilson(count, n)
    members = np.unique(groups, return_inverse=True)[1]
    sizes, found = np.bincount(members), np.bincount(members, right)
    value = count / n
    drawn = _draw_shares(found, sizes, random_state) if 0 < count < n else np.array([value])
    low, high = np.percentile(drawn, find_percentiles(len(sizes)))
    if low == high:
        few = wilson(round(value * len(sizes)), len(sizes))
        low, high = min(few.low, value), max(few.high, value)
    return Estimate(value, float(low), float(high), n)


def count_independent(values: npt.NDArray[Any], groups: Any) -> int:
    """Return how many independent images would tell as much of a mean as images in groups do.

    Their number divided by the design effect: the variance of the mean by groups in terms of that by images.
    Where all values are equal it is the number of groups.

    Parameters
    ----------
    values : ndarray of float64 or bool, shape (n,)
        One an image; at least one.
    groups : array-like, shape (n,)

    Returns
    -------
    int
        From 1 to n; n where each image is a group.

    References
    ----------
    J. N. K. Rao and A. J. Scott, "A simple method for the analysis of clustered binary data", Biometrics 48,
    1992.

    Examples
    --------
    >>> count_independent(np.array([1, 1, 1, 1, 0, 0, 0, 0]), ["a", "a", "b", "b", "c", "c", "d", "d"])
    3
    """
    members = np.unique(np.asarray(groups), return_inverse=True)[1]
    n, sizes = len(values), np.bincount(members)
    if len(sizes) in (1, n):
        return len(sizes)
    apart = values - values.mean()
    between = np.square(np.bincount(members, apart)).sum() * len(sizes) / (len(sizes) - 1)
    within = np.square(apart).sum()
    if between == 0 or within == 0:
        return len(sizes) if within == 0 else n
    return int(np.clip(n * within / between, 1, n))


def _draw_shares(
    found: npt.NDArray[Any], sizes: npt.NDArray[Any], random_state: int
) -> npt.NDArray[np.float64]:
    """Return the share in each resample of groups, a block of resamples at a time: classes are many."""
    rng = np.random.default_rng(random_state)
    count, shares = len(sizes), np.empty(RESAMPLES)
    step = max(1, 1_000_000 // count)
    for start in range(0, RESAMPLES, step):
        drawn = rng.integers(0, count, (min(step, RESAMPLES - start), count))
        shares[start : start + step] = found[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return shares
