"""What a method answered, and which of several methods all are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnncodes.estimators.inputs import ImageRows
from cnncodes.evaluation.baselines.methods import TRIVIAL, Method

#: What all others are compared with: a method of the first of these groups that was tried.
BASE = ("codes", "views", "heads", "pixels", "shapes")


@dataclass(frozen=True)
class Described:
    """The numbers of all images that can be read, and what they cost: processors, and by the clock."""

    train: ImageRows
    test: ImageRows
    cpu: float
    clock: float


@dataclass(frozen=True)
class Tried:
    """What a method answered, and what that took."""

    method: Method
    answers: Any  # as the task has them
    made: Described | None
    shared: bool
    cpu: float
    clock: float


def choose_base(tried: Sequence[Tried]) -> Tried:
    """Return what all others are compared with: codes of one view, else pixels, else what learns."""
    places = {group: place for place, group in enumerate(BASE)} | dict.fromkeys(TRIVIAL, len(BASE) + 1)
    return min(tried, key=lambda one: places.get(one.method.group, len(BASE)))
