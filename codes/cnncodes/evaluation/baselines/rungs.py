"""What the methods came to, side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import agree, count
from cnncodes.evaluation.baselines.learning_curve import LearningCurve
from cnncodes.evaluation.baselines.methods import CLASSES, CODES
from cnncodes.evaluation.baselines.tasks import TELLING, Task, subtract
from cnncodes.evaluation.baselines.tried import Described
from cnncodes.evaluation.figures import show_result
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.thresholds import FEW_GROUPS
from cnncodes.images import DrawnTogether


@dataclass(frozen=True)
class Rung:
    """What a method came to.

    Attributes
    ----------
    title, group : str
    head : str or None
    evaluation : Evaluation, NumberEvaluation or MultiLabelEvaluation
        On the test images.
    estimate : Estimate
        The figure of it that methods are compared by.
    difference : Estimate or None
        That less the one of the method that all are compared with, on the same images; None for itself.
    describe_seconds, fit_seconds : float
        Of processors: to make numbers of all images, and to fit and to answer.
    seconds : float
        By the clock, of both.
    shared : bool
        Whether the numbers had been made for a method before: their seconds are counted for each, but were
        spent once.
    answers : object
        As the task has them; `Task.list_plain` lists them.
    drawn : ndarray of float64, shape (1 + n_resamples,)
        The figure, then what it is on each resample of the test images, which are the same for all rungs.
    """

    title: str
    group: str
    head: str | None
    evaluation: Any
    estimate: Estimate
    difference: Estimate | None
    describe_seconds: float
    fit_seconds: float
    seconds: float
    shared: bool
    answers: Any = field(repr=False, compare=False)
    drawn: npt.NDArray[np.float64] = field(repr=False, compare=False)

    @property
    def cost(self) -> float:
        """Seconds of processors in all."""
        return self.describe_seconds + self.fit_seconds


@dataclass(frozen=True)
class Compared:
    """What methods are compared with that was trained elsewhere.

    Attributes
    ----------
    name : str
    estimate : Estimate
        The figure that methods are compared by, on the same test images.
    cost : float or None
        Seconds of processors that it took, where they are known.
    """

    name: str
    estimate: Estimate
    cost: float | None = None


@dataclass(frozen=True)
class LeftOut:
    """A method that was not tried, and why.

    Attributes
    ----------
    title, reason : str
    late : bool
        Whether there was no time for it.
    interrupted : bool
        Whether Ctrl-C or a signal came while it was tried, or before.
    group : str
        Its kind; empty of a learning curve.
    """

    title: str
    reason: str
    late: bool = False
    interrupted: bool = False
    group: str = ""


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
    task : Task
        What was predicted.
    telling : float
        What difference of the figure matters: where a larger one is not clear, test images are too few.
    drawn : DrawnTogether
        What resamples of the test images draw.
    codes : Described or None
        Codes of both parts, of those that can be read; None where no network was tried.
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
    task: Task = CLASSES
    telling: float = TELLING
    drawn: DrawnTogether = field(default_factory=DrawnTogether)
    codes: Described | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        best = self.best()
        said = f"the best {best.title}: {self.task.figure.say(best.estimate)}"
        return show_result(self, count(len(self.test), "test image"), count(len(self.rungs), "method"), said)

    @property
    def n_groups(self) -> int | None:
        """Groups of test images that intervals draw; None where they draw images."""
        groups: int | None = self.rungs[0].evaluation.n_groups
        return groups

    @property
    def units(self) -> int:
        """What a resample of the test images draws as many of: groups, or images."""
        return len(self.test) if self.n_groups is None else self.n_groups

    def best(self) -> Rung:
        """Return the rung with the best figure, of equals the cheapest."""
        sign = self.task.figure.sign
        return max(self.rungs, key=lambda rung: (sign * rung.estimate.value, -rung.cost))

    def cheapest_as_good(self) -> tuple[Rung, Estimate]:
        """Return the cheapest rung that is not clearly worse than the best, and how much the best is better.

        By the paired interval; what the best is better by is above 0, whichever way the figure goes.
        """
        best = self.best()
        for rung in sorted(self.rungs, key=lambda rung: rung.cost):
            gap = self._measure_gap(best, rung)
            if rung is best or not gap.low > 0:
                return rung, gap
        raise AssertionError("the best is as good as itself")

    def recommend(self, chosen: Rung, gap: Estimate) -> Rung | None:
        """Return the rung to take: that which `cheapest_as_good` gave.

        None where there is no other, where there was no time for any codes, where test images are too few to
        tell, and where that is a guess.
        """
        if (
            len(self.rungs) < 2
            or self._lacks_codes()
            or self._are_too_few(chosen, gap)
            or self._is_guess(chosen)
        ):
            return None
        return chosen

    def _lacks_codes(self) -> bool:
        """Whether codes were to be compared and there was no time for any."""
        return any(one.late and one.group in CODES for one in self.left_out) and not any(
            rung.group in CODES for rung in self.rungs
        )

    def _is_guess(self, rung: Rung) -> bool:
        return rung.group == self.task.trivial

    def _are_too_few(self, chosen: Rung, gap: Estimate) -> bool:
        """Whether test images are too few to tell which rung to take."""
        if self.units < FEW_GROUPS:
            return True
        best = self.best()
        return self._may_others_be_better(best) if best is chosen else gap.value > self.telling

    def _measure_gap(self, best: Rung, rung: Rung) -> Estimate:
        """Return by how much one rung is better than another."""
        figure = self.task.figure
        values, others = (figure.sign * one.drawn for one in (best, rung))
        return subtract(figure, values, others, len(self.test), self.units)

    def _may_others_be_better(self, best: Rung) -> bool:
        """Whether another may be better than the best here by what matters, for all that is known."""
        others = [rung for rung in self.rungs if rung is not best]
        return any(self._measure_gap(best, rung).low < -self.telling for rung in others)

    def describe_choice(self, chosen: Rung, gap: Estimate) -> str:
        """Return in words which method to take, of several, and how many are not known.

        Parameters
        ----------
        chosen : Rung
        gap : Estimate
            How much the best is above it; both as `cheapest_as_good` gave them.
        """
        choice = [self._say_choice(chosen, gap)] if len(self.rungs) > 1 else []
        if self._lacks_codes():
            choice = ["There was no time for any codes: whether they are worth it is not known."]
        return " ".join((*choice, *self._say_untried()))

    def _say_choice(self, chosen: Rung, gap: Estimate) -> str:
        best, figure = self.best(), self.task.figure
        too_few, the_best = (
            self._are_too_few(chosen, gap),
            f"the best of the methods tried here, {best.title}",
        )
        if best is chosen:
            if too_few:
                return f"{self._say_few()} to tell others from {the_best}.{self._say_more()}"
            if self._is_guess(best):
                return f"No method tried here is better than a guess, {best.title}."
            return (
                "Best of the methods tried here, and nothing cheaper is as good on these images:"
                f" {best.title}."
            )
        far = figure.say_gap(gap)
        if too_few:
            return (
                f"{self._say_few()} to tell {the_best},"
                f" from much cheaper ones: {chosen.title} is {far} {figure.worse} it{figure.within}."
                f"{self._say_more()}"
            )
        found = (
            f"Cheapest of the methods tried here that are not clearly {figure.worse} the best{figure.within}:"
            f" {chosen.title}."
        )
        if self._is_guess(chosen):
            found = f"No method tried here is clearly better than a guess, {chosen.title}."
        return (
            f"{found} The best of them, {best.title}, is {far} {figure.better} it, and was chosen on these"
            " very images, which flatters it."
        )

    def _say_few(self) -> str:
        images = count(len(self.test), "test image")
        of = "" if self.n_groups is None else f", of {count(self.n_groups, 'group')},"
        return f"{images}{of} {agree(len(self.test), 'is')} too few"

    def _say_more(self) -> str:
        return " Test on more images." if self.n_groups is None else " Test on images of more groups."

    def _say_untried(self) -> list[str]:
        """Say of how many methods it is not known how good they are, since the comparison ended before."""
        late, interrupted = (
            sum(getattr(one, why) for one in self.left_out) for why in ("late", "interrupted")
        )
        methods = f"of {late + interrupted + len(self.rungs)} methods, which may be better"
        said = [f"There was no time for {late} {methods}: give more."] if late else []
        return said + (
            [f"It was interrupted before the end of {interrupted} {methods}."] if interrupted else []
        )
