"""Would more labels help? Accuracy against the number of training images, and where it seems to go."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.estimators.aggregation import score_images
from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.training import fit_scorer
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation.baselines.budget import OutOfTimeError
from cnncodes.evaluation.intervals import Estimate

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

#: Shares of the training images, and draws of each but the whole.
SHARES, DRAWS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0), 5

#: Points of a curve that say where it goes, and times as many images as there are that are asked for.
_LEAST_POINTS, _FACTORS = 3, (2.0, 4.0)

#: Resamples of a curve's extrapolation; each is a fit.
_RESAMPLES = 500

#: Exponents of the power law that are tried.
_EXPONENTS = np.linspace(0.05, 1.5, 30)


@dataclass(frozen=True)
class CurvePoint:
    """Accuracy with so many training images.

    Attributes
    ----------
    images : int
        Training images, on average over the draws.
    draws : int
        How often so many were drawn.
    accuracy : Estimate
        The mean over the draws, on the test images; the interval draws both again.
    """

    images: int
    draws: int
    accuracy: Estimate


@dataclass(frozen=True)
class Prospect:
    """What more training images would give, if the error goes on falling as a power of their number.

    Attributes
    ----------
    images : int
    accuracy : Estimate
    gain : Estimate
        Accuracy less that with all images that there are, on the same test images.
    """

    images: int
    accuracy: Estimate
    gain: Estimate


@dataclass(frozen=True)
class LearningCurve:
    """Accuracy against the number of training images.

    Attributes
    ----------
    points : list of CurvePoint
        Fewest images first.
    further : list of Prospect
        Of twice and four times as many images. Empty where there are too few points to tell.
    complete : bool
        Whether all sizes were measured, and not only those that there was time for.
    """

    points: list[CurvePoint]
    further: list[Prospect]
    complete: bool

    def describe(self) -> str:
        """Return in words what more labels would bring, and whether time ended the curve too early."""
        last = self.points[-1]
        if not self.further:
            sizes = f"{len(self.points)} size{'s' * (len(self.points) != 1)}"
            return f"{sizes} of the training part cannot say what more labels would bring{self._say_cut()}"
        then = self.further[0]
        value, low, high = (100 * x for x in (then.gain.value, then.gain.low, then.gain.high))
        return (
            f"{then.images:,} labelled images instead of {last.images:,} would bring about {value:+z.1f}"
            f" points [{low:+z.1f}, {high:+z.1f}], if the curve goes on as it went{self._say_cut()}"
        )

    def _say_cut(self) -> str:
        """Say where the curve ends before the images that there are."""
        if self.complete:
            return ""
        return f" (there was no time to train on more than these {self.points[-1].images:,}: give more)"


def measure_learning_curve(
    training: Training,
    test: ImageRows,
    truth: Array,
    make_head: Callable[[], Any],
    *,
    has_time: Callable[[float], bool] | None = None,
    test_groups: Any = None,
    random_state: int = 0,
) -> LearningCurve:
    """Train on parts of the training images and test each on the same test images.

    Parts are drawn class by class, whole groups at a time, and each with at least two of each class.

    Parameters
    ----------
    training : Training
    test : ImageRows
        Of the test images, all readable.
    truth : ndarray, shape (n_test,)
        Their classes.
    make_head : callable
        Returns an unfitted classifier.
    has_time : callable, optional
        Asked before each size with the share of one fit on all images that it costs; where it says no, the
        curve ends.
    test_groups : array-like, optional
        Test images that the bootstrap draws together.
    random_state : int

    Raises
    ------
    OutOfTimeError
        If there was no time for any size.

    References
    ----------
    J. Hestness et al., "Deep learning scaling is predictable, empirically", 2017, for power laws; T. Viering
    and M. Loog, "The shape of learning curves: a review", TPAMI 2022, for when they do not hold.
    """
    rng = np.random.default_rng(random_state)
    sizes: list[float] = []
    rights: list[Array] = []
    complete = True
    for share in SHARES:
        draws = 1 if share == 1 else DRAWS
        if has_time is not None and not has_time(share * draws):
            complete = False
            break
        parts = [_draw(training, share, rng) for _ in range(draws)]
        size = float(np.mean([len(part) for part in parts]))
        if sizes and size < 1.2 * sizes[-1]:  # two of each class are more than the share
            continue
        sizes.append(size)
        rights.append(np.stack([_answer(training.take(part), test, make_head) == truth for part in parts]))
    if not sizes:
        raise OutOfTimeError(math.nan)
    resampled = _resample(rights, test_groups, rng)
    points = [
        CurvePoint(round(size), len(right), _summarize(float(right.mean()), values, len(truth)))
        for size, right, values in zip(sizes, rights, resampled.T, strict=True)
    ]
    return LearningCurve(points, _extrapolate(np.array(sizes), points, resampled, len(truth)), complete)


def _draw(training: Training, share: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the numbers of a share of each class's images, whole groups, two of each class at least."""
    if share == 1:
        return np.arange(len(training.y))
    chosen: list[int] = []
    for name in np.unique(training.y):
        images = np.flatnonzero(training.y == name)
        wanted = max(2, round(share * len(images)))
        taken: list[int] = []
        for group in rng.permutation(np.unique(training.groups[images])):
            if len(taken) >= wanted:
                break
            taken += images[training.groups[images] == group].tolist()
        chosen += taken
    return np.sort(np.array(chosen, dtype=np.int64))


