"""The figure that ways to predict are compared by: its name, which way is better, and how it is said."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnncodes.errors import steady
from cnncodes.evaluation.intervals import Estimate, summarize, summarize_positive
from cnncodes.evaluation.means import summarize_biased

Floats = npt.NDArray[np.float64]

#: A difference has so many decimal places at most, and is below that, else it is shown with an exponent.
_PLACES, _LARGE = 6, 1e6


@dataclass(frozen=True)
class Figure:
    """A figure of an evaluation that ways to predict are compared by.

    Attributes
    ----------
    key : str
        Its name among the figures of an evaluation.
    name : str
        What tables and axes call it.
    higher : bool
        Whether more is better. Then it is a share from 0 to 1, whose differences are said in points, and 1
        less it is an error.
    ways : str
        What is compared by it.
    within : str
        What a sentence on it ends in.
    model : str
        What such an estimator is called.
    biased : bool
        Whether resamples of few images lie to one side of it: its intervals are those of `summarize_biased`.
    beside : tuple of (str, str)
        Shares that tables show, too: the name among the figures of an evaluation, and what tables call it.
    """

    key: str
    name: str
    higher: bool = True
    ways: str = "ways to classify"
    within: str = ""
    model: str = "classifier"
    biased: bool = False
    beside: tuple[tuple[str, str], ...] = ()

    @property
    def sign(self) -> int:
        """What a difference is multiplied by, that above 0 is better."""
        return 1 if self.higher else -1

    @property
    def largest(self) -> float:
        """What no value is above; none is below 0."""
        return 1.0 if self.higher else math.inf

    @property
    def title(self) -> str:
        """The name as it begins a sentence."""
        return f"{self.name[0].upper() if self.name.islower() else self.name[0]}{self.name[1:]}"

    @property
    def most(self) -> str:
        """What the best value is among all."""
        return "highest" if self.higher else "least"

    @property
    def better(self) -> str:
        """Where the better one is: above or below the other."""
        return "above" if self.higher else "below"

    @property
    def worse(self) -> str:
        """Where the worse one is."""
        return "below" if self.higher else "above"

    def summarize(self, value: float, drawn: Floats, n: int, units: int) -> Estimate:
        """Return a value with the interval of its resamples, which draw so many units each."""
        if not self.higher:
            return summarize_positive(value, drawn, n, units)
        return (summarize_biased if self.biased else summarize)(value, drawn, n, units)

    def summarize_gap(self, gap: float, drawn: Floats, n: int, units: int) -> Estimate:
        """Return a difference of two values with the interval of its resamples."""
        if self.biased:
            return summarize_biased(gap, drawn, n, units, share=False)
        return summarize(gap, drawn, n, units)

    def to_error(self, values: Floats) -> Floats:
        """Return what falls as a method learns; of errors the figure itself."""
        return 1 - values if self.higher else values

    def show(self, value: float) -> str:
        """Return a value as text: three digits of a share, four significant ones of what has a unit.

        Examples
        --------
        >>> FIGURES["accuracy"].show(0.8712), FIGURES["mae"].show(-1234.56)
        ('0.871', '-1235')
        """
        return f"{steady(value):z.3f}" if self.higher else f"{value:z.4g}"

    def show_interval(self, estimate: Estimate) -> str:
        """Return an interval in brackets; nothing where there is none.

        Examples
        --------
        >>> FIGURES["mae"].show_interval(Estimate(3.0, 2.5, 3.75, 40))
        '[2.5, 3.75]'
        """
        if not math.isfinite(estimate.low):
            return ""
        return f"[{', '.join(self.show(end) for end in (estimate.low, estimate.high))}]"

    def say(self, estimate: Estimate, name: str | None = None) -> str:
        """Return the name and value of the figure, or of another of the same unit, with its interval, if any.

        Examples
        --------
        >>> FIGURES["accuracy"].say(Estimate(0.8, 0.49, 0.943, 10))
        'accuracy 0.800 [0.490, 0.943]'
        """
        return f"{name or self.name} {self.show(estimate.value)} {self.show_interval(estimate)}".rstrip()

    def show_gap(self, gap: Estimate, *, signed: tuple[bool, bool] = (False, False)) -> tuple[str, str, str]:
        """Return a difference and the ends of its interval, empty where there is none.

        What has a unit has as many digits as two significant ones of half the interval are: more say nothing.

        Parameters
        ----------
        gap : Estimate
        signed : (bool, bool)
            Whether the value, and the ends, have a sign where they are above 0, too.

        Examples
        --------
        >>> FIGURES["mae"].show_gap(Estimate(7.8e-05, -0.007108, 0.007272, 100))
        ('0.0001', '-0.0071', '0.0073')
        """
        known = math.isfinite(gap.low)
        form = ".3f" if self.higher else _choose_form(gap) if known else ".4g"
        value, low, high = (
            f"{number:{'+' if sign else ''}z{form}}"
            for number, sign in zip(
                (gap.value, gap.low, gap.high), (signed[0], *[signed[1]] * 2), strict=True
            )
        )
        return (value, low, high) if known else (value, "", "")

    def say_gap(self, gap: Estimate, *, signed: bool = False) -> str:
        """Return a difference with its interval, of shares in points.

        Examples
        --------
        >>> gap = Estimate(0.02, 0.01, 0.03, 100)
        >>> FIGURES["accuracy"].say_gap(gap), FIGURES["mae"].say_gap(gap)
        ('2.0 points [+1.0, +3.0]', '0.020 [+0.010, +0.030]')
        """
        if not self.higher:
            value, low, high = self.show_gap(gap, signed=(signed, True))
            return f"{value} [{low}, {high}]" if low else value
        ends = f" [{100 * gap.low:+z.1f}, {100 * gap.high:+z.1f}]" if math.isfinite(gap.low) else ""
        return f"{100 * gap.value:{'+' if signed else ''}z.1f} points{ends}"


def _choose_form(gap: Estimate) -> str:
    """Return the format of a difference whose interval is known: up to which place it says something."""
    half = (gap.high - gap.low) / 2
    digits = 1 - math.floor(math.log10(half)) if half > 0 else 99
    # Of what is very large or small the exponent is shorter.
    large = max(map(abs, (gap.value, gap.low, gap.high))) >= _LARGE
    return f".{max(0, digits)}f" if digits <= _PLACES and not large else ".4g"


def show_result(result: object, *said: str) -> str:
    """Return what Python shows of a result: a line on what matters, and not every number in it."""
    return f"<{type(result).__name__}: {', '.join(said)}>"


#: By their keys.
FIGURES = {
    figure.key: figure
    for figure in (
        Figure("accuracy", "accuracy"),
        Figure(
            "mae",
            "mean absolute error",
            higher=False,
            ways="ways to predict numbers",
            within=" in mean absolute error",
            model="regressor",
            beside=(("r2", "R2"),),
        ),
        Figure("mean_average_precision", "mAP", ways="ways to label", within=" in mAP", biased=True),
    )
}
