"""What predicted numbers are worth, each figure with its interval and its number of images."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError, count
from cnncodes.estimators.labels import check_random_state
from cnncodes.estimators.targets import LARGEST
from cnncodes.evaluation.figures import FIGURES, show_result
from cnncodes.evaluation.given import read_groups, read_numbers, read_width
from cnncodes.evaluation.intervals import (
    Estimate,
    bootstrap_all,
    count_drawn,
    explain_intervals,
    make_mean,
    summarize,
    summarize_positive,
)
from cnncodes.evaluation.shares import measure_share
from cnncodes.plain import PlainResult

Array = npt.NDArray[Any]

#: Means of errors, and what is made of such.
_ERRORS = ("mae", "rmse", "constant_mae", "relative_mae")


@dataclass(frozen=True)
class NumberEvaluation(PlainResult):
    """How good predicted numbers are.

    Intervals are of 95 %, by the bootstrap over images, or over whole groups where there are any: those of
    means of errors by their logarithm (`summarize_positive`), of the rest percentiles; for `covered` as
    `measure_share` gives them.

    Attributes
    ----------
    n : int
        Images.
    r2 : Estimate
        Coefficient of determination: 1 is perfect, 0 what the mean of these targets would have, below 0 is
        worse. It depends on how much the targets vary. NaN where they do not.
    mae : Estimate
        Mean absolute error, in units of the target, as the two below.
    rmse : Estimate
        Root of the mean squared error.
    median_ae : Estimate
        Median absolute error.
    constant_mae : Estimate
        Mean absolute error of always saying the median of these targets: no constant has a smaller one.
    relative_mae : Estimate
        `mae` as a share of that, on the same resamples: below 1 is better. NaN where targets do not vary.
    spearman : Estimate
        Rank correlation: whether the order is right, whatever the values. NaN where targets or predictions
        do not vary.
    covered : Estimate or None
        Share of images whose target is in the prediction's interval, where its width is known.
    coverage, width : float or None
        What share that is meant to be, and half the width of the intervals, the mean of several.
    n_groups : int or None
        Groups that the intervals draw; None where they draw images.
    missing : dict of str to str
        Why a figure, or its interval, is missing, by its name.
    largest_error : float
        How far the prediction that is farthest off is off.
    beyond : float
        Up to what share of further images, or groups, may be farther off, with 95 % confidence: what these
        cost is in no interval. It is ``1 - 0.05 ** (1 / n)``, whatever the errors' distribution (S. S. Wilks,
        "Determination of sample sizes for setting tolerance limits", 1941).
    """

    n: int
    r2: Estimate
    mae: Estimate
    rmse: Estimate
    median_ae: Estimate
    constant_mae: Estimate
    relative_mae: Estimate
    spearman: Estimate
    covered: Estimate | None = None
    coverage: float | None = None
    width: float | None = None
    n_groups: int | None = None
    missing: dict[str, str] = field(default_factory=dict)
    largest_error: float = math.nan
    beyond: float = math.nan

    def __repr__(self) -> str:
        figures = FIGURES["accuracy"].say(self.r2, "R2"), FIGURES["mae"].say(self.mae)
        return show_result(self, count(self.n, "image"), *figures)


def evaluate_numbers(
    y: Any,
    predicted: Any,
    *,
    groups: Any = None,
    random_state: int = 0,
    coverage: float | None = None,
    width: Any = None,
) -> NumberEvaluation:
    """Compare predicted numbers with the truth.

    Parameters
    ----------
    y, predicted : array-like of float, shape (n_images,)
        Of several targets give one after the other.
    groups : array-like, shape (n_images,), optional
        Images of a group are drawn together by the bootstrap. Copies of an image should share a group: they
        are no evidence of their own.
    random_state : int
        Decides the bootstrap.
    coverage : float, optional
    width : float, or array-like of shape (n_images,), optional
        Intervals to judge: ``predicted - width`` to ``predicted + width``, which are meant to hold the share
        `coverage` of the targets.

    Raises
    ------
    UsageError
        If the shapes do not fit, there is no image, a number is not finite, or something is no number: text,
        a boolean, a date or a masked value; if there is `coverage` or `width` alone, or one that no interval
        has.

    Examples
    --------
    >>> figures = evaluate_numbers([1, 2, 3, 4], [1, 2, 3, 5])
    >>> figures.n, figures.r2.value, figures.mae.value, figures.rmse.value, figures.spearman.value
    (4, 0.8, 0.25, 0.5, 1.0)
    >>> figures.constant_mae.value, figures.relative_mae.value
    (1.0, 0.25)
    >>> figures.largest_error, round(figures.beyond, 2)
    (1.0, 0.53)
    """
    y, predicted = check_numbers(y, predicted)
    check_random_state(random_state)
    width = read_width(width, coverage, len(y))
    members = read_groups(groups, len(y))
    options: dict[str, Any] = {"groups": members, "random_state": random_state}
    covered = None if width is None else measure_share(np.abs(predicted - y) <= width, **options)
    statistics = make_statistics(y, predicted)
    ways = [summarize_positive if name in _ERRORS else summarize for name in statistics]
    drawn = bootstrap_all(lambda weights: _measure(statistics, weights), len(y), summary=ways, **options)
    figures = dict(zip(statistics, drawn, strict=True))
    return NumberEvaluation(
        n=len(y),
        **figures,
        covered=covered,
        coverage=coverage,
        width=None if width is None else float(np.mean(width)),
        n_groups=None if members is None else len(np.unique(members)),
        missing=explain_intervals(figures)
        | {name: _say_why(y, predicted) for name, figure in figures.items() if math.isnan(figure.value)},
        largest_error=float(np.abs(predicted - y).max()),
        beyond=1 - 0.05 ** (1 / count_drawn(len(y), members)),
    )


def say_beyond(largest_error: str, beyond: str, n_groups: int | None) -> str:
    """Say how many images may be farther off than any here; both figures as they are shown."""
    drawn = "images" if n_groups is None else "groups"
    return (
        f"The largest error is {largest_error}; of further {drawn} up to {beyond} may have a larger one (95%"
        " confidence), which no interval knows of."
    )


def check_numbers(y: Any, predicted: Any) -> tuple[Array, Array]:
    """Return true and predicted numbers as float64; raise `UsageError` unless they are finite pairs."""
    y, predicted = read_numbers("y", y), read_numbers("predicted", predicted)
    if y.ndim != 1 or y.shape != predicted.shape or not len(y):
        raise UsageError(
            "y and predicted must be one number for each of the same images, at least one. Got shapes"
            f" {y.shape} and {predicted.shape}."
        )
    if not (np.isfinite(y).all() and np.isfinite(predicted).all()):
        raise UsageError("y and predicted must be finite; they hold NaN or infinity: leave these images out.")
    if max(np.abs(y).max(), np.abs(predicted).max()) > LARGEST:
        raise UsageError(
            f"y and predicted must be numbers up to {LARGEST:g}, whose squares can be summed: scale them,"
            " or leave these images out."
        )
    for name, size in (("errors of predictions", np.abs(predicted - y).max()), ("spread of y", np.ptp(y))):
        if 0 < size < 1 / LARGEST:
            raise UsageError(
                f"the {name} must be 0 or have squares that can be summed, {1 / LARGEST:g} or more."
                f" Got {size:g}: scale y and predicted."
            )
    return y, predicted


def _say_why(y: Array, predicted: Array) -> str:
    if len(y) == 1:
        return "there is only one image"
    return f"all {'targets' if np.ptp(y) == 0 else 'predictions'} are equal"


def _measure(statistics: dict[str, Callable[[Array], float]], weights: Array) -> Array:
    return np.array([statistic(weights) for statistic in statistics.values()])


def make_statistics(y: Array, predicted: Array) -> dict[str, Callable[[Array], float]]:
    """Return the figures, by name, as functions of how often each image counts, float64 ``[n]``."""
    errors, constant = np.abs(predicted - y), _Constant(y)
    squares = errors**2
    mean, mean_square = make_mean(errors), make_mean(squares)
    return {
        "r2": lambda weights: _r2(y, squares, weights),
        "mae": mean,
        "rmse": lambda weights: math.sqrt(mean_square(weights)),
        "median_ae": _Median(errors),
        "spearman": _Spearman(y, predicted),
        "constant_mae": constant,
        "relative_mae": lambda weights: _relate(mean(weights), constant(weights)),
    }


def _r2(y: Array, squares: Array, weights: Array) -> float:
    # From one of them, equal numbers are exactly 0 apart, and others keep what they differ by.
    apart = np.where(weights > 0, y - y[weights.argmax()], 0.0)
    spread = float(weights @ (apart - make_mean(apart)(weights)) ** 2)
    return 1 - float(weights @ squares) / spread if spread > 0 else math.nan


class _Median:
    """The median of values that are there several times each, as a resample has them."""

    def __init__(self, values: Array) -> None:
        self._order = np.argsort(values, kind="stable")
        self._sorted = values[self._order]

    def __call__(self, weights: Array) -> float:
        below = np.cumsum(weights[self._order])
        half = below[-1] / 2
        low, high = np.searchsorted(below, half, "left"), np.searchsorted(below, half, "right")
        # Of an even number of values the mean of the two in the middle.
        return float((self._sorted[low] + self._sorted[min(high, len(below) - 1)]) / 2)


class _Constant:
    """The mean absolute error of always saying the median."""

    def __init__(self, y: Array) -> None:
        self._y, self._median = y, _Median(y)

    def __call__(self, weights: Array) -> float:
        return make_mean(np.abs(self._y - self._median(weights)))(weights)


def _relate(error: float, constant: float) -> float:
    return error / constant if constant > 0 else math.nan


class _Spearman:
    """Pearson's correlation of mean ranks, of values that are there several times each."""

    def __init__(self, a: Array, b: Array) -> None:
        self._numbered = [np.unique(values, return_inverse=True)[1] for values in (a, b)]

    def __call__(self, weights: Array) -> float:
        a, b = (self._rank(numbered, weights) for numbered in self._numbered)
        a, b = a - make_mean(a)(weights), b - make_mean(b)(weights)
        spread = math.sqrt(float(weights @ a**2) * float(weights @ b**2))
        if spread <= 1e-9:
            return math.nan
        return min(1.0, max(-1.0, float(weights @ (a * b)) / spread))

    @staticmethod
    def _rank(numbered: Array, weights: Array) -> Array:
        counts = np.bincount(numbered, weights)
        return np.asarray((np.cumsum(counts) - counts / 2)[numbered])
