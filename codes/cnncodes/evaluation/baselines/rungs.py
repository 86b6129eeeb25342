"""What the methods came to, side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.evaluation.baselines.learning_curve import LearningCurve
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.metrics import Evaluation
from cnncodes.evaluation.paired import compare_paired

Array = npt.NDArray[Any]

#: Share of right answers that matters: where a larger one is not clear, there are too few test images.
_TELLING = 0.03


@dataclass(frozen=True)
class Rung:
    """What a method came to.

    Attributes
    ----------
    title, group : str
    head : str or None
    evaluation : Evaluation
        On the test images.
    difference : Estimate or None
        Accuracy less that of the method that all are compared with, on the same images; None for itself.
    describe_seconds, fit_seconds : float
        Of processors: to make numbers of all images, and to fit and to answer.
    seconds : float
        By the clock, of both.
    shared : bool
        Whether the numbers had been made for a method before: their seconds are counted for each, but were
        spent once.
    labels : ndarray of str, shape (n_test,)
        The answers.
    """

    title: str
    group: str
    head: str | None
    evaluation: Evaluation
    difference: Estimate | None
    describe_seconds: float
    fit_seconds: float
    seconds: float
    shared: bool
    labels: Array = field(repr=False, compare=False)

    @property
    def cost(self) -> float:
        """Seconds of processors in all."""
        return self.describe_seconds + self.fit_seconds


@dataclass(frozen=True)
class LeftOut:
    """A method that was not tried, and why."""

    title: str
    reason: str


@dataclass(frozen=True)
class Ladder:
    """All methods on the same images.

    Attributes
    ----------
    rungs : list of Rung
        In the order in which they were tried.
    left_out : list of LeftOut
    compared_with : str
        The title of the rung that differences are to.
    train, test : ndarray of int64
        Places of the images that could be read, and which all figures are about.
    failures : list of (str, str)
        Key and reason of each image that could not be read.
    seconds : float
        By the clock, in all.
    seen_images, seen_groups : int
        Test images that are training images, too, by their contents; and those of a group that training
        images are of.
    curve : LearningCurve or None
        Of the method that differences are to, where it was asked for and there was time.
    """

    rungs: list[Rung]
    left_out: list[LeftOut]
    compared_with: str
    train: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    failures: list[tuple[str, str]]
    seconds: float
    seen_images: int = 0
    seen_groups: int = 0
    curve: LearningCurve | None = None

    def best(self) -> Rung:
        """Return the rung with the highest accuracy, of equals the cheapest."""
        return max(self.rungs, key=lambda rung: (rung.evaluation.accuracy.value, -rung.cost))

    def cheapest_as_good(
        self, truth: Array, random_state: int = 0, *, groups: Any = None
    ) -> tuple[Rung, Estimate]:
        """Return the cheapest rung that is not clearly below the best, and by how much the best is above it.

        Parameters
        ----------
        truth : array-like of str, shape (n_test,)
            Of the images of `test`.
        random_state : int
            Of the resamples of the interval.
        groups : array-like, shape (n_test,), optional
            Test images that are drawn together.
        """
        best = self.best()
        for rung in sorted(self.rungs, key=lambda rung: rung.cost):
            gap = compare_paired(truth, best.labels, rung.labels, groups=groups, random_state=random_state)
            if rung is best or not gap.low > 0:
                return rung, gap
        raise AssertionError("the best is as good as itself")

    def describe_choice(self, chosen: Rung, gap: Estimate) -> str:
        """Return in words which method to take; nothing where one alone was tried.

        Parameters
        ----------
        chosen : Rung
        gap : Estimate
            How much the best is above it; both as `cheapest_as_good` gave them.
        """
        if len(self.rungs) < 2:
            return ""
        best = self.best()
        if best is chosen:
            return f"Best, and nothing cheaper is as good on these images: {best.title}."
        ends = f" [{100 * gap.low:+z.1f}, {100 * gap.high:+z.1f}]" if math.isfinite(gap.low) else ""
        far = f"{100 * gap.value:.1f} points{ends}"
        if gap.value > _TELLING:
            return (
                f"These {len(self.test):,} test images are too few to tell the best here, {best.title},"
                f" from much"
                f" cheaper ones: {chosen.title} is {far} below it. Test on more images."
            )
        return (
            f"Cheapest of those that are not clearly below the best: {chosen.title}. The best here,"
            f" {best.title}, is {far} above it, and was chosen on these very images, which flatters it."
        )
