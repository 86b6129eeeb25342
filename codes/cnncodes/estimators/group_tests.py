"""Tests of a share where images come in groups: on one image of each group, over all ways to draw it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: How many standard deviations from the mean of a sum its distribution is reckoned, and steps besides: what
#: is beyond is below the accuracy of floats.
_DEVIATIONS, _STEPS = 10, 40


def average_tail(losses: Array, wins: Array, share: float) -> float:
    """Return the binomial test of a share, averaged over the draws of one image of each group.

    Of the images that are drawn some count, of these some are losses: if each were one with a probability of
    `share`, how likely were so few, or fewer? That is the lower tail of the binomial distribution, and here
    its mean over all draws: neither luck nor the order of images decides. Where all images of a group agree,
    or there is one of each, it is that tail itself.

    Parameters
    ----------
    losses, wins : ndarray of float64, shape (n_groups,)
        Shares of the images of each group that count, and are losses or none.
    share : float

    Notes
    -----
    Each group adds to a sum: +1 where a trial of the binomial is a loss and its image is none, -1 the other
    way round. The tail is the probability of a sum of at most 0, and the distribution of the sum the product
    of the groups' transforms. A mean of p-values may, at worst, be too small by half (V. Vovk and R. Wang,
    "Combining p-values via averaging", Biometrika 107, 2020). Those of sums over many groups are not: such a
    sum is about normal, draws agree the less the more images of a group differ, and then their mean is nearer
    to a half. docs/figures.md has it measured.

    Examples
    --------
    >>> from scipy.special import bdtr
    >>> losses = np.array([1.0, 0, 0, 0, 0])
    >>> round(average_tail(losses, 1 - losses, 0.5), 6) == round(float(bdtr(1, 5, 0.5)), 6)
    True
    """
    profiles, counts = np.unique(np.column_stack([losses, wins]), axis=0, return_counts=True)
    down, up = profiles[:, 0] * (1 - share), profiles[:, 1] * share
    mean = float(counts @ (up - down))
    deviation = math.sqrt(float(counts @ (up + down - (up - down) ** 2)))
    reach = _DEVIATIONS * deviation + _STEPS
    if abs(mean) > reach:
        return float(mean < 0)
    size = 2 ** math.ceil(math.log2(2 * reach + 1))
    turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    each = 1 - up - down + np.outer(turn, up) + np.outer(turn.conj(), down)
    density = np.fft.irfft((each**counts).prod(axis=1), size)
    first = round(mean) - size // 2
    sums = np.arange(first, first + size)
    return float(np.clip(density[sums[sums <= 0] % size].sum(), 0.0, 1.0))


def bound_above(losses: Array, wins: Array, level: float) -> float:
    """Return the share whose `average_tail` is a level: an upper bound, with a confidence of 1 less it.

    Clopper and Pearson's, where there is one image of each group.

    Examples
    --------
    >>> round(bound_above(np.zeros(59), np.ones(59), 0.05), 4)
    0.0495
    """
    if not wins.any():
        return 1.0
    low, high = 0.0, 1.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if average_tail(losses, wins, middle) > level else (low, middle)
    return high
