"""Timing networks against each other, in turns: a machine whose speed drifts slows all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from cnncodes.backbones.frame import Frame


class Network(Protocol):
    """What takes batches of images, such as a backbone."""

    def run(self, images: npt.NDArray[np.uint8]) -> Any:
        """Return what it gives for images."""


def draw_noise(frame: Frame, n_images: int) -> npt.NDArray[np.uint8]:
    """Return images of noise of a network's size, always the same: shape (n_images, height, width, 3)."""
    shape = (n_images, frame.height, frame.width, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def time_in_turns(
    networks: Sequence[Network],
    images: npt.NDArray[np.uint8],
    *,
    rounds: int = 9,
    choose: Callable[[list[float]], float] = statistics.median,
) -> list[float]:
    """Return the seconds that each network takes for a batch.

    Parameters
    ----------
    networks : sequence of Network
    images : ndarray of uint8, shape (n_images, height, width, 3)
    rounds : int
        Runs of each, after one that does not count.
    choose : callable
        What makes one time of those of the rounds; few of them are disturbed the least by their minimum.
    """
    seconds: list[list[float]] = [[] for _ in networks]
    for number in range(rounds + 1):
        for network, mine in zip(networks, seconds, strict=True):
            started = time.perf_counter()
            network.run(images)
            if number:
                mine.append(time.perf_counter() - started)
    return [choose(mine) for mine in seconds]
