"""Scoring with a fitted linear head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from cnncodes.errors import UsageError
from cnncodes.heads.arrays import Array
from cnncodes.heads.scoring import Scorer, l2_normalized


@dataclass(frozen=True, eq=False)
class LinearScorer(Scorer):
    """A linear classifier as plain arrays; its sums are taken in float64.

    Parameters
    ----------
    coef : float64 ``[K, D]``, or ``[1, D]`` for two classes
        Weights; the standardisation of the codes is already folded in.
    intercept : float64 ``[K]`` or ``[1]``
        Offsets.
    classes : ``[K]``, any dtype
        Class of each column; ``[2]`` for two classes, the second being the positive one.
    l2_normalize : bool
        Scale each code to length 1 first.
    temperature : float
        What decision values are multiplied with before they become probabilities.
    kind : str
        Which sort of head this was: a note, it changes nothing.

    Raises
    ------
    UsageError
        If the shapes contradict each other or a number is not finite.
    """

    TYPE: ClassVar[str] = "linear"
    ARRAYS: ClassVar[tuple[str, ...]] = (
        "coef",
        "intercept",
        "classes",
        "l2_normalize",
        "temperature",
        "kind",
    )

    coef: Array
    intercept: Array
    classes: Array
    l2_normalize: bool = False
    temperature: float = 1.0
    kind: str = "linear"

    def __post_init__(self) -> None:
        coef = np.ascontiguousarray(self.coef, dtype=np.float64)
        intercept = np.ascontiguousarray(self.intercept, dtype=np.float64)
        classes = np.asarray(self.classes)
        if coef.ndim != 2 or intercept.ndim != 1 or classes.ndim != 1:
            raise UsageError(
                f"a linear head needs coef [K, D], intercept [K] and classes [K]; "
                f"got shapes {coef.shape}, {intercept.shape}, {classes.shape}"
            )
        rows = 1 if len(classes) == 2 else len(classes)
        if len(classes) < 2 or len(coef) != rows or len(intercept) != rows:
            raise UsageError(
                f"{len(classes)} classes do not fit {len(coef)} rows of coef and {len(intercept)} intercepts"
            )
        if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
            raise UsageError("coef and intercept must be finite; they hold NaN or infinity")
        if not (np.isfinite(self.temperature) and self.temperature > 0):
            raise UsageError(f"temperature must be a finite number above 0; got {self.temperature!r}")
        values = (coef, intercept, classes, bool(self.l2_normalize), float(self.temperature), str(self.kind))
        for name, value in zip(self.ARRAYS, values, strict=True):
            object.__setattr__(self, name, value)

    @property
    def code_size(self) -> int:
        """Columns of the codes that it scores."""
        return int(self.coef.shape[1])

    @cached_property
    def _weights(self) -> Array:
        return np.ascontiguousarray(self.coef.T)

    def _decide(self, block: Array) -> Array:
        rows = l2_normalized(block) if self.l2_normalize else block
        return np.asarray(rows @ self._weights + self.intercept)
