"""What a training goes by: how good it is after an epoch, and when a stage is over."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cnncodes.evaluation.paired import compare_paired
from cnncodes.evaluation.shares import measure_share
from cnncodes.finetuning.history import (
    DIVERGED,
    HEAD_STAGE,
    START,
    STOPPED,
    EpochFigures,
    Trained,
    count_missed,
    describe_stop,
)
from cnncodes.finetuning.schedule import describe_convergence, starts_to_converge
from cnncodes.finetuning.settings import FineTuning
from cnncodes.finetuning.stages import Examples, Stage
from cnncodes.heads.calibration import log_loss

#: So many times the loss of the start, and of chance, is no training any more.
RISEN = 10.0


class Guide(Protocol):
    """What a training goes by."""

    @property
    def examples(self) -> Examples | None:
        """The images that the network is to answer after each epoch, if any."""

    def measure(
        self,
        trained: Trained,
        logits: npt.NDArray[np.float64] | None,
        former: Sequence[EpochFigures],
    ) -> EpochFigures:
        """Return the figures of an epoch, given the logits of these images and the figures before it."""

    def is_over(
        self, stage: Stage, epoch: int, history: Sequence[EpochFigures], on_note: Callable[[str], None]
    ) -> bool:
        """Tell whether a stage is, after so many epochs of it; `on_note` hears why."""


def standard_error(share: float, n: int) -> float:
    """Return the standard error of a share of `n` images.

    What is within one of the best is as good as that, as far as the images can tell: the one-standard-error
    rule (L. Breiman, J. Friedman, R. Olshen and C. Stone, "Classification and Regression Trees", 1984,
    section 3.4.3).

    Examples
    --------
    >>> round(standard_error(0.9, 100), 3)
    0.03
    """
    return math.sqrt(share * (1 - share) / n)


@dataclass(frozen=True)
class Judge:
    """Goes by the validation images, where it measures a network beside the head that it started from.

    Attributes
    ----------
    examples : Examples
    head : ndarray of int64, shape (n_images,)
        Number of the class that the head gives each.
    settings : FineTuning
        With the epochs of the last stage, and those in a row that are not kept after which it is over.
    groups : ndarray, shape (n_images,), optional
        Images that the bootstrap of the gain draws together, and that count once in the standard error.
    given : ndarray, shape (n_images,), optional
        As in `compare`.
    """

    examples: Examples
    head: npt.NDArray[np.int64]
    settings: FineTuning
    groups: npt.NDArray[Any] | None = None
    given: npt.NDArray[Any] | None = None

    def measure(
        self,
        trained: Trained,
        logits: npt.NDArray[np.float64] | None,
        former: Sequence[EpochFigures],
    ) -> EpochFigures:
        """Return accuracy, gain over the head and log-loss.

        Kept is the last epoch whose accuracy is within a standard error of the best and not below that of the
        head: rates fall to the end, and among epochs that the images cannot tell apart the best is the
        luckiest. One whose log-loss is above that of the start and of chance is not: it is sure of what is
        wrong. The start is kept for as long as no epoch is.
        """
        assert logits is not None
        y = self.examples.y
        sound = bool(np.isfinite(logits).all()) and (trained.stage == START or math.isfinite(trained.loss))
        answers = logits.argmax(axis=1) if sound else np.full(len(y), -1)
        right = int((answers == y).sum())
        share = measure_share(answers == y, groups=self.given)
        gain = compare_paired(y, answers, self.head, groups=self.groups)
        value = log_loss(logits, y, np.ones(len(y))) if sound else math.inf
        # A network that is merely too sure of itself stays far below that.
        bound = max(math.log(logits.shape[1]), former[0].validation_loss if former else value)
        if value > RISEN * bound:
            sound = False
        best = max([share.value, *(one.accuracy for one in former)])
        n = len(y) if self.groups is None else len(set(self.groups.tolist()))
        is_near = share.value >= best - standard_error(best, n) and right >= int((self.head == y).sum())
        kept = sound and (trained.stage == START or (is_near and value <= bound))
        figures = trained.measured(
            validation_loss=value,
            accuracy=share.value,
            low=share.low,
            high=share.high,
            gain=gain.value,
            gain_low=gain.low,
            gain_high=gain.high,
            images=len(y),
            kept=kept,
            verdict="" if sound else DIVERGED,
        )
        missed = count_missed([*former, figures])
        if not sound or missed < self.settings.patience or trained.epoch >= self.settings.epochs:
            return figures
        return replace(figures, verdict=STOPPED)

    def is_over(
        self, stage: Stage, epoch: int, history: Sequence[EpochFigures], on_note: Callable[[str], None]
    ) -> bool:
        """Tell whether the head converges, or no epoch has been kept for long enough."""
        if epoch >= stage.epochs:
            return True
        if stage.name == HEAD_STAGE:
            losses = [one.validation_loss for one in history]
            if not starts_to_converge(losses):
                return False
            on_note(describe_convergence(losses))
            return True
        if not epoch or history[-1].verdict != STOPPED:
            return False
        on_note(describe_stop(history))
        return True


@dataclass(frozen=True)
class Course:
    """Takes as many epochs as were kept before, on images of which none is left to judge by.

    Attributes
    ----------
    epochs : dict of str to int
        Of each stage.
    classes : int
    """

    epochs: dict[str, int]
    classes: int

    @property
    def examples(self) -> None:
        """None: every image is trained on."""

    def measure(
        self,
        trained: Trained,
        logits: npt.NDArray[np.float64] | None,
        former: Sequence[EpochFigures],
    ) -> EpochFigures:
        """Return the loss alone: every epoch is kept, unless its loss has risen beyond all."""
        sound = trained.stage == START or trained.loss <= RISEN * math.log(self.classes)
        return trained.measured(
            validation_loss=math.nan,
            accuracy=math.nan,
            low=math.nan,
            high=math.nan,
            gain=math.nan,
            gain_low=math.nan,
            gain_high=math.nan,
            images=0,
            kept=sound,
            verdict="" if sound else DIVERGED,
        )

    def is_over(
        self, stage: Stage, epoch: int, history: Sequence[EpochFigures], on_note: Callable[[str], None]
    ) -> bool:
        """Tell whether a stage has had its epochs."""
        return epoch >= self.epochs[stage.name]
