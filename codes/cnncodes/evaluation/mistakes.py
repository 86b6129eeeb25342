"""What mistakes cost that may happen, though none of the images, or few, show them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.evaluation.intervals import Estimate, count_drawn
from cnncodes.evaluation.shares import count_independent, wilson

Floats = npt.NDArray[np.float64]


def allow_for_mistakes(
    estimate: Estimate, losses: Floats, answered: Floats, next_best: Floats, right: Any, *, groups: Any = None
) -> Estimate:
    """Return a mean loss, or a difference of two, whose interval is no nearer than that of the accuracy.

    A classifier that is sure loses next to nothing where it is right, and much by a mistake: where no image
    shows one, or few do, resamples know nothing of them. How many there may be is known, from Wilson's
    interval of the accuracy, and so is what they cost: what it would be were an image of the next best class.
    The mean loss then is that of answers that are all right, and so many mistakes at their mean cost: that of
    those seen, and of one more, which is the mean over all images.

    Parameters
    ----------
    estimate : Estimate
        The mean loss. Without an interval it is given one, but where all images are of one group, or mistakes
        cost nothing.
    losses, answered, next_best : ndarray of float64, shape (n,)
        The loss of each image, what it would be were its answer right, and were it of the next best class.
    right : ndarray of bool, shape (n,)
    groups : array-like, shape (n,), optional
        Then Wilson's interval is for as many independent images as tell as much (`count_independent`).

    References
    ----------
    Auditors bound a total error by a sample that shows few in a like way: by a bound on their number, and by
    what the next one costs. K. W. Stringer, "Practical aspects of statistical sampling in auditing", 1963;
    "Statistical models and analysis in auditing", National Research Council, 1988. docs/figures.md says how
    often the interval holds the truth.

    Examples
    --------
    >>> ones = np.ones(32)
    >>> alone = Estimate(1e-4, np.nan, np.nan, 32)
    >>> one = allow_for_mistakes(alone, 1e-4 * ones, 1e-4 * ones, 9.21 * ones, ones > 0)
    >>> one.low, round(one.high, 2)
    (0.0001, 0.99)
    """
    n = len(losses)
    if count_drawn(n, groups) < 2:
        return estimate
    independent = n if groups is None else count_independent(right, groups)
    share = wilson(float(right.mean()) * independent, independent)
    seen = (1 - share.value) * independent
    costs = (losses - answered)[~right]
    cost = ((costs.mean() if len(costs) else 0.0) * seen + (next_best - answered).mean()) / (seen + 1)
    if cost == 0:
        return estimate
    ends = [float(answered.mean() + (1 - correct) * cost) for correct in (share.high, share.low)]
    # fmin and fmax: what resamples may have none of. Of a difference a mistake may cost the other more.
    low, high = np.fmin(min(ends), estimate.low), np.fmax(max(ends), estimate.high)
    return replace(estimate, low=min(float(low), estimate.value), high=max(float(high), estimate.value))
