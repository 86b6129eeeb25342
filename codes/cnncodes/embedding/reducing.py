"""One row an image: the mean over its views."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnncodes.store import Failure, ImageCodes, ImageCopy

#: Name of the one row of an image whose views were averaged.
MEAN = "mean"


def reduce_views(result: ImageCodes | ImageCopy | Failure) -> ImageCodes | ImageCopy | Failure:
    """Return an image's codes with their mean in the place of its views; what has no codes as it is.

    Summed in double precision, so that the mean of equal codes is that code.
    """
    if not isinstance(result, ImageCodes):
        return result
    mean = result.codes.mean(axis=0, keepdims=True, dtype=np.float64).astype(np.float32)
    return replace(result, codes=mean, views=[{"view": 0, "view_name": MEAN}])
