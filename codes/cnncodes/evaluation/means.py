"""Intervals of means over classes or labels, of which resamples of few images lie aside, or are too alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cnncodes.evaluation.intervals import Estimate, find_percentiles, summarize


def summarize_biased(
    value: float, drawn: npt.NDArray[np.float64], n: int, units: int, *, share: bool = True
) -> Estimate:
    """Return a figure with an interval of resamples that lie to one side of it, as means over classes do.

    Average precision of few images is too high, and F1 of few too low; resamples, which hold fewer different
    ones, go as far again. So the interval lies around the figure less that bias, as wide as by the
    percentiles, and wider as the root of 1 + (bias / standard deviation)²: of few images resamples know the
    bias itself only roughly. Where there is none it is that of `summarize`. docs/figures.md says how often
    it holds the truth.

    Parameters
    ----------
    value, drawn, n, units
        As of `summarize`.
    share : bool
        Whether it is a figure from 0 to 1. Then all is reckoned by the arcsine of its root, whose spread is
        about the same everywhere, and the interval stays within.

    References
    ----------
    B. Efron, "The jackknife, the bootstrap and other resampling plans", 1982, section 10.7, for percentiles
    that are corrected for bias.

    Examples
    --------
    >>> drawn = np.linspace(0.5, 0.7, 81)
    >>> one = summarize_biased(0.55, drawn, 400, 400)
    >>> round(one.low, 2), one.value, round(one.high, 2)
    (0.37, 0.55, 0.63)
    """
    found = summarize(value, drawn, n, units)
    if math.isnan(found.low):
        return found
    center, values = (_to_angle(np.asarray(one)) if share else np.asarray(one) for one in (value, drawn))
    bias, spread = float(np.nanmean(values) - center), float(np.nanstd(values))
    away = np.nanpercentile(values, find_percentiles(units)) - center - bias
    wider = math.hypot(spread, bias) / spread if spread else 1.0  # 0 of numbers whose squares are 0
    ends = center - bias + away * wider
    low, high = (np.sin(np.clip(ends, 0, math.pi / 2)) ** 2 if share else ends).tolist()
    return Estimate(value, min(value, low), max(value, high), n)


def widen_mean(estimate: Estimate, shares: Sequence[Estimate]) -> Estimate:
    """Return a mean of shares with an interval that holds that of its resamples, and that of the shares.

    Resamples of a share that few images tell are too alike, or lack it, as the recall of a class of two
    images: alone they hold the mean in 65 % of samples, say. The intervals of the shares tell of these, and
    are put together as independent ones. docs/figures.md says how often the wider of both holds the truth.

    Parameters
    ----------
    estimate : Estimate
        The mean, as `summarize` gives it.
    shares : sequence of Estimate
        What it is the mean of; those of no images are left out.

    References
    ----------
    G. Zou and A. Donner, "Construction of confidence limits about effect measures: a general approach",
    Statistics in Medicine 27, 2008.

    Examples
    --------
    >>> from cnncodes.evaluation.shares import wilson
    >>> one = widen_mean(Estimate(1.0, math.nan, math.nan, 42), [wilson(40, 40), wilson(2, 2)])
    >>> one.value, round(one.low, 3), one.high
    (1.0, 0.668, 1.0)
    """
    known = [share for share in shares if share.n]
    below = math.hypot(*(share.value - share.low for share in known)) / len(known)
    above = math.hypot(*(share.high - share.value for share in known)) / len(known)
    low, high = max(0.0, estimate.value - below), min(1.0, estimate.value + above)
    # fmin and fmax: what resamples may have none of
    return replace(estimate, low=float(np.fmin(low, estimate.low)), high=float(np.fmax(high, estimate.high)))


def _to_angle(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.arcsin(np.sqrt(np.clip(values, 0, 1))))