def _answer(part: Training, test: ImageRows, make_head: Callable[[], Any]) -> Array:
    head = fit_scorer(make_head(), part.rows, part.y, part.weight, part.groups)
    return score_images(head, test.X, test.counts, part.aggregate).labels


def _resample(rights: list[Array], groups: Any, rng: np.random.Generator) -> Floats:
    """Return the accuracy of each size with test images, or groups of them, and draws drawn again."""
    n = rights[0].shape[1]
    numbers = np.arange(n) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    count = int(numbers.max()) + 1
    found = np.empty((_RESAMPLES, len(rights)))
    for row in found:
        weight = np.bincount(rng.integers(0, count, count), minlength=count)[numbers]
        for column, right in enumerate(rights):
            drawn = right[rng.integers(0, len(right), len(right))]
            row[column] = np.average(drawn.mean(axis=0), weights=weight)
    return found


def _summarize(value: float, resampled: Floats, n: int) -> Estimate:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Estimate(value, float(low), float(high), n)


def _extrapolate(sizes: Floats, points: list[CurvePoint], resampled: Floats, n: int) -> list[Prospect]:
    if len(sizes) < _LEAST_POINTS:
        return []
    wanted = sizes[-1] * np.array(_FACTORS)
    measured = np.array([point.accuracy.value for point in points])
    value = 1 - _predict(sizes, 1 - measured[None], wanted)[0]
    spread = 1 - _predict(sizes, 1 - resampled, wanted)
    gains = spread - resampled[:, -1:]
    return [
        Prospect(
            round(size),
            _summarize(float(one), values, n),
            _summarize(float(one - measured[-1]), gain, n),
        )
        for size, one, values, gain in zip(wanted, value, spread.T, gains.T, strict=True)
    ]


def _predict(sizes: Floats, errors: Floats, wanted: Floats) -> Floats:
    """Return the errors at other sizes by ``a + b * n ** -c`` with a, b at least 0, fitted to each row.

    For each exponent a and b are a least-squares line; the exponent with the smallest residual is taken. The
    last point, which the question starts from, is met exactly: what is predicted is the change from there.
    """
    found = np.empty((len(errors), len(wanted)))
    best = np.full(len(errors), math.inf)
    for exponent in _EXPONENTS:
        x, x_new = sizes**-exponent, wanted**-exponent
        center = x - x.mean()
        slope = np.maximum(errors @ center / (center @ center), 0)
        # The error of endless images is at least 0.
        slope = np.minimum(slope, errors[:, -1] / x[-1])
        offset = errors.mean(axis=1) - slope * x.mean()
        residual = ((errors - offset[:, None] - slope[:, None] * x) ** 2).sum(axis=1)
        better = residual < best
        best[better] = residual[better]
        found[better] = errors[better, -1:] - slope[better, None] * (x[-1] - x_new)
    return found
