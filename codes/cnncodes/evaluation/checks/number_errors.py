"""Images whose number is probably wrong: far from what heads predict that have not seen them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import count, name_some
from cnncodes.evaluation.checks.clipping import ROBUST, clip_numbers
from cnncodes.evaluation.checks.finding import Finding
from cnncodes.heads.regression.ridge import RidgeRegressionHead

Array = npt.NDArray[Any]

#: Fewer images have no usual error, and fewer groups make no five folds.
LEAST, LEAST_GROUPS = 30, 5
#: Where predictions explain less of the numbers' variance, an error says nothing of the number.
LEAST_R2 = 0.1
#: So many robust standard deviations off is doubtful; 3.5, as for outliers, found half of the planted errors
#: that this finds.
DOUBT = 2.5


@dataclass(frozen=True, eq=False)
class HeldOutNumbers:
    """What heads predict of images that they were not fitted on.

    Attributes
    ----------
    y : ndarray of float64, shape (n,)
        The given numbers, those far out drawn in.
    prediction : ndarray of float64, shape (n,)
    """

    y: Array
    prediction: Array

    @property
    def r2(self) -> float:
        """Share of the variance of `y` that is explained, without the numbers that are probably wrong.

        Below 0 their mean would be nearer.
        """
        usual = rate_errors(self) <= DOUBT
        y, prediction = self.y[usual], self.prediction[usual]
        spread = float(((y - y.mean()) ** 2).sum())
        return 1 - float(((y - prediction) ** 2).sum()) / spread if spread > 0 else 0.0


def predict_numbers(
    codes: npt.NDArray[np.float32], numbers: Array, groups: Array, *, random_state: int = 0
) -> HeldOutNumbers:
    """Return what a ridge head predicts of every image, fitted on the other folds.

    Codes of length 1, and the penalty that is best over all folds.

    Parameters
    ----------
    codes : ndarray of float32, shape (n, code_size)
    numbers : ndarray of float64, shape (n,)
    groups : ndarray of int64, shape (n,)
        Images of a group are in one fold: two groups at least.
    random_state : int
        Decides the folds.
    """
    y = clip_numbers(numbers)
    head = RidgeRegressionHead(scaling="l2", random_state=random_state, n_jobs=1).fit(codes, y, groups=groups)
    held_out = head.held_out_
    assert held_out is not None
    prediction = np.empty(len(y))
    prediction[held_out.images] = held_out.prediction[:, 0]
    return HeldOutNumbers(y, prediction)


def rate_errors(found: HeldOutNumbers) -> Array:
    """Return how far each number is off, in robust standard deviations of these errors, float64 (n,).

    That is 1.4826 times the median absolute deviation. Errors divided by those of images with similar
    predictions, as an image's own uncertainty, found fewer planted ones among the first.
    """
    error = found.y - found.prediction
    off = np.abs(error - np.median(error))
    usual = max(ROBUST * float(np.median(off)), 1e-9 * float(np.ptp(found.y)))
    return np.asarray(off / usual) if usual > 0 else off


def find_number_issues(found: HeldOutNumbers) -> npt.NDArray[np.int64]:
    """Return the rows whose number is probably wrong, the farthest off first: by more than 2.5 deviations.

    References
    ----------
    H. Zhou, J. Mueller, M. Kumar, J.-L. Wang and J. Lei, "Detecting errors in a numerical response via any
    regression model", 2023: residuals of out-of-fold predictions.
    """
    rated = rate_errors(found)
    far = np.flatnonzero(rated > DOUBT)
    return np.asarray(far[np.argsort(-rated[far], kind="stable")])


def find_suspected_numbers(keys: Sequence[str], numbers: Array, found: HeldOutNumbers) -> list[Finding]:
    """Report images whose number is probably wrong.

    Parameters
    ----------
    keys : sequence of str, length n
    numbers : ndarray of float64, shape (n,)
        As they were given.
    found : HeldOutNumbers
        Of the same images.
    """
    rows = find_number_issues(found)
    if not len(rows):
        return []
    rated = rate_errors(found)
    listed = [
        {
            "image": keys[i],
            "number": float(numbers[i]),
            "predicted": float(found.prediction[i]),
            "deviations": float(rated[i]),
        }
        for i in rows
    ]
    images = tuple(str(row["image"]) for row in listed)
    first = listed[0]
    usual = float(np.median(np.abs(found.y - found.prediction)))
    finding = Finding(
        check="labels",
        severity="tell",
        certainty="possible",
        sentence=(
            f"{count(len(rows), 'number')} of {len(keys):,} may be wrong, the likeliest first:"
            f" {name_some(images, 3)}; the first has {first['number']:.4g} and {first['predicted']:.4g} is"
            f" predicted (half of all are off by less than {usual:.2g}; R2 {found.r2:.2f} without them)."
        ),
        advice="Look at them in this order, correct what is wrong, and stop where most are right.",
        images=images,
        n=len(keys),
        details={"numbers": listed, "r2": found.r2, "median_error": usual},
    )
    return [finding]
