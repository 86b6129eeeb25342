"""95 % intervals: Wilson's for shares, the bootstrap for everything else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

#: The normal distribution's 97.5th percentile.
Z = 1.959963984540054

RESAMPLES = 2000

#: What sums of equal numbers differ by, as a share.
_ROUNDING = 1e-12

#: Groups, or images without any, below which the bootstrap holds the truth clearly less often than it says.
FEW_GROUPS = 10

#: Why a figure that is known may have no interval, which is no certainty.
NO_INTERVAL = (
    "no interval, since nearly all resamples agree, as where answers are equally good on all images, or there"
    " is one image or group"
)


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % interval, and the number of images behind it.

    Attributes
    ----------
    value, low, high : float
        NaN where there is nothing to measure, or nothing that an interval could be taken from.
    n : int
    """

    value: float
    low: float
    high: float
    n: int


#: From a figure, what it is on each resample, and the number of images to its interval.
Summary: TypeAlias = Callable[[float, npt.NDArray[np.float64], int], Estimate]


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


def measure_share(right: npt.NDArray[np.bool_], *, groups: Any = None, random_state: int = 0) -> Estimate:
    """Return the share of images that are right, with Wilson's interval, or of groups the bootstrap's.

    Parameters
    ----------
    right : ndarray of bool, shape (n,)
    groups : array-like, shape (n,), optional
        Images of a group are drawn together. Where all images are right, or none, resamples tell nothing: the
        interval is Wilson's for as many independent images as there are groups.
    random_state : int

    Examples
    --------
    >>> share = measure_share(np.array([True, True, True, True]), groups=["a", "a", "b", "b"])
    >>> share.value, round(share.low, 3), share.n
    (1.0, 0.342, 4)
    """
    n, count = len(right), int(right.sum())
    if groups is None or n == 0:
        return wilson(count, n)
    members = np.unique(np.asarray(groups), return_inverse=True)[1]
    sizes, found = np.bincount(members), np.bincount(members, right)
    value = count / n
    drawn = _draw_shares(found, sizes, random_state) if 0 < count < n else np.array([value])
    low, high = np.percentile(drawn, [2.5, 97.5])
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


def count_groups(groups: npt.NDArray[Any]) -> int:
    """Return how many groups there are."""
    return len(np.unique(groups))


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


def bootstrap(
    statistic: Callable[[npt.NDArray[np.float64]], float],
    n: int,
    *,
    groups: Any = None,
    random_state: int = 0,
    resamples: int = RESAMPLES,
    summary: Summary | None = None,
) -> Estimate:
    """Return a statistic of weighted images with its bootstrap interval.

    Parameters
    ----------
    statistic : callable
        Takes one weight an image, float64 of shape (n,); all ones give the figure itself. NaN where a
        resample leaves nothing to measure: such resamples are left out.
    n : int
        Images.
    groups : array-like, shape (n,), optional
        Images of a group are drawn together.
    random_state : int
        Decides the resamples.
    resamples : int
    summary : callable, optional
        What makes the interval of resamples: `summarize`, if None, or `summarize_biased`.

    Returns
    -------
    Estimate
        Its interval is NaN where its ends are one number: nearly all resamples agree, as where every answer
        is right.

    References
    ----------
    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    value = statistic(np.ones(n)) if n else math.nan
    if math.isnan(value):
        return Estimate(math.nan, math.nan, math.nan, n)
    weights = draw_weights(n, groups=groups, random_state=random_state, resamples=resamples)
    return (summary or summarize)(value, np.array([statistic(one) for one in weights]), n)


def bootstrap_all(
    statistics: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    n: int,
    *,
    groups: Any = None,
    random_state: int = 0,
    resamples: int = RESAMPLES,
    summary: Summary | None = None,
) -> list[Estimate]:
    """Return what `bootstrap` does of several statistics that one function gives, of the same resamples.

    Parameters
    ----------
    statistics : callable
        Takes one weight an image and returns all of them, float64 of shape (n_statistics,).
    n, groups, random_state, resamples, summary
        As of `bootstrap`; at least one image.
    """
    values = statistics(np.ones(n))
    weights = draw_weights(n, groups=groups, random_state=random_state, resamples=resamples)
    drawn = np.array([statistics(one) for one in weights])
    make = summary or summarize
    return [make(float(value), column, n) for value, column in zip(values, drawn.T, strict=True)]


def summarize(value: float, drawn: npt.NDArray[np.float64], n: int) -> Estimate:
    """Return a figure with the percentiles of its resamples, as `bootstrap` does.

    Parameters
    ----------
    value : float
    drawn : ndarray of float64, shape (n_resamples,)
        What it is on each resample; NaN where nothing is left to measure.
    n : int
        Images.

    Examples
    --------
    >>> summarize(0.5, np.linspace(0.4, 0.6, 81), 40)
    Estimate(value=0.5, low=0.405, high=0.595, n=40)
    """
    if math.isnan(value):
        return Estimate(math.nan, math.nan, math.nan, n)
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    # All right, say: nearly every resample too, which is no certainty.
    if high - low <= _ROUNDING * max(abs(low), abs(high)):
        low = high = math.nan
    return Estimate(value, float(low), float(high), n)


def explain_intervals(figures: Mapping[str, Estimate | None]) -> dict[str, str]:
    """Return why figures that are known have no interval, by their names; of others nothing.

    Examples
    --------
    >>> found = explain_intervals({"mae": Estimate(0.0, math.nan, math.nan, 9), "r2": Estimate(1, 1, 1, 9)})
    >>> list(found)
    ['mae']
    """
    return {
        name: NO_INTERVAL
        for name, figure in figures.items()
        if figure is not None and math.isfinite(figure.value) and math.isnan(figure.low)
    }


def draw_weights(
    n: int, *, groups: Any = None, random_state: int = 0, resamples: int = RESAMPLES
) -> Iterator[npt.NDArray[np.float64]]:
    """Yield for each resample how often each of `n` images was drawn, shape (n,).

    Whole groups are drawn where there are groups. The same arguments give the same resamples.
    """
    rng = np.random.default_rng(random_state)
    members = np.arange(n) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    count = int(members.max()) + 1
    step = max(1, 100_000 // count)  # several at once, but few: classes and images may be many
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)
        yield from times[:, members].astype(np.float64)
