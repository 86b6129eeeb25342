"""Finding a learning rate by trying: it rises step by step until the loss does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cnncodes.errors import UsageError

if TYPE_CHECKING:
    from cnncodes.finetuning.training import Trainer

#: The rates that are tried, as many as there are steps.
LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 80
#: How much of the running mean of losses stays at each step.
_MEMORY = 0.9
#: Where the loss is so many times the least, it goes on no more.
_RISEN = 3.0
#: By how much the rate with the least loss is too high: there the loss has ceased to fall.
_MARGIN = 10.0


def find_rate(trainer: Trainer) -> float:
    """Return a learning rate for the head, found with backbone and head as they are at the start.

    The network is as before afterwards.

    Raises
    ------
    UsageError
        If the loss is no number at the lowest rate already.

    References
    ----------
    L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, section 3.3.
    """
    before = {name: value.clone() for name, value in trainer.network.tensors().items()}
    stage = trainer.network_stage()
    optimizer = trainer.make_optimizer(stage)
    rows, y = trainer.order(stage)
    size = trainer.batch_size * trainer.settings.accumulate
    turns = -(-STEPS * size // len(rows))
    stepper = trainer.stepper
    batches = stepper.batches(stage, np.tile(rows, turns))
    targets = np.tile(y, turns)
    rates = np.geomspace(LOWEST, HIGHEST, STEPS)
    losses: list[float] = []
    for number, rate in enumerate(rates):
        for group in optimizer.param_groups:
            group["lr"] = group["share"] * rate
        own = targets[number * size : (number + 1) * size]
        loss = stepper.step(stage, optimizer, batches, own, (0, number))
        if not math.isfinite(loss) or (losses and loss > _RISEN * min(losses) and number > STEPS // 8):
            break
        losses.append(loss)
    trainer.network.load(before)
    stepper.average = {}  # it has followed
    if not losses:
        raise UsageError(
            "the loss is no number even at the lowest rate: the network or the labels are at fault."
        )
    return choose_rate(rates[: len(losses)].tolist(), losses)


def choose_rate(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Return a tenth of the rate at which the running mean of the losses is least.

    Examples
    --------
    >>> choose_rate([0.001, 0.01, 0.1, 1.0], [2.0, 1.0, 0.1, 9.0])
    0.01
    """
    mean, smooth = 0.0, []
    for number, loss in enumerate(losses, 1):
        mean = _MEMORY * mean + (1 - _MEMORY) * loss
        smooth.append(mean / (1 - _MEMORY**number))
    return float(f"{rates[int(np.argmin(smooth))] / _MARGIN:.2g}")
