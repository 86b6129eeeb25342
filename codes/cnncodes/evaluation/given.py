"""What users give to be measured, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.estimators.labels import check_answers

Array = npt.NDArray[Any]


def read_answers(predicted: Any) -> Array:
    """Return predicted classes as an array of one type.

    Raises
    ------
    UsageError
        As `check_answers` does, and if they are fractions, as the probabilities of one class are.
    """
    found = check_answers(predicted)
    if found.dtype.kind != "f":
        return found
    fractions = found[np.isfinite(found) & (found != np.round(found))]
    if len(fractions):
        raise UsageError(
            f"predictions are fractions, such as {fractions[0]:.4g}, and no classes. Give the probabilities"
            " of all classes, a column each, or the predicted classes."
        )
    return found
