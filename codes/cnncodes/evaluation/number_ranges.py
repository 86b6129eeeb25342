"""How far predicted numbers are off where the truth is small, and where it is large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.estimators.labels import check_random_state
from cnncodes.evaluation.given import check_width, read_groups
from cnncodes.evaluation.intervals import Estimate, bootstrap, count_groups, make_mean, summarize_positive
from cnncodes.evaluation.numbers import check_numbers
from cnncodes.evaluation.shares import measure_share
from cnncodes.plain import PlainResult

Array = npt.NDArray[Any]

#: Ranges at most, and images that each has at least where there are so many.
RANGES, IMAGES = 8, 20


@dataclass(frozen=True)
class RangeFigures(PlainResult):
    """Figures of the images whose true number is in a range.

    Attributes
    ----------
    low, high : float
        The least and the greatest true number in it.
    middle, predicted : float
        Means of the true and of the predicted numbers.
    mae : Estimate
        Mean absolute error; `n` is how many images these are.
    bias : Estimate
        Mean of prediction less truth: above 0, predictions are too high.
    covered : Estimate or None
        Share of images whose true number is in the prediction's interval, where its width is known.
    n_groups : int or None
        Of how many groups these images are, where groups were given.
    """

    low: float
    high: float
    middle: float
    predicted: float
    mae: Estimate
    bias: Estimate
    covered: Estimate | None
    n_groups: int | None = None


def measure_ranges(
    y: Any, predicted: Any, *, groups: Any = None, width: float | None = None, random_state: int = 0
) -> list[RangeFigures]:
    """Return figures by range of the true number: ranges hold about equally many images, equal numbers one.

    Parameters
    ----------
    y, predicted : array-like of float, shape (n_images,)
    groups : array-like, shape (n_images,), optional
        Images of a group are drawn together by the bootstrap. Copies of an image should share a group: they
        are no evidence of their own.
    width : float, optional
        Half the width of the intervals.
    random_state : int

    Raises
    ------
    UsageError
        If the shapes do not fit, a number is not finite, something is no number, or the width is none.

    Notes
    -----
    Predictions with the least squared error lean to the middle, the more the less they know: too high where
    the truth is small and too low where it is large. `bias` says by how much.

    Examples
    --------
    >>> y = np.repeat([1.0, 5.0], 20)
    >>> [(one.low, one.high, one.mae.n, one.bias.value) for one in measure_ranges(y, np.full(40, 3.0))]
    [(1.0, 1.0, 20, 2.0), (5.0, 5.0, 20, -2.0)]
    """
    if not np.size(y) and not np.size(predicted):
        return []
    y, predicted = check_numbers(y, predicted)
    check_random_state(random_state)
    width = None if width is None else float(check_width(width, 1).item())
    members = read_groups(groups, len(y))
    found = []
    for among in divide(y):
        own, errors = y[among], predicted[among] - y[among]
        options: dict[str, Any] = {
            "groups": None if members is None else members[among],
            "random_state": random_state,
        }
        found.append(
            RangeFigures(
                low=float(own.min()),
                high=float(own.max()),
                middle=float(own.mean()),
                predicted=float(predicted[among].mean()),
                mae=_bootstrap_mean(np.abs(errors), {**options, "summary": summarize_positive}),
                bias=_bootstrap_mean(errors, options),
                covered=None if width is None else measure_share(np.abs(errors) <= width, **options),
                n_groups=None if members is None else count_groups(members[among]),
            )
        )
    return found


def divide(y: Array) -> list[npt.NDArray[np.int64]]:
    """Return the images of each range, from the smallest true numbers on.

    Examples
    --------
    >>> [len(among) for among in divide(np.arange(100.0))]
    [20, 20, 20, 20, 20]
    """
    if not len(y):
        return []
    count = min(RANGES, max(1, len(y) // IMAGES))
    edges = np.unique(np.quantile(y, np.arange(1, count) / count, method="higher"))
    part = np.searchsorted(edges, y, side="right")
    return [np.flatnonzero(part == one) for one in np.unique(part)]


def _bootstrap_mean(values: Array, options: dict[str, Any]) -> Estimate:
    return bootstrap(make_mean(values), len(values), **options)
