"""Whether fine-tuning was worth it: the tuned network against its head, on the same images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.paired import McNemar, compare_paired, run_mcnemar
from cnncodes.evaluation.shares import measure_share
from cnncodes.evaluation.thresholds import LEVEL


@dataclass(frozen=True)
class Comparison:
    """Two classifiers on the same images.

    Attributes
    ----------
    head, tuned : Estimate
        Accuracy of each.
    difference : Estimate
        That of the tuned one less that of the head, paired.
    mcnemar : McNemar
        Of the tuned one against the head: exact, while the interval of the bootstrap is too short where the
        images, or groups, on which they differ are few.
    groups : int
        Groups that the images are of; an image without others is one, and equal files are of one.
    n_groups : int, optional
        Groups that the images were given with, which the intervals of both accuracies draw; None without.
    """

    head: Estimate
    tuned: Estimate
    difference: Estimate
    mcnemar: McNemar
    groups: int
    n_groups: int | None = None

    @property
    def p_value(self) -> float:
        """That of the test."""
        return self.mcnemar.p_value

    @property
    def differing(self) -> int:
        """Images on which one of the two alone is right."""
        return self.mcnemar.only_first + self.mcnemar.only_second

    @property
    def _agrees(self) -> bool:
        """Whether the test calls the difference clear, too, and for the same one."""
        return self.p_value < LEVEL and self.mcnemar.supports(self.difference.value)

    @property
    def keeps_tuned(self) -> bool:
        """Whether the tuned one is clearly right more often.

        The interval of the difference is above 0, and the test agrees; that alone tells where each image
        says the same, which leaves no interval. Its epoch was chosen on these images, which flatters a
        little.
        """
        least = self.difference.value if math.isnan(self.difference.low) else self.difference.low
        return least > 0 and self._agrees

    @property
    def _is_worse(self) -> bool:
        most = self.difference.value if math.isnan(self.difference.high) else self.difference.high
        return most < 0 and self._agrees

    def choose(self, keep: str) -> str:
        """Return which of the two predicts, ``"tuned"`` or ``"head"``, where `keep` may name one of them."""
        if keep != "better":
            return keep
        return "tuned" if self.keeps_tuned else "head"

    def say(self) -> str:
        """Return the difference in points, with its interval or why there is none, and what the test says.

        The test is named where it says otherwise than the interval.
        """
        text = say_points(self.difference)
        if math.isnan(self.difference.low):
            return f"{text} (no interval: {self._explain()})" if self.differing else text
        if self._agrees or self.difference.low <= 0 <= self.difference.high:
            return text
        test = self.mcnemar
        more = f" of {test.wins:,} groups against {test.losses:,}" if test.p_value < LEVEL else ""
        return f"{text}, though p = {test.p_value:.2f} by McNemar's exact test{more}"

    def _explain(self) -> str:
        """Return why all resamples agree."""
        if self.groups > 1:
            return "each says the same"
        return "all are of one group" if self.difference.n > 1 else "it is one image"

    def describe(self, images: str) -> str:
        """Return in words whether it was worth it.

        Parameters
        ----------
        images : str
            What to call them: ``"test images"``.
        """
        n, said = f"{self.difference.n:,} {images}", self.say()
        if not self.differing:
            return f"fine-tuning changed nothing that {n} could show: both are right on the same ones"
        if self.keeps_tuned:
            return f"fine-tuning was worth it: {said} on {n}"
        if self._is_worse:
            return f"fine-tuning made it worse: {said} on {n}"
        return f"whether fine-tuning made a difference {n} cannot show clearly: {said}"


def say_points(difference: Estimate) -> str:
    """Return a difference in points, with its interval where it has one."""
    low, value, high = (100 * x for x in (difference.low, difference.value, difference.high))
    return f"{value:+z.1f} points" + ("" if math.isnan(low) else f" [{low:+z.1f}, {high:+z.1f}]")


def compare(
    y: npt.NDArray[Any],
    tuned: npt.NDArray[Any],
    head: npt.NDArray[Any],
    *,
    groups: Any = None,
    given: Any = None,
) -> Comparison:
    """Compare the answers of two classifiers.

    Parameters
    ----------
    y, tuned, head : ndarray, shape (n_images,)
        True classes, and those that each gives.
    groups : array-like, shape (n_images,), optional
        Images that the bootstrap of the difference draws together.
    given : array-like, shape (n_images,), optional
        The groups that they were given with, without equal files: the accuracies' intervals draw these, as
        those of `evaluate` do.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.array([0, 1] * 50)
    >>> compare(y, y, np.zeros(100, int)).describe("images")
    'fine-tuning was worth it: +50.0 points [+40.0, +60.0] on 100 images'
    """
    before, after = (measure_share(answers == y, groups=given) for answers in (head, tuned))
    return Comparison(
        before,
        after,
        compare_paired(y, tuned, head, groups=groups),
        run_mcnemar(y, tuned, head, groups=groups),
        groups=len(y) if groups is None else len(set(np.asarray(groups).tolist())),
        n_groups=None if given is None else len(set(np.asarray(given).tolist())),
    )


def say_verdict(validation: Comparison, test: Comparison | None, kept: str) -> str:
    """Say in words whether it was worth it, by test images where there are any."""
    images, judge = ("validation images", validation) if test is None else ("test images", test)
    text = judge.describe(images)
    if test is None:
        text += ". These images also chose the epoch, which flatters a little"
    return f"{text[0].upper()}{text[1:]}. Kept: {_say_kept(validation, kept, told=test is None)}."


def _say_kept(validation: Comparison, kept: str, *, told: bool) -> str:
    """Return what is kept, and why, where that is not told already and the validation images say so."""
    if kept == "tuned":
        if not validation.keeps_tuned:
            return "the tuned network, as was asked for"
        return "the tuned network" + ("" if told else ", whose gain on the validation images is clear")
    if validation.keeps_tuned or told:
        return "the head alone"
    return (
        f"the head alone, as {validation.difference.n:,} validation images show no clear gain of the tuned"
        f" network: {validation.say()}"
    )
