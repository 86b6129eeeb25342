"""Learning rates: one that is found by trying ever higher ones, and what to do about one too high."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.finetuning.history import DIVERGED, HEAD_STAGE, NETWORK_STAGE, START, EpochFigures
from cnncodes.finetuning.settings import BASE_LR, SGD_FACTOR, FineTuning
from cnncodes.schema import flag

#: The rates that are tried, as many as there are steps.
LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 80
_RATES: list[float] = np.geomspace(LOWEST, HIGHEST, STEPS).tolist()
#: How much of the running mean of losses stays at each step.
_MEMORY = 0.8
#: Where the loss is so many times the least, it goes on no more.
_RISEN = 3.0
#: By how much the rate at which the loss rises is too high.
_MARGIN = 10.0
#: So many times the least running mean of the losses, and the noise of the first, is a rise.
_HIGHER = 1.2
#: A rate that is found is at most so many times the default: of a few images, which the head fits already,
#: the loss rises so late that what was found had been 70 times that.
MOST = 10.0
#: What may wreck a training as a rate that is too high does, where it is above its default.
_PULLS = ("l2_sp", "weight_decay")


def try_rates(step: Callable[[int, float], float]) -> list[float]:
    """Return the losses of steps at ever higher rates, up to one at which the loss has risen.

    Parameters
    ----------
    step : callable
        Trains for one step, of which it is given the number and the rate, and returns the loss.
    """
    losses: list[float] = []
    for number, rate in enumerate(_RATES):
        losses.append(step(number, rate))
        if not math.isfinite(losses[-1]) or has_risen(losses):
            break
    return losses


def find_rate(losses: Sequence[float]) -> float | None:
    """Return the learning rate that losses of `try_rates` speak for.

    None where no rate makes the loss rise, so that nothing is found.

    Raises
    ------
    UsageError
        If the loss is no number at the lowest rate already.

    References
    ----------
    L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, section 3.3.
    """
    if not math.isfinite(losses[0]):
        raise UsageError(
            "the loss is no number even at the lowest rate: the network or the labels are at fault."
        )
    return choose_rate(_RATES[: len(losses)], losses)


def choose_rate(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """Return a tenth of the rate from which on the running mean of the losses rises, None without such.

    The least loss says little: below the rates that are too high, the loss of a network whose head has
    converged is flat, and the least of it is noise.

    A last loss that is no number is a rise.

    Examples
    --------
    >>> choose_rate([0.001, 0.01, 0.1, 1.0], [1.0, 1.0, 1.0, 9.0])
    0.1
    """
    wrecked = not math.isfinite(losses[-1])
    losses = losses[:-1] if wrecked else losses
    smooth = _smooth(losses)
    first = np.asarray(losses[: max(1, len(losses) // 4)], np.float64)
    level = float(np.median(first))
    noise = float(np.abs(first - level).mean())
    smooth[: len(first)] = level  # a mean of few is low or high by chance
    bound = np.minimum.accumulate(smooth) * _HIGHER + noise
    # It has risen for good: no later mean is as low as those before.
    below = np.flatnonzero(smooth <= bound)
    risen = int(below[-1]) + 1
    if risen >= len(smooth) and not wrecked:
        return None
    return float(f"{rates[risen] / _MARGIN:.2g}")


def limit_rate(rate: float, optimizer: str) -> float:
    """Return a rate that was found, or the highest that is taken where that is less.

    SGD needs about 30 times the default: of the rates that are tried none leads to more than ten times that.

    Examples
    --------
    >>> limit_rate(0.07, "adamw"), limit_rate(0.07, "sgd"), limit_rate(0.0002, "adamw")
    (0.01, 0.07, 0.0002)
    """
    return rate if optimizer == "sgd" else min(rate, MOST * BASE_LR)


def default_rate(optimizer: str) -> float:
    """Return the rate of an optimiser of which nothing else is known.

    Examples
    --------
    >>> default_rate("adamw"), default_rate("sgd")
    (0.001, 0.03)
    """
    return BASE_LR * SGD_FACTOR if optimizer == "sgd" else BASE_LR


def advise_rate(history: Sequence[EpochFigures], base_lr: float, settings: FineTuning) -> str:
    """Return what to do where training has diverged, or has lost what was learned; empty where it has not.

    Parameters
    ----------
    history : sequence of EpochFigures
    base_lr : float
        The rate that it was trained with, which may have been found.
    settings : FineTuning
    """
    wrong = [one for one in history if one.verdict == DIVERGED]
    if wrong:
        alone = wrong[0].stage in (START, HEAD_STAGE)
        where = "the head alone" if alone else "backbone and head"
        return (
            f"training of {where} diverged in epoch {wrong[0].epoch}: its loss is no number any more, or far"
            " above that of the start. The weights before are kept. Try a lower rate:"
            f" {_lower(base_lr, settings, alone=alone)}"
        )
    network = [one for one in history if one.stage == NETWORK_STAGE]
    best = max(network, key=lambda one: one.gain, default=history[0])
    if not best.gain_high < 0:  # without an interval nothing is clear
        return ""
    return (
        "training of backbone and head came no nearer to the head alone than"
        f" {-100 * best.gain:.1f} points below it, so that no epoch is kept. Try a lower rate:"
        f" {_lower(base_lr, settings)}"
    )


def _lower(base_lr: float, settings: FineTuning, *, alone: bool = False) -> str:
    """Return the option that lowers a rate which is too high, the backbone's where that alone is unusual.

    With it come others that are above their defaults and may be what was too high.
    """
    usual, mult = default_rate(settings.optimizer), settings.backbone_lr_mult
    pulls = [one for one in dataclasses.fields(FineTuning) if one.name in _PULLS]
    high = [f"{one.name} ({flag(one)})" for one in pulls if getattr(settings, one.name) > one.default]
    others = f"; or a lower {', '.join(high)}" if high else ""
    if not alone and base_lr <= usual and mult > FineTuning.backbone_lr_mult:
        return (
            f"backbone_lr_mult (--backbone-lr-mult) {min(mult / 10, FineTuning.backbone_lr_mult):g}{others}"
        )
    return f"base_lr (--base-lr) {min(base_lr / 10, usual):g}{others}"


def has_risen(losses: Sequence[float]) -> bool:
    """Tell whether the running mean is so far above that of the lowest rates that higher ones tell no more.

    Single losses are those of single batches, which may differ as much at any rate.
    """
    count = STEPS // 4
    return len(losses) > count and _smooth(losses)[-1] > _RISEN * max(losses[:count])


def _smooth(losses: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return the running mean without the bias of its start (Kingma and Ba, "Adam", ICLR 2015, section 3)."""
    mean, found = 0.0, []
    for number, loss in enumerate(losses, 1):
        mean = _MEMORY * mean + (1 - _MEMORY) * loss
        found.append(mean / (1 - _MEMORY**number))
    return np.array(found)
