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
    """The images that can be read of one set of a feature store, and their classes.

    Attributes
    ----------
    number : int
        Of the set.
    images : ndarray of int64
        Their places in it.
    y : ndarray of int64
        Number of each one's class.
    views : int
        Of each image.
    """

    number: int
    images: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]
    views: int


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
