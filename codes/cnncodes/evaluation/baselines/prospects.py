"""Where a learning curve seems to go: what more training images would give."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnncodes.evaluation.figures import Figure
from cnncodes.evaluation.intervals import Estimate

Floats = npt.NDArray[np.float64]

#: Points of a curve that say where it goes, and times as many images as there are that are asked for.
LEAST_POINTS, _FACTORS = 3, (2.0, 4.0)

#: Exponents of the power law that are tried.
_EXPONENTS = np.linspace(0.05, 1.5, 30)


@dataclass(frozen=True)
class Prospect:
    """What more training images would give, if the error goes on falling as a power of their number.

    Attributes
    ----------
    images : int
    estimate : Estimate
    gain : Estimate
        That less the figure with all images that there are, on the same test images.
    """

    images: int
    estimate: Estimate
    gain: Estimate


def foresee(
    sizes: Floats,
    measured: Floats,
    resampled: Floats,
    luck: Floats,
    figure: Figure,
    n: int,
    units: int,
) -> list[Prospect]:
    """Return what twice and four times as many training images would give.

    Parameters
    ----------
    sizes : ndarray of float64, shape (n_sizes,)
        Training images, fewest first.
    measured : ndarray of float64, shape (n_sizes,)
        The figure with so many.
    resampled : ndarray of float64, shape (n_resamples, n_sizes)
        The same on each resample of the test images.
    luck : ndarray of float64, shape (n_resamples,)
        By how much the figure may be another one with other training images.
    figure : Figure
    n, units : int
        Test images, and what a resample draws as many of.

    Returns
    -------
    list of Prospect
        Empty where there are too few sizes to tell, or errors did not fall.
    """
    if len(sizes) < LEAST_POINTS:
        return []
    wanted = sizes[-1] * np.array(_FACTORS)
    # What is 1 less an error is so of errors, too.
    errors = figure.to_error(measured)
    foreseen = _predict(sizes, errors[None], wanted)[0]
    if foreseen[0] == errors[-1] > 0:  # a law that can only fall has nothing to say of what rose
        return []
    value = figure.to_error(foreseen)
    spread = figure.to_error(_predict(sizes, figure.to_error(resampled), wanted))
    # Further images have luck of their own, and hold these: together about as much as these alone (measured).
    spread = spread + luck[:, None]
    gains = spread - resampled[:, -1:]
    now = float(measured[-1])
    return [
        Prospect(
            round(size),
            figure.summarize(float(one), values, n, units).within(0, figure.largest),
            figure.summarize_gap(float(one - now), gain, n, units).within(-now, figure.largest - now),
        )
        for size, one, values, gain in zip(wanted, value, spread.T, gains.T, strict=True)
    ]


def _predict(sizes: Floats, errors: Floats, wanted: Floats) -> Floats:
    """Return the errors at other sizes by ``a + b * n ** -c`` with a, b at least 0, fitted to each row.

    For each exponent a and b are a least-squares line; the exponent with the smallest residual is taken. The
    last point, which the question starts from, is met exactly: what is predicted is the change from there.
    """
    found = np.empty((len(errors), len(wanted)))
    best = np.full(len(errors), math.inf)
    for exponent in _EXPONENTS:
        x, x_new = sizes**-exponent, wanted**-exponent
        center = x - x.mean()
        slope = np.maximum(errors @ center / (center @ center), 0)
        # The error of endless images is at least 0.
        slope = np.minimum(slope, errors[:, -1] / x[-1])
        offset = errors.mean(axis=1) - slope * x.mean()
        residual = ((errors - offset[:, None] - slope[:, None] * x) ** 2).sum(axis=1)
        better = residual < best
        best[better] = residual[better]
        found[better] = errors[better, -1:] - slope[better, None] * (x[-1] - x_new)
    return found
