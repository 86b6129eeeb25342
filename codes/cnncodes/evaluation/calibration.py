"""Whether probabilities mean what they say: of the answers given with 0.8, are 80 % right?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import count
from cnncodes.estimators.labels import check_random_state
from cnncodes.evaluation.figures import FIGURES, show_result
from cnncodes.evaluation.given import read_groups, refuse_masked
from cnncodes.evaluation.intervals import RESAMPLES, Estimate, draw_weights
from cnncodes.evaluation.shares import measure_share
from cnncodes.plain import PlainResult

Array = npt.NDArray[Any]

#: Bins at most, and images in each at least.
BINS, IN_BIN = 15, 20


@dataclass(frozen=True)
class Bin:
    """Images whose answers were given with about the same probability.

    Attributes
    ----------
    n : int
    probability : float
        Mean probability of the answers.
    accuracy : float
        Share of right ones.
    """

    n: int
    probability: float
    accuracy: float


@dataclass(frozen=True)
class Calibration(PlainResult):
    """How far the probabilities of answers are from the shares of right ones.

    Attributes
    ----------
    error : Estimate
        Expected calibration error of the answers, less what chance shows; see `measure_calibration`.
    plain : float
        The error as it is usually given, with what chance alone would show.
    by_chance : float
        The plain error that perfect probabilities would show on as many images.
    bins : list of Bin
        From the least probable answers to the most probable.
    """

    error: Estimate
    plain: float
    by_chance: float
    bins: list[Bin]

    def __repr__(self) -> str:
        return show_result(
            self, FIGURES["accuracy"].say(self.error, "calibration error"), count(len(self.bins), "bin")
        )


def measure_calibration(
    probability: Any, right: Any, *, groups: Any = None, random_state: int = 0
) -> Calibration:
    """Measure the expected calibration error of answers.

    It is the mean over bins, by their numbers of images, of the distance between mean probability and share
    of right answers. Bins hold equal numbers of images: 15, or fewer such that each has 20; equal
    probabilities stay together.

    On few images chance alone makes such distances, and the plain error is too large. By how much is seen
    from how far the bootstrap's resamples are from the sample, bin by bin: ``by_chance``. The error given is
    ``sqrt(max(0, plain² - by_chance²))``. Resamples have the excess of chance once more, so the interval is
    theirs reflected at the plain error; it begins at 0 where 2.5 % of the errors by chance are as large as
    the plain one, by the bootstrap or by perfect probabilities. Where nearly all answers are right resamples
    are too alike: no end is nearer than that of the accuracy's interval, and the upper one is at least the
    largest distance of that from the mean probability. In a simulation 95 to 99 % of such intervals held the
    truth, for 10 to 5,000 images.

    Parameters
    ----------
    probability : array-like of float, shape (n_images,)
        Of the answer that was given.
    right : array-like of bool, shape (n_images,)
    groups : array-like, shape (n_images,), optional
        Images of a group are drawn together.
    random_state : int

    References
    ----------
    M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
    binning", AAAI 2015; bins of equal numbers: R. Roelofs et al., "Mitigating bias in calibration error
    estimation", AISTATS 2022; what chance shows: J. Bröcker and L. A. Smith, "Increasing the reliability of
    reliability diagrams", 2007.

    Examples
    --------
    >>> found = measure_calibration(np.full(100, 0.9), np.arange(100) < 60)
    >>> round(found.plain, 3), len(found.bins), found.error.n
    (0.3, 1, 100)
    """
    check_random_state(random_state)
    refuse_masked("probability", probability)
    refuse_masked("right", right)
    probability, right = np.asarray(probability, np.float64), np.asarray(right, np.bool_)
    n = len(probability)
    groups = read_groups(groups, n)
    places = _place(probability)
    excess = probability - right
    n_bins = int(places.max()) + 1
    gaps = np.bincount(places, excess, n_bins) / n
    drawn = np.array(
        [
            np.bincount(places, weights * excess, n_bins) / weights.sum()
            for weights in draw_weights(n, groups=groups, random_state=random_state)
        ]
    )
    bins = _describe(places, probability, right)
    plain = float(np.abs(gaps).sum())
    chance = np.abs(drawn - gaps).sum(axis=1)
    by_chance = float(chance.mean())
    value = math.sqrt(max(0.0, plain**2 - by_chance**2))
    larger = max(np.percentile(chance, 97.5), _find_largest_by_chance(bins, random_state))
    least, most = np.percentile(np.abs(drawn).sum(axis=1), [2.5, 97.5])
    share, mean = measure_share(right, groups=groups, random_state=random_state), probability.mean()
    # Where nearly all answers are right resamples are too alike: Wilson's interval knows better.
    width = max(most - plain, share.value - share.low, share.high - share.value)
    low = max(0.0, plain - width) if plain > larger else 0.0
    high = max(2 * plain - least, mean - share.low, share.high - mean)
    estimate = Estimate(value, min(float(low), value), max(float(high), value), n)
    # Which no distance is above.
    return Calibration(estimate.within(0, 1), plain, by_chance, bins)


def _find_largest_by_chance(bins: list[Bin], random_state: int) -> float:
    """Return the plain error that perfect probabilities exceed in 2.5 % of samples.

    Within a bin probabilities differ, so that right answers vary a little less than the binomial's.
    """
    counts, means = np.array([one.n for one in bins]), np.array([one.probability for one in bins])
    right = np.random.default_rng(random_state).binomial(counts, np.clip(means, 0, 1), (RESAMPLES, len(bins)))
    return float(np.percentile(np.abs(right - counts * means).sum(axis=1) / counts.sum(), 97.5))


def _place(probability: Array) -> Array:
    """Return the number of each answer's bin, without gaps."""
    n_bins = max(1, min(BINS, len(probability) // IN_BIN))
    edges = np.quantile(probability, np.arange(1, n_bins) / n_bins)
    places: Array = np.unique(np.searchsorted(edges, probability, side="right"), return_inverse=True)[1]
    return places


def _describe(places: Array, probability: Array, right: Array) -> list[Bin]:
    counts = np.bincount(places)
    means, shares = (np.bincount(places, values) / counts for values in (probability, right))
    return [
        Bin(int(n), float(mean), float(share)) for n, mean, share in zip(counts, means, shares, strict=True)
    ]
