"""What each epoch came to: figures on the validation images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cnncodes.plain import to_plain

#: The stages: before any epoch; the head alone; with the backbone.
START, HEAD_STAGE, NETWORK_STAGE = "start", "head", "network"
#: The verdict on an epoch whose loss is no number any more.
DIVERGED = "diverged"
#: And on the one after which training stops, as too many in a row are not kept.
STOPPED = "stopped"


class Trained(NamedTuple):
    """An epoch as it was trained: the first figures of `EpochFigures`, and its seconds."""

    stage: str
    epoch: int
    loss: float
    rate: float
    backbone_rate: float
    seconds: float

    def measured(self, **figures: Any) -> EpochFigures:
        """Return it with the figures that it came to."""
        return EpochFigures(**self._asdict(), **figures)


def count_epochs(history: Sequence[EpochFigures]) -> dict[str, int]:
    """Return how many epochs of each stage led to the weights that are kept."""
    epochs = {HEAD_STAGE: 0, NETWORK_STAGE: 0}
    for one in history:
        if one.kept and one.stage != START:
            epochs[one.stage] = one.epoch
    return epochs


def count_missed(history: Sequence[EpochFigures]) -> int:
    """Return how many epochs of the network, in a row up to the last, are not kept."""
    missed = 0
    for one in reversed(history):
        if one.stage != NETWORK_STAGE or one.kept:
            break
        missed += 1
    return missed


def describe_stop(history: Sequence[EpochFigures]) -> str:
    """Return in words why training stopped before its last epoch; empty where it did not.

    Parameters
    ----------
    history : sequence of EpochFigures
        Up to the last epoch of the network.
    """
    if history[-1].verdict != STOPPED:
        return ""
    missed = count_missed(history)
    last = "the last one was not" if missed == 1 else f"none of the last {missed} was"
    return f"training stopped after epoch {history[-1].epoch}, as {last} good enough to be kept (--patience)"


def explain_none(history: Sequence[EpochFigures], n_classes: int) -> str:
    """Return why no epoch of the network was kept."""
    for one in history:
        if one.verdict == DIVERGED:
            return f"training diverged in epoch {one.epoch}"
    network = [one for one in history if one.stage == NETWORK_STAGE]
    best = max(network, key=lambda one: (one.accuracy, -one.validation_loss))
    return (
        f"no epoch with the backbone was good enough on the {best.images:,} validation images: the best,"
        f" epoch {best.epoch}, has an accuracy of {_explain(best, history, math.log(n_classes))}"
    )


def _explain(best: EpochFigures, history: Sequence[EpochFigures], chance: float) -> str:
    """Return an epoch's accuracy, and which of the rules that `Judge.measure` goes by it does not meet."""
    start, points = history[0], f"({100 * best.gain:+.1f} points)"
    if best.gain < 0:
        own, other = _tell_apart(best.accuracy, best.accuracy - best.gain, "{:.{}f}", 3)
        return f"{own} {points}, which is below that of the head alone, {other}"
    bound, whose = max((chance, "chance"), (start.validation_loss, "the start"))
    if best.validation_loss > bound:
        own, other = _tell_apart(best.validation_loss, bound, "{:.{}g}", 4)
        return f"{best.accuracy:.3f} {points}, but its log-loss, {own}, is above that of {whose}, {other}"
    former = max((one.accuracy for one in history if one.stage == HEAD_STAGE), default=start.accuracy)
    own, other = _tell_apart(best.accuracy, former, "{:.{}f}", 3)
    return f"{own} {points}, more than a standard error below the {other} of the first stage"


def _tell_apart(first: float, second: float, form: str, digits: int) -> tuple[str, str]:
    """Return two numbers with as many digits as it takes to tell them apart."""
    for more in range(digits, 18):
        shown = form.format(first, more), form.format(second, more)
        if shown[0] != shown[1]:
            break
    return shown


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
        Of these; 0 where every image is trained on: what they would measure is NaN then.
    kept : bool
        Whether its weights take the place of those before: the last epoch that has it ends as the result.
    rate, backbone_rate : float
        Learning rates in its middle, of the head and of the backbone's last block.
    seconds : float
    verdict : str
        ``"diverged"``, ``"stopped"`` or empty.
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
    kept: bool
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
        odd = {"validation_loss": math.inf} if values["images"] else {}
        found: dict[str, Any] = {
            k: odd.get(k, math.nan) if value is None else value for k, value in values.items()
        }
        return cls(**found)
