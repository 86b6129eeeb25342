"""Log-loss of decision values and the temperature that makes it smallest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

Array = npt.NDArray[Any]

#: Where a temperature is searched: decision values may have any scale.
TEMPERATURES = (float(np.exp(-9.0)), float(np.exp(9.0)))


def log_loss(decision: Array, y: Array, weight: Array, temperature: float = 1.0) -> float:
    """Return the weighted mean log-loss of softmax(temperature * decision).

    Parameters
    ----------
    decision : float ``[n, K]``, or ``[n, 1]`` for two classes
    y : int ``[n]``
    weight : float ``[n]``
    temperature : float
    """
    return float(log_losses(decision, y, temperature) @ weight / weight.sum())


def log_losses(decision: Array, y: Array, temperature: float = 1.0) -> Array:
    """Return the log-loss of each row, float64 ``[n]``; the parameters are those of `log_loss`."""
    if decision.shape[1] == 1:
        decision = np.column_stack([np.zeros(len(decision)), decision])
    values = temperature * decision
    top = values.max(axis=1)
    return np.asarray(top + np.log(np.exp(values - top[:, None]).sum(axis=1)) - values[np.arange(len(y)), y])


def fit_temperature(
    decision: Array, y: Array, weight: Array, bounds: tuple[float, float] = TEMPERATURES
) -> float:
    """Return the temperature with the smallest log-loss within bounds; the log-loss is convex in it."""
    if bounds[0] == bounds[1]:
        return bounds[0]
    found = minimize_scalar(
        lambda log_t: log_loss(decision, y, weight, float(np.exp(log_t))),
        bounds=np.log(bounds),
        method="bounded",
    )
    return float(np.exp(found.x))
