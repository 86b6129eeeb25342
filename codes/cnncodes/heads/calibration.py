"""Log-loss of decision values and the temperature that makes it smallest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

Array = npt.NDArray[Any]

_BOUNDS = (-9.0, 9.0)  # of the temperature's natural logarithm


def log_loss(decision: Array, y: Array, weight: Array, temperature: float = 1.0) -> float:
    """Return the weighted mean log-loss of softmax(temperature * decision).

    Parameters
    ----------
    decision : float ``[n, K]``, or ``[n, 1]`` for two classes
    y : int ``[n]``
    weight : float ``[n]``
    temperature : float
    """
    if decision.shape[1] == 1:
        decision = np.column_stack([np.zeros(len(decision)), decision])
    values = temperature * decision
    top = values.max(axis=1)
    losses = top + np.log(np.exp(values - top[:, None]).sum(axis=1)) - values[np.arange(len(y)), y]
    return float(losses @ weight / weight.sum())


def fit_temperature(decision: Array, y: Array, weight: Array) -> float:
    """Return the temperature with the smallest log-loss (it is convex in it; searched in e^±9)."""
    found = minimize_scalar(
        lambda log_t: log_loss(decision, y, weight, float(np.exp(log_t))), bounds=_BOUNDS, method="bounded"
    )
    return float(np.exp(found.x))
