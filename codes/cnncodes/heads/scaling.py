"""The two scalings of codes that a head chooses between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.scoring import l2_normalized

Array = npt.NDArray[Any]

SCALINGS = ("standard", "l2")
#: Least scale of a column, as a share of what is usual: of 17 images a column may vary by a thousandth of
#: that by chance, and what divides by so little answers to nothing else on the next image.
FLOOR = 0.03


@dataclass(frozen=True)
class Scaler:
    """Standardisation learned from weighted rows, or (no `mean`, no `scale`) L2 normalisation."""

    mean: Array | None = None
    scale: Array | None = None

    @classmethod
    def learn(cls, scaling: str, X: Array, weight: Array) -> Scaler:
        """Learn from `X` ``[n, D]`` and row weights ``[n]``; a constant column gets the scale 1."""
        if scaling == "l2":
            return cls()
        share = (weight / weight.sum()).astype(np.float64)
        mean, variance = np.empty(X.shape[1]), np.empty(X.shape[1])
        for start in range(0, X.shape[1], 256):  # a float64 copy of a few columns at a time, not of all
            part = X[:, start : start + 256].astype(np.float64)
            mean[start : start + 256] = share @ part
            part -= mean[start : start + 256]
            variance[start : start + 256] = share @ (part * part)
        return cls(mean, scale_of(variance, mean, len(X)))

    def apply(self, X: Array, dtype: npt.DTypeLike) -> Array:
        """Return scaled rows of the type `dtype`."""
        if self.mean is None or self.scale is None:
            return l2_normalized(X.astype(dtype))
        # Before the subtraction, float32 columns with a large mean must not be rounded again.
        if X.dtype == dtype == np.float32:
            return np.asarray((X - self.mean.astype(np.float32)) * (1 / self.scale).astype(np.float32))
        return np.asarray((X - self.mean) / self.scale, dtype=dtype)

    def to_arrays(self) -> tuple[Array, Array]:
        """Return mean and scale, both empty where rows are scaled to length 1."""
        none = np.empty(0)
        return (none, none) if self.mean is None or self.scale is None else (self.mean, self.scale)

    def fold(self, coef: Array, intercept: Array) -> tuple[Array, Array]:
        """Return weights and intercepts for unscaled rows: the standardisation becomes part of them."""
        coef, intercept = coef.astype(np.float64), intercept.astype(np.float64)
        if self.mean is None or self.scale is None:
            return coef, intercept
        coef = coef / self.scale
        return coef, intercept - coef @ self.mean


def scale_of(variance: Array, mean: Array, n_rows: int) -> Array:
    """Return the standard deviation of columns ``[D]``, not far below the usual, and 1 where it is rounding.

    The usual is the median of columns that vary, the lower one of two: columns are taken to be of like units,
    as the numbers of a network's code are. The constant that V. G. Tusher, R. Tibshirani and G. Chu add to
    the scale of genes ("Significance analysis of microarrays", PNAS 98, 2001) serves the same end.
    """
    scale = np.sqrt(variance)
    noise = 10 * n_rows * np.finfo(np.float64).eps * np.abs(mean)
    varies = scale > noise
    if not varies.any():
        return np.ones_like(scale)
    usual = np.quantile(scale[varies], 0.5, method="lower")
    return np.where(varies, np.maximum(scale, FLOOR * usual), 1.0)
