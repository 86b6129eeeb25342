"""Would more labels help? The figure against the number of training images, and where it seems to go."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import count
from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation.baselines.budget import OutOfTimeError
from cnncodes.evaluation.baselines.methods import CLASSES
from cnncodes.evaluation.baselines.prospects import LEAST_POINTS, Prospect, foresee
from cnncodes.evaluation.baselines.tasks import Statistic, Task
from cnncodes.evaluation.figures import FIGURES, Figure, show_result
from cnncodes.evaluation.intervals import Estimate, count_drawn

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

#: Shares of the training images, and draws of each but the whole.
SHARES, DRAWS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0), 5

#: Resamples of a curve's extrapolation; each is a fit.
_RESAMPLES = 500


@dataclass(frozen=True)
class CurvePoint:
    """The figure with so many training images.

    Attributes
    ----------
    images : int
        Training images, on average over the draws.
    draws : int
        How often so many were drawn.
    estimate : Estimate
        The mean over the draws, on the test images; the interval draws both again. Where answers of a head
        trained on all were known, what is said of these.
    """

    images: int
    draws: int
    estimate: Estimate


@dataclass(frozen=True)
class LearningCurve:
    """The figure that methods are compared by, against the number of training images.

    Attributes
    ----------
    points : list of CurvePoint
        Fewest images first.
    further : list of Prospect
        Of twice and four times as many images. Empty where there are too few points to tell, or errors did
        not fall.
    complete : bool
        Whether all sizes were measured, and not only those that there was time for.
    figure : Figure
    """

    points: list[CurvePoint]
    further: list[Prospect]
    complete: bool
    figure: Figure = FIGURES["accuracy"]

    def __repr__(self) -> str:
        last = self.points[-1]
        said = f"{self.figure.say(last.estimate)} with {count(last.images, 'training image')}"
        return show_result(self, count(len(self.points), "size"), said)

    def describe(self) -> str:
        """Return in words what more labels would bring, and whether time ended the curve too early."""
        last = self.points[-1]
        if not self.further and len(self.points) >= LEAST_POINTS:
            return (
                "errors did not fall with more training images: nothing says that more labels would help"
                f"{self._say_cut()}"
            )
        if not self.further:
            sizes = f"{len(self.points)} size{'s' * (len(self.points) != 1)}"
            return f"{sizes} of the training part cannot say what more labels would bring{self._say_cut()}"
        then = self.further[0]
        return (
            f"{then.images:,} labelled images instead of {last.images:,} would bring about"
            f" {self.figure.say_gap(then.gain, signed=True)}{self.figure.within}, if the curve goes on as it"
            f" went{self._say_cut()}"
        )

    def _say_cut(self) -> str:
        """Say where the curve ends before the images that there are, or leaves out sizes."""
        if self.complete:
            return ""
        if self.points[-1].draws == 1:  # all images
            return " (there was no time for all sizes: give more)"
        return f" (there was no time to train on more than these {self.points[-1].images:,}: give more)"


def measure_learning_curve(
    training: Training,
    test: ImageRows,
    truth: Array,
    make_head: Callable[[], Any],
    *,
    task: Task = CLASSES,
    has_time: Callable[[float], bool] | None = None,
    test_groups: Any = None,
    answers: Any = None,
    random_state: int = 0,
) -> LearningCurve:
    """Train on parts of the training images and test each on the same test images.

    Parts are drawn whole groups at a time: of classes class by class, each with at least two of each class,
    of other tasks from all images, each with at least five.

    Parameters
    ----------
    training : Training
    test : ImageRows
        Of the test images, all readable.
    truth : ndarray, shape (n_test, ...)
        What is to be predicted of them, as `Task.read` gives it.
    make_head : callable
        Returns an unfitted head.
    task : Task
        What is predicted.
    has_time : callable, optional
        Asked before each size with the share of one fit on all images that it costs; where it says no, the
        curve ends, but for all images where `answers` are known.
    test_groups : array-like, optional
        Test images that the bootstrap draws together.
    answers : object, optional
        To the test images, of the head fitted to all training images, where that was done before.
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

    def learn(part: Array) -> Statistic:
        return task.measure(truth, _answer(task, make_head(), training, part, test))

    known = None if answers is None else task.measure(truth, answers)
    sizes, measured, complete = _measure_sizes(training, task, learn, known, has_time, rng)
    ones = np.ones(len(truth))
    found = [np.array([draw(ones) for draw in draws]) for draws in measured]
    whole = np.array([values.mean() for values in found])
    resampled = _resample(measured, len(truth), test_groups, rng)
    figure, n, units = task.figure, len(truth), count_drawn(len(truth), test_groups)
    points = [
        CurvePoint(round(size), len(draws), figure.summarize(float(value), values, n, units))
        for size, draws, value, values in zip(sizes, measured, whole, resampled.T, strict=True)
    ]
    if answers is not None and points[-1].draws == 1:  # as wherever else that head is spoken of
        same = task.evaluate(truth, answers, groups=test_groups, random_state=random_state)
        points[-1] = replace(points[-1], estimate=getattr(same, figure.key))
    luck = _draw_luck(np.array(sizes), found, len(training.y), rng)
    further = foresee(np.array(sizes), whole, resampled, luck, figure, n, units)
    return LearningCurve(points, further, complete, figure)


