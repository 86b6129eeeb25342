"""An axis of a picture that is resized: which pixels are wanted, and of which others each is made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class Axis:
    """Weights of one axis: which pixels each one that is wanted is the sum of.

    Attributes
    ----------
    count, taps : int
        Pixels that are wanted, and weights of each.
    first, end : int
        The first pixel of the picture that any weight is for, and the one after the last.
    starts : ndarray of int32, shape (count,)
        Where the weights of each begin, counted from `first`.
    weights : ndarray of int32, shape (count, taps)
    pointers : tuple of int
        Addresses of the starts and the weights.
    table : ndarray of uint8
        The weights once more, as rows are shrunk by them; of columns nothing.
    """

    def __init__(
        self, starts: npt.NDArray[np.int32], weights: npt.NDArray[np.int32], table: npt.NDArray[np.uint8]
    ) -> None:
        self.count, self.taps = weights.shape
        self.first, self.end = int(starts.min()), int(starts.max()) + self.taps
        self.starts, self.weights = starts - np.int32(self.first), weights
        self.pointers = self.starts.ctypes.data, weights.ctypes.data
        self.table = table
