"""True classes against predicted ones, and the figures that follow from the counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Confusion:
    """True and predicted classes as numbers; a prediction that is no known name has number `size`."""

    true: Array
    predicted: Array
    size: int

    def count(self, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the confusion matrix, shape (size, size + 1)."""
        cells = self.true * (self.size + 1) + self.predicted
        counts = np.bincount(cells, weights, self.size * (self.size + 1)).astype(np.float64)
        return counts.reshape(self.size, self.size + 1)

    def balanced_accuracy(self, weights: npt.NDArray[np.float64]) -> float:
        counts = self.count(weights)
        of_class = counts.sum(axis=1)
        occurs = of_class > 0
        return float((np.diagonal(counts)[occurs] / of_class[occurs]).sum() / np.count_nonzero(occurs))

    def macro_f1(self, weights: npt.NDArray[np.float64]) -> float:
        counts = self.count(weights)
        of_class = counts.sum(axis=1)
        occurs = of_class > 0  # one that was only predicted has no image to be found, and F1 of 0 whatever is
        both = of_class[occurs] + counts.sum(axis=0)[: self.size][occurs]
        return float((2 * np.diagonal(counts)[occurs] / both).sum() / np.count_nonzero(occurs))


def find_names(names: Array, labels: Array) -> Array:
    """Return the position of each label among the sorted names, or their number where it is not there."""
    position = np.minimum(np.searchsorted(names, labels), len(names) - 1)
    return np.where(names[position] == labels, position, len(names))
