"""When what is trained, and at which rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: The head starts to converge when an epoch lowers the loss on the validation images by less than this share.
CONVERGED = 0.01


def rate_at(epoch: float, epochs: int, warmup: float) -> float:
    """Return the rate at a moment, as a share of the highest: it rises linearly and falls as a cosine.

    Parameters
    ----------
    epoch : float
        Epochs done, with fractions.
    epochs : int
        All of them.
    warmup : float
        Those of the rise, cut off at half of all.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.

    Examples
    --------
    >>> [round(rate_at(epoch, 4, 1), 2) for epoch in (0.5, 1, 2.5, 4)]
    [0.5, 1.0, 0.5, 0.0]
    """
    warmup = min(warmup, epochs / 2)
    if epoch < warmup:
        return epoch / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (epoch - warmup) / (epochs - warmup))))


def starts_to_converge(losses: Sequence[float]) -> bool:
    """Tell by the validation losses of a head's epochs, the first before any, whether it converges.

    Examples
    --------
    >>> starts_to_converge([1.0, 0.8]), starts_to_converge([1.0, 0.8, 0.795])
    (False, True)
    """
    return len(losses) > 1 and losses[-1] > (1 - CONVERGED) * losses[-2]


def describe_convergence(losses: Sequence[float]) -> str:
    """Return in words why the head has been trained alone for long enough.

    Examples
    --------
    >>> describe_convergence([1.0, 0.8, 0.795])
    'the head starts to converge: validation loss 0.8000 -> 0.7950 (-0.6 %; below -1 % it would go on)'
    """
    before, after = losses[-2:]
    change = 100 * (after / before - 1)
    if after > before:
        return (
            f"the head alone learns nothing more that helps: validation loss {before:.4f} -> {after:.4f}"
            f" ({change:+.1f} %)"
        )
    return (
        f"the head starts to converge: validation loss {before:.4f} -> {after:.4f} ({change:+.1f} %;"
        f" below -{100 * CONVERGED:.0f} % it would go on)"
    )