def _measure_sizes(
    training: Training,
    task: Task,
    learn: Callable[[Array], Statistic],
    known: Statistic | None,
    has_time: Callable[[float], bool] | None,
    rng: np.random.Generator,
) -> tuple[list[float], list[list[Statistic]], bool]:
    """Return the sizes there was time for, what was measured of each draw, and whether these are all.

    `learn` is asked for each draw, but for all images where what comes of these is `known`.
    """
    sizes: list[float] = []
    measured: list[list[Statistic]] = []
    complete = True
    for share in SHARES:
        draws, of_all = 1 if share == 1 else DRAWS, known if share == 1 else None
        if of_all is None and has_time is not None and not (complete and has_time(share * draws)):
            complete = False
            continue
        parts = [_draw(training, task, share, rng) for _ in range(draws)]
        size = float(np.mean([len(part) for part in parts]))
        # The least that is drawn may be more than the share, and large groups may be all there is.
        if (sizes and size < 1.2 * sizes[-1]) or (share < 1 and size == len(training.y)):
            continue
        sizes.append(size)
        measured.append([learn(part) for part in parts] if of_all is None else [of_all])
    if not complete and len(sizes) == (known is not None):
        raise OutOfTimeError(math.nan)
    return sizes, measured, complete


def _draw(training: Training, task: Task, share: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the numbers of a share of each stratum's images, whole groups, a few of each at least."""
    if share == 1:
        return np.arange(len(training.y))
    strata = task.stratify(training.y)
    chosen: list[int] = []
    for stratum in np.unique(strata):
        images = np.flatnonzero(strata == stratum)
        wanted = max(task.least, round(share * len(images)))
        taken: list[int] = []
        for group in rng.permutation(np.unique(training.groups[images])):
            if len(taken) >= wanted:
                break
            taken += images[training.groups[images] == group].tolist()
        chosen += taken
    return np.sort(np.array(chosen, dtype=np.int64))


def _answer(task: Task, head: Any, training: Training, part: Array, test: ImageRows) -> Any:
    with warnings.catch_warnings():
        if len(part) < len(training.y):  # that a part is too small to choose settings by is what is measured
            warnings.simplefilter("ignore", UserWarning)
        return task.learn(head, training.take(part))(test)


def _resample(measured: list[list[Statistic]], n: int, groups: Any, rng: np.random.Generator) -> Floats:
    """Return the figure of each size with test images, or groups of them, and draws drawn again."""
    numbers = np.arange(n) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    count = int(numbers.max()) + 1
    found = np.empty((_RESAMPLES, len(measured)))
    for row in found:
        weights = np.bincount(rng.integers(0, count, count), minlength=count)[numbers].astype(np.float64)
        for column, draws in enumerate(measured):
            values = np.array([draw(weights) for draw in draws])
            row[column] = values[rng.integers(0, len(draws), len(draws))].mean()
    return found


def _draw_luck(sizes: Floats, found: list[Floats], n_images: int, rng: np.random.Generator) -> Floats:
    """Return for each resample by how much the figure may be another one with other training images.

    The variance between draws, over what it lacks since they are drawn of few, falls with their number.
    """
    variances = [
        values.var(ddof=1) / (1 - share) * share
        for share, values in zip(sizes / n_images, found, strict=True)
        if len(values) > 1
    ]
    if not variances:
        return np.zeros(_RESAMPLES)
    freedom = len(variances) * (DRAWS - 1)
    return np.asarray(rng.standard_t(freedom, _RESAMPLES) * math.sqrt(np.mean(variances)))
