"""What each epoch came to: figures on the validation images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.evaluation.intervals import wilson
from cnncodes.evaluation.metrics import compare_paired
from cnncodes.heads.calibration import log_loss
from cnncodes.schema import to_plain

#: The stages: before any epoch; the head alone; with the backbone.
START, HEAD_STAGE, NETWORK_STAGE = "start", "head", "network"
#: The verdict on an epoch whose loss is no number any more.
DIVERGED = "diverged"
#: So many times the loss of the start, and of chance, is no training any more.
RISEN = 10.0


@dataclass(frozen=True)
class EpochFigures:
    """Figures of an epoch.

    Attributes
    ----------
    stage : str
        ``"start"``, ``"head"`` or ``"network"``.
    epoch : int
        Within the stage, from 1; 0 at the start.
    loss : float
        Mean training loss; NaN at the start.
    validation_loss, accuracy, low, high : float
        Log-loss, and accuracy with its 95 % interval, on the validation images.
    gain, gain_low, gain_high : float
        That accuracy less the head's before any epoch, paired, with its 95 % interval; NaN where there is
        none, as where no answer differs.
    images : int
        Of these.
    gained : bool
        Whether it is the best so far: by accuracy, and of equal ones by loss.
    rate, backbone_rate : float
        Learning rates in its middle, of the head and of the backbone's last block.
    seconds : float
    verdict : str
        ``"diverged"`` or empty.
    """

    stage: str
    epoch: int
    loss: float
    validation_loss: float
    accuracy: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float
    images: int
    gained: bool
    rate: float
    backbone_rate: float
    seconds: float
    verdict: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values; what is no number is None."""
        values: dict[str, Any] = to_plain(self)
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> EpochFigures:
        """Return the figures that `to_dict` gave."""
        odd = {
            "loss": math.nan,
            "validation_loss": math.inf,
            "gain_low": math.nan,
            "gain_high": math.nan,
        }
        found: dict[str, Any] = {k: odd.get(k) if value is None else value for k, value in values.items()}
        return cls(**found)


@dataclass(frozen=True)
class Judge:
    """Measures a network on the validation images, beside the head that it started from.

    Attributes
    ----------
    y, head : ndarray of int64, shape (n_images,)
        Number of each image's class, and of the one that the head gives it.
    groups : ndarray, shape (n_images,), optional
        Images that the bootstrap draws together.
    """

    y: npt.NDArray[np.int64]
    head: npt.NDArray[np.int64]
    groups: npt.NDArray[Any] | None = None

    def measure(
        self,
        stage: str,
        epoch: int,
        logits: npt.NDArray[np.float64],
        *,
        loss: float,
        rates: tuple[float, float],
        seconds: float,
        former: Sequence[EpochFigures],
    ) -> EpochFigures:
        """Return the figures of an epoch, given the logits of the images and the figures before it."""
        y = self.y
        sound = bool(np.isfinite(logits).all()) and (stage == START or math.isfinite(loss))
        answers = logits.argmax(axis=1) if sound else np.full(len(y), -1)
        share = wilson(int((answers == y).sum()), len(y))
        gain = compare_paired(y, answers, self.head, groups=self.groups)
        value = log_loss(logits, y, np.ones(len(y))) if sound else math.inf
        # A network that is merely too sure of itself stays far below that.
        bound = max(math.log(logits.shape[1]), former[0].validation_loss if former else value)
        if value > RISEN * bound:
            sound = False
        gained = sound and all((share.value, -value) > (one.accuracy, -one.validation_loss) for one in former)
        return EpochFigures(
            stage,
            epoch,
            loss,
            value,
            share.value,
            share.low,
            share.high,
            gain.value,
            gain.low,
            gain.high,
            len(y),
            gained,
            *rates,
            round(seconds, 3),
            "" if sound else DIVERGED,
        )
