"""95 % intervals by the bootstrap: what nearly all resamples lie between."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cnncodes.plain import PlainResult

RESAMPLES = 2000

#: What sums of equal numbers differ by, as a share.
_ROUNDING = 1e-12

#: How many times as much as resamples their logarithms vary where these have no end.
_FAR = 2.0

#: Why a figure that is known may have no interval, which is no certainty.
NO_INTERVAL = (
    "no interval, since nearly all resamples agree, as where answers are equally good on all images, or there"
    " is one image or group"
)


@dataclass(frozen=True)
class Estimate(PlainResult):
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

    def within(self, least: float, most: float) -> Estimate:
        """Return it with an interval that reaches no further than the figure can.

        Examples
        --------
        >>> Estimate(0.9, 0.75, 1.25, 30).within(0, 1)
        Estimate(value=0.9, low=0.75, high=1, n=30)
        """
        return replace(self, low=max(self.low, least), high=min(self.high, most))  # NaN stays


#: To an interval from a figure, what it is on each resample, and the numbers of images and of units drawn.
Summary: TypeAlias = Callable[[float, npt.NDArray[np.float64], int, int], Estimate]


def count_groups(groups: npt.NDArray[Any]) -> int:
    """Return how many groups there are."""
    return len(np.unique(groups))


def count_drawn(n: int, groups: Any) -> int:
    """Return how many a resample of `n` images draws: images, or groups where there are any."""
    return n if groups is None else count_groups(np.asarray(groups))


def find_percentiles(units: int) -> list[float]:
    """Return the percentiles of resamples that an interval of 95 % lies between.

    Resamples of few vary too little, by the root of ``(units - 1) / units``, and how much samples vary is
    then known only roughly, as Student's t has it. The percentiles make up for both.

    Parameters
    ----------
    units : int
        What a resample draws as many of: groups where there are any, else images; at least one.

    References
    ----------
    T. C. Hesterberg, "What teachers should know about the bootstrap", The American Statistician 69, 2015,
    section 5.3: expanded percentiles.

    Examples
    --------
    >>> [round(share, 2) for share in find_percentiles(10)], round(find_percentiles(10_000)[0], 2)
    ([0.86, 99.14], 2.5)
    """
    from scipy.special import ndtr, stdtrit

    if units < 2:
        return [0.0, 100.0]
    below = 100 * float(ndtr(stdtrit(units - 1, 0.025) * math.sqrt(units / (units - 1))))
    return [below, 100 - below]


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
        What makes the interval of resamples: `summarize`, if None.

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
    drawn = np.array([statistic(one) for one in weights])
    return (summary or summarize)(value, drawn, n, count_drawn(n, groups))


def bootstrap_all(
    statistics: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    n: int,
    *,
    groups: Any = None,
    random_state: int = 0,
    resamples: int = RESAMPLES,
    summary: Summary | Sequence[Summary] | None = None,
) -> list[Estimate]:
    """Return what `bootstrap` does of several statistics that one function gives, of the same resamples.

    Parameters
    ----------
    statistics : callable
        Takes one weight an image and returns all of them, float64 of shape (n_statistics,).
    n, groups, random_state, resamples
        As of `bootstrap`; at least one image.
    summary : callable, or sequence of callable, optional
        The same for all, or one for each.
    """
    values = statistics(np.ones(n))
    weights = draw_weights(n, groups=groups, random_state=random_state, resamples=resamples)
    drawn = np.array([statistics(one) for one in weights])
    units = count_drawn(n, groups)
    ways = summary if isinstance(summary, Sequence) else [summary or summarize] * len(values)
    return [
        make(float(value), column, n, units)
        for make, value, column in zip(ways, values, drawn.T, strict=True)
    ]


def make_mean(values: npt.NDArray[Any]) -> Callable[[npt.NDArray[np.float64]], float]:
    """Return the mean of values, shape (n,), as a function of how often each counts, as `bootstrap` asks for.

    Examples
    --------
    >>> make_mean(np.array([1.0, 4.0]))(np.array([2.0, 1.0]))
    2.0
    """
    # A resample is some microseconds so, of which numpy's average takes forty.
    return lambda weights: float(values @ weights) / float(weights.sum())


def summarize(value: float, drawn: npt.NDArray[np.float64], n: int, units: int) -> Estimate:
    """Return a figure with percentiles of its resamples, those of `find_percentiles`, as `bootstrap` does.

    Parameters
    ----------
    value : float
    drawn : ndarray of float64, shape (n_resamples,)
        What it is on each resample; NaN where nothing is left to measure.
    n : int
        Images.
    units : int
        As of `find_percentiles`.

    Examples
    --------
    >>> drawn = np.linspace(0.4, 0.6, 81)
    >>> [round(summarize(0.5, drawn, 400, units).low, 3) for units in (400, 10)]
    [0.405, 0.402]
    """
    if math.isnan(value):
        return Estimate(math.nan, math.nan, math.nan, n)
    low, high = np.nanpercentile(drawn, find_percentiles(units))
    # All right, say: nearly every resample too, which is no certainty.
    if high - low <= _ROUNDING * max(abs(low), abs(high)):
        low = high = math.nan
    return Estimate(value, float(low), float(high), n)


def summarize_positive(
    value: float, drawn: npt.NDArray[np.float64], n: int, units: int, *, most: float = math.inf
) -> Estimate:
    """Return a loss or an error with an interval by its logarithm: as far as Student's t has it.

    Few large ones are most of such a mean: resamples that lack them are small and sure of it, and their
    percentiles lie too low. By the logarithm an interval reaches as many times above a figure as below it,
    but where the logarithms vary more than twice as much as the resamples themselves, as a share of the
    figure. Then a few values are nearly all of it, the logarithms of resamples without them have no end, and
    it reaches up by that share, as that of a Poisson count does. Where such resamples are 0, the lower end is
    that of `summarize`; where the figure is, the interval.

    Parameters
    ----------
    value, drawn, n, units
        As of `summarize`.
    most : float
        What it cannot be above.

    References
    ----------
    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 12, for intervals by the
    standard error and Student's t, and for scales on which they hold. docs/figures.md says how often.

    Examples
    --------
    >>> drawn = np.exp(np.random.default_rng(0).normal(0, 0.2, 2000))
    >>> one = summarize_positive(1.0, drawn, 20, 20)
    >>> round(one.low, 2), round(one.high, 2)
    (0.65, 1.54)
    """
    from scipy.special import stdtrit

    found = summarize(value, drawn, n, units)
    known = drawn[~np.isnan(drawn)]
    if math.isnan(found.low) or units < 2 or value <= 0 or known.min() < 0 or not np.isfinite(known).all():
        return found
    wide = float(stdtrit(units - 1, 0.975)) * math.sqrt(units / (units - 1))
    relative = float(known.std()) / value
    by_logarithm = float(np.log(known).std()) if known.min() > 0 else math.inf
    below, above = (
        math.exp(min(700.0, wide * spread))  # of two units it may be endless
        for spread in (by_logarithm, relative if by_logarithm > _FAR * relative else by_logarithm)
    )
    low = value / below if math.isfinite(by_logarithm) else min(found.low, value)
    return Estimate(value, low, min(value * above, most), n)


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
