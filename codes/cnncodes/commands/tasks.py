"""What labels of a source mean: a class each, numbers to predict, or several labels an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnncodes.evaluation.figures import Figure

#: Figures that ways to predict are compared by, and what makes a ladder one of such, by what is predicted.
_FIGURES = {"classes": "accuracy", "numbers": "mae", "several labels an image": "mean_average_precision"}
ADVICE = {
    "classes": "leave --target, --regression and --label-delimiter out",
    "numbers": "give --target COLUMN or --regression",
    "several labels an image": "give --label-delimiter",
}


@dataclass(frozen=True)
class Meaning:
    """What labels mean; one class an image unless it is said otherwise.

    Attributes
    ----------
    regression : bool
        They are numbers.
    label_delimiter : str or None
        They are several, divided by that.

    Examples
    --------
    >>> Meaning().name, Meaning(regression=True).figure.name
    ('classes', 'mean absolute error')
    """

    regression: bool = False
    label_delimiter: str | None = None

    @property
    def name(self) -> str:
        """What is predicted, in words."""
        if self.regression:
            return "numbers"
        return "classes" if self.label_delimiter is None else "several labels an image"

    @property
    def by_class(self) -> bool:
        """Whether each image has one class."""
        return self.name == "classes"

    @property
    def figure(self) -> Figure:
        """What ways to predict such are compared by."""
        from cnncodes.evaluation.figures import FIGURES

        return FIGURES[_FIGURES[self.name]]


#: One class an image.
CLASSES = Meaning()
