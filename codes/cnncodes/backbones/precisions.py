"""In which arithmetic a network runs: the further files of a backbone, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cnncodes.errors import CardError, suggest

#: Arithmetics that a backbone's file may have.
PRECISIONS = ("fp32", "fp16", "int8")

#: What a network of fp32 is computed in by OpenVINO alone, where that is asked for: no file is of it.
BF16 = "bf16"

#: What `load_backbone` takes; "auto" is the fastest that counts as equal to fp32.
CHOICES = (*PRECISIONS, BF16, "auto")

#: So many images a change in accuracy has to be measured on, and so little it may be at worst (the lower end
#: of its 95 % interval), for a file to count as equal to the one that it was made from.
LEAST_IMAGES = 2000
WORST_CHANGE = -0.01


@dataclass(frozen=True)
class Quantization:
    """How a file of less precision was made, and how close it comes to the one that it was made from.

    Attributes
    ----------
    method : str
        In words.
    activations : str
        Their type: ``"uint8"``, ``"int8"`` or ``"float16"``.
    images : int
        Images that it was calibrated on; 0 where nothing had to be.
    cosine, worst_cosine : float
        Of the codes with those of the original, without the mean code: the median image, and the worst.
    compared : int
        Images behind these two, and behind the change in accuracy.
    change, low, high : float, optional
        Change in the accuracy of a cross-validated head, as a share of the images, with its 95 % interval.
    equal : bool
        Whether it counts as equal: `low` is above `WORST_CHANGE`, on at least `LEAST_IMAGES` images.
    """

    method: str
    activations: str
    images: int
    cosine: float
    worst_cosine: float
    compared: int
    change: float | None = None
    low: float | None = None
    high: float | None = None
    equal: bool = False

    def __post_init__(self) -> None:
        if min(self.images, self.compared) < 0:
            raise CardError(f"quantization: a count below 0. Got {self.images} and {self.compared}.")
        if not -1.001 <= self.worst_cosine <= self.cosine <= 1.001:
            raise CardError(
                "quantization: the worst cosine must not be above the median, and both at most 1. Got"
                f" {self.worst_cosine} and {self.cosine}."
            )
        known = [value for value in (self.low, self.change, self.high) if value is not None]
        if len(known) not in (0, 3) or known != sorted(known):
            raise CardError(
                "quantization: low, change and high must be there together, in rising order. Got"
                f" {self.low}, {self.change}, {self.high}."
            )
        if self.equal and not counts_as_equal(self.low, self.compared):
            raise CardError(
                f"quantization: equal needs low above {WORST_CHANGE} on at least {LEAST_IMAGES} images. Got"
                f" {self.low} on {self.compared}."
            )


def counts_as_equal(low: float | None, images: int) -> bool:
    """Tell whether a change in accuracy, of which this is the lower end of the interval, is none.

    Examples
    --------
    >>> counts_as_equal(-0.004, 10_000), counts_as_equal(-0.004, 1_000), counts_as_equal(-0.02, 10_000)
    (True, False, False)
    """
    return low is not None and low > WORST_CHANGE and images >= LEAST_IMAGES


def check_known(key: str, names: Iterable[str], known: Sequence[str] = PRECISIONS) -> None:
    """Raise `CardError` unless all names that a card has under a key are of precisions."""
    for name in names:
        if name not in known:
            raise CardError(f"{key}: unknown precision {name!r}. {suggest(name, known)}")


def leave_out_absent(values: dict[str, Any]) -> None:
    """Remove from a card's values what says nothing, so that a card without further files stays as it was."""
    for key, absent in (("precision", "fp32"), ("precisions", {}), ("quantization", {})):
        if values[key] == absent:
            del values[key]
    for name, facts in values.get("quantization", {}).items():
        values["quantization"][name] = {key: value for key, value in facts.items() if value is not None}
