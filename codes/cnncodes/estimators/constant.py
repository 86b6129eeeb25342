"""Codes that hold nothing to learn from: those of all images are equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import ResultWarning, warn

Array = npt.NDArray[Any]

#: What codes of equal pictures may differ by, as a share of their largest value.
_ROUNDING = 1e-5
#: Rows, about, that are compared at once.
_BATCH = 1024


def warn_of_constant(X: Array, counts: Array) -> None:
    """Warn where images all have one code; `X` and `counts` as `are_constant` takes them."""
    n_images = int((counts > 0).sum())
    if n_images > 1 and are_constant(X, counts):
        warn(
            f"the codes of {n_images} images are all equal, as those of one picture are: there is nothing to"
            " learn from, and every image gets the same answer. Look at the images, for example by"
            " 'cnncodes check', or choose another backbone or layer.",
            ResultWarning,
        )


def are_constant(X: Array, counts: Array) -> bool:
    """Say whether all images have the same codes, but for rounding, each view its own.

    Parameters
    ----------
    X : float, shape (n_rows, n_features)
        Image after image.
    counts : int, shape (n_images,)
        Rows of each. Where images have different numbers of them, all rows must be equal.
    """
    present = counts[counts > 0]
    n_views = int(present[0]) if (present == present[0]).all() else 1
    images = X.reshape(-1, n_views, X.shape[1])
    bound = _ROUNDING * float(np.abs(images[0]).max())
    step = max(1, _BATCH // n_views)
    # One that differs is found early, as a rule.
    return all(
        bool((np.abs(images[start : start + step] - images[0]) <= bound).all())
        for start in range(0, len(images), step)
    )
