"""What a codes dataset is made of: the codes of an image, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Failure:
    """An image without codes.

    Attributes
    ----------
    key : str
        The image's key in its source.
    stage : str
        Where it failed: ``"read"``, ``"decode"``, ``"view"``, ``"code"``, ...
    reason : str
        Why, in one line.
    size, mtime_ns : int or None
        Of the file that failed, as in `ImageCodes`; None where they are not known.
    limited_by : str or None
        The limit of the user's that it met, where a higher one might let it pass: ``"max_pixels"``.
    limited_to : float or None
        What that was.
    """

    key: str
    stage: str
    reason: str
    size: int | None = None
    mtime_ns: int | None = None
    limited_by: str | None = None
    limited_to: float | None = None


@dataclass(frozen=True)
class ImageCopy:
    """An image whose content is that of a stored one, or of one in hand: it has the same codes.

    The image itself may be that stored one, where its file was touched and its content is what it was.

    Attributes
    ----------
    key, label, split, size, mtime_ns, content
        As in `ImageCodes`.
    """

    key: str
    label: str | None
    split: str | None
    size: int
    mtime_ns: int | None
    content: str


@dataclass
class ImageCodes:
    """One image with the codes of all its views.

    Attributes
    ----------
    key : str
        The image's key in its source; unique in a dataset.
    label, split : str or None
        Class, and part of the source (``"train"``, ``"val"``, ``"test"``).
    width, height : int
        Of the upright picture, in pixels.
    size : int
        Bytes of the file.
    mtime_ns : int or None
        When the file was last changed, in ns since 1970; None where there is no file.
    content : str
        Hash of the content: equal for duplicates.
    views : list of dict
        For each view ``view`` (int), ``view_name`` (str), ``box`` (left, top, right, bottom in source
        pixels), ``scale`` (float) and ``flip`` (bool).
    codes : ndarray of float32, shape (n_views, code_size)
    views_run : int
        Views that the network was run on; by default all of them.
    """

    key: str
    label: str | None
    split: str | None
    width: int
    height: int
    size: int
    mtime_ns: int | None
    content: str
    views: Sequence[Mapping[str, Any]]
    codes: npt.NDArray[np.float32]
    views_run: int = -1

    def __post_init__(self) -> None:
        if self.views_run < 0:
            self.views_run = len(self.views)
