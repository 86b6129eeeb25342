"""What is trained on what: images with their classes, and the stages of a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Examples:
    """Images that can be read, where a feature store has them, and their classes.

    Attributes
    ----------
    images : ndarray of int64
        Their places among those that were given.
    first : ndarray of int64
        The row of each one's first view; the others follow it.
    y : ndarray of int64
        Number of each one's class.
    views : int
        Of each image.
    """

    images: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]
    views: int

    def rows(self, views: Array | None = None) -> npt.NDArray[np.int64]:
        """Return the rows of some views of each image, or of all of them, image by image."""
        views = np.arange(self.views) if views is None else views
        return np.asarray((self.first[:, None] + views).reshape(-1), np.int64)

    def join(self, others: Examples) -> Examples:
        """Return these and others of as many views, whose places are counted on."""
        assert self.views == others.views
        return Examples(
            np.concatenate([self.images, others.images + len(self.images)]),
            np.concatenate([self.first, others.first]),
            np.concatenate([self.y, others.y]),
            self.views,
        )


@dataclass(frozen=True)
class Stage:
    """What is trained on what.

    Attributes
    ----------
    name : str
    module : callable
        From inputs to logits.
    inputs : callable
        Takes rows and a batch size; yields batches of arrays.
    epochs : int
    warmup : float
        Epochs; negative for a rate that stays as it is.
    """

    name: str
    module: Callable[..., torch.Tensor]
    inputs: Callable[[Array, int], Iterator[tuple[Array, ...]]]
    epochs: int
    warmup: float
