"""Whether fine-tuning was worth it: the tuned network against its head, on the same images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from cnncodes.evaluation.intervals import Estimate, wilson
from cnncodes.evaluation.paired import compare_paired, run_mcnemar

#: Below it a sign test calls a difference clear.
LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """Two classifiers on the same images.

    Attributes
    ----------
    head, tuned : Estimate
        Accuracy of each.
    difference : Estimate
        That of the tuned one less that of the head, paired.
    p_value : float
        Of the two-sided sign test of the images, or groups, on which they differ: exact, while the interval
        of the bootstrap is too short where these are few.
    """

    head: Estimate
    tuned: Estimate
    difference: Estimate
    p_value: float

    @property
    def _agrees(self) -> bool:
        """Whether the sign test calls the difference clear, too."""
        return self.p_value < LEVEL

    @property
    def keeps_tuned(self) -> bool:
        """Whether the tuned one is clearly right more often.

        The interval of the difference is above 0, and the sign test agrees. Its epoch was chosen on these
        images, which flatters a little.
        """
        return self.difference.low > 0 and self._agrees

    def choose(self, keep: str) -> str:
        """Return which of the two predicts, ``"tuned"`` or ``"head"``, where `keep` may name one of them."""
        if keep != "better":
            return keep
        return "tuned" if self.keeps_tuned else "head"

    def say(self) -> str:
        """Return the difference in points, with its interval, and the test where that says otherwise."""
        text = say_points(self.difference)
        alike = self.difference.low <= 0 <= self.difference.high
        if math.isnan(self.difference.low) or alike or self._agrees:
            return text
        return f"{text}, though p = {self.p_value:.2f} by McNemar's exact test"

    def describe(self, images: str) -> str:
        """Return in words whether it was worth it.

        Parameters
        ----------
        images : str
            What to call them: ``"test images"``.
        """
        n, said = f"{self.difference.n:,} {images}", self.say()
        if math.isnan(self.difference.low):
            same = "no answer differs" if self.difference.value == 0 else said
            return f"fine-tuning changed nothing that {n} could show ({same})"
        if self.keeps_tuned:
            return f"fine-tuning was worth it: {said} on {n}"
        if self.difference.high < 0 and self._agrees:
            return f"fine-tuning made it worse: {said} on {n}"
        return f"whether fine-tuning made a difference {n} cannot show clearly: {said}"


def say_points(difference: Estimate) -> str:
    """Return a difference in points, with its interval where it has one."""
    low, value, high = (100 * x for x in (difference.low, difference.value, difference.high))
    return f"{value:+z.1f} points" + ("" if math.isnan(low) else f" [{low:+z.1f}, {high:+z.1f}]")


def compare(
    y: npt.NDArray[Any], tuned: npt.NDArray[Any], head: npt.NDArray[Any], *, groups: Any = None
) -> Comparison:
    """Compare the answers of two classifiers.

    Parameters
    ----------
    y, tuned, head : ndarray, shape (n_images,)
        True classes, and those that each gives.
    groups : array-like, shape (n_images,), optional
        Images that the bootstrap draws together.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.array([0, 1] * 50)
    >>> compare(y, y, np.zeros(100, int)).describe("images")
    'fine-tuning was worth it: +50.0 points [+40.0, +60.0] on 100 images'
    """
    before, after = (wilson(int((given == y).sum()), len(y)) for given in (head, tuned))
    difference = compare_paired(y, tuned, head, groups=groups)
    return Comparison(before, after, difference, run_mcnemar(y, tuned, head, groups=groups).p_value)


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
