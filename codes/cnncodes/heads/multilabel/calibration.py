"""From decision values of labels to probabilities, and from these to labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.multilabel.scorers import expit

Array = npt.NDArray[Any]

#: Newton steps at most, and halvings of each; a dozen steps are usual, and few halvings.
_STEPS, _HALVINGS = 50, 30
#: Where the gradient, in shares of the weight, is below this it is the minimum.
_FLAT = 1e-10
#: Losses are not known more finely, as a share of them.
_ROUNDING = 1e-13


def fit_platt(decision: Array, Y: Array, weight: Array) -> tuple[Array, Array]:
    """Return a slope and an offset for each label that make probabilities of its decision values.

    Those with the smallest log-loss of the held-out images (Platt scaling). The targets fall short of 0 and
    1 by what one further image of each side, of which nothing is known, would add, so that there is a
    minimum even where decision values divide a label's images wholly. Where higher values do not make a label
    likelier the slope is 0: every image has the label's share.

    Parameters
    ----------
    decision : float ``[m, L]``
        Of images that were held out.
    Y : float ``[m, L]``
        1 where an image has the label, else 0.
    weight : float ``[m]``

    Returns
    -------
    slope, offset : float64 ``[L]``

    References
    ----------
    J. Platt, "Probabilistic outputs for support vector machines", 1999; the descent is that of H.-T. Lin,
    C.-J. Lin and R. Weng, "A note on Platt's probabilistic outputs for support vector machines", Machine
    Learning 68, 2007.

    Examples
    --------
    Of three images with a value of 1 two have the label, and one of three with -1.

    >>> values = np.array([[1.0], [1.0], [1.0], [-1.0], [-1.0], [-1.0]])
    >>> has = np.array([[1.0], [1.0], [0.0], [1.0], [0.0], [0.0]])
    >>> slope, offset = fit_platt(values, has, np.ones(6))
    >>> expit(slope * values + offset)[[0, 3], 0].round(2)
    array([0.6, 0.4])
    """
    share = weight / weight.sum()
    positive = weight @ Y
    target = np.where(Y > 0, (positive + 1) / (positive + 2), 1 / (weight.sum() - positive + 2))
    middle = share @ decision
    spread = np.sqrt(share @ (decision - middle) ** 2)
    flat = spread <= 1e-12 * np.maximum(1, np.abs(middle))
    z = (decision - middle) / np.where(flat, 1, spread)
    base = share @ target
    a, b = _descend(z, target, share, np.log(base / (1 - base)))
    useless = flat | (a <= 0)
    slope = np.where(useless, 0, a / np.where(flat, 1, spread))
    return slope, np.where(useless, np.log(base / (1 - base)), b - slope * middle)


def _descend(z: Array, target: Array, share: Array, b: Array) -> tuple[Array, Array]:
    """Return slope and offset of standardised values, all labels side by side, by Newton's method."""
    a = np.zeros_like(b)
    loss = _sum_losses(a, b, z, target, share)
    for _ in range(_STEPS):
        p = expit(a * z + b)
        off, bend = p - target, p * (1 - p)
        pull_a, pull_b = share @ (off * z), share @ off
        if max(np.abs(pull_a).max(), np.abs(pull_b).max()) <= _FLAT:
            break
        aa, ab, bb = share @ (bend * z * z) + 1e-12, share @ (bend * z), share @ bend + 1e-12
        determinant = aa * bb - ab * ab
        step_a = (ab * pull_b - bb * pull_a) / determinant
        step_b = (ab * pull_a - aa * pull_b) / determinant
        length = np.ones_like(b)
        for _ in range(_HALVINGS):
            there = _sum_losses(a + length * step_a, b + length * step_b, z, target, share)
            higher = there > loss * (1 + _ROUNDING)
            if not higher.any():
                break
            length = np.where(higher, length / 2, length)
        length = np.where(higher, 0, length)  # a label that goes no lower has ended
        a, b, loss = a + length * step_a, b + length * step_b, np.where(higher, loss, there)
        if not length.any():
            break
    return a, b


def _sum_losses(a: Array, b: Array, z: Array, target: Array, share: Array) -> Array:
    return np.asarray(share @ _lose(a * z + b, target))


def _lose(values: Array, target: Array) -> Array:
    # As np.logaddexp(0, values), which takes twice the time of all else here.
    losses = np.maximum(values, 0) + np.log1p(np.exp(-np.abs(values)))
    return np.asarray(losses - target * values)


def lose_labels(decision: Array, Y: Array, weight: Array) -> Array:
    """Return each image's log-loss of each label after Platt scaling, float64 ``[m, L]``."""
    slope, offset = fit_platt(decision, Y, weight)
    return _lose(slope * decision + offset, Y)


def lose_by_share(Y: Array, weight: Array) -> Array:
    """Return what the log-loss of each label is where its share alone is known, float64 ``[L]``."""
    base = np.clip(weight @ Y / weight.sum(), 1e-12, 1 - 1e-12)
    return np.asarray(-(base * np.log(base) + (1 - base) * np.log(1 - base)))


def measure_labels(decision: Array, Y: Array, weight: Array) -> tuple[Array, Array]:
    """Return the log-loss of each label after Platt scaling, and in units of that of its share, ``[L]``."""
    losses = weight @ lose_labels(decision, Y, weight) / weight.sum()
    return losses, losses / lose_by_share(Y, weight)


def choose_thresholds(proba: Array, Y: Array, weight: Array) -> Array:
    """Return for each label the probability from which on it has the highest F1 on held-out images, ``[L]``.

    It lies midway between two images; of equal F1 the highest is taken. A label whose probabilities are all
    equal has 0.5: by F1 a label of which nothing is known would be named for every image.

    Parameters
    ----------
    proba, Y : float ``[m, L]``
    weight : float ``[m]``

    References
    ----------
    Z. Lipton, C. Elkan and B. Naryanaswamy, "Optimal thresholding of classifiers to maximize F1 measure",
    ECML 2014, also for why nothing known means naming it always.

    Examples
    --------
    >>> proba, has = np.array([[0.9], [0.6], [0.3], [0.2]]), np.array([[1.0], [0.0], [1.0], [0.0]])
    >>> choose_thresholds(proba, has, np.ones(4))
    array([0.25])
    """
    return np.array([_choose_one(p, y, weight) for p, y in zip(proba.T, Y.T, strict=True)])


def _choose_one(proba: Array, y: Array, weight: Array) -> float:
    values, place = np.unique(-proba, return_inverse=True)
    if len(values) == 1:
        return 0.5
    named = np.cumsum(np.bincount(place, weight))
    right = np.cumsum(np.bincount(place, weight * y))
    f1 = 2 * right / (named + weight @ y)
    best = int(np.flatnonzero(f1 >= f1.max() - 1e-12)[0])
    below = -values[best + 1] if best + 1 < len(values) else 0.0
    return float((-values[best] + below) / 2)
