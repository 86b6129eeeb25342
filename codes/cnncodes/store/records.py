"""What a codes dataset is made of: the codes of an image, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cnncodes.errors import Stage

#: What the source says of an image, and may say otherwise of the same file later.
LABELS = ("label", "split", "group")
Labels = tuple[str | None, str | None, str | None]


class _Labelled(Protocol):
    @property
    def label(self) -> str | None: ...
    @property
    def split(self) -> str | None: ...
    @property
    def group(self) -> str | None: ...


def labels_of(image: _Labelled) -> Labels:
    """Return what the source says of an image, in the order of `LABELS`."""
    return image.label, image.split, image.group


@dataclass(frozen=True)
class Failure:
    """An image that could not be used: it has no codes, or only those from before.

    Attributes
    ----------
    key : str
        The image's key in its source.
    stage : {"read", "decode", "views", "code", "memory"}
        Where it failed: one of `cnncodes.errors.STAGES`.
    reason : str
        Why, in one line.
    size, mtime_ns : int or None
        Of the file that failed, as in `ImageCodes`; None where they are not known.
    limited_by : str or None
        The limit of the user's that it met, where a higher one might let it pass: ``"max_pixels"``.
    limited_to : float or None
        What that was.
    codes_kept : bool
        Whether codes of an earlier state are kept, since a job was refused that would have given them up.
    """

    key: str
    stage: Stage
    reason: str
    size: int | None = None
    mtime_ns: int | None = None
    limited_by: str | None = None
    limited_to: float | None = None
    codes_kept: bool = False

    @property
    def says_nothing(self) -> bool:
        """Whether it says nothing of the picture: that was out of reach, or there was too little memory."""
        return self.stage in ("read", "memory")


@dataclass(frozen=True)
class ImageCopy:
    """An image whose content is that of a stored one, or of one in hand: it has the same codes.

    The image itself may be that stored one, where its file was touched and its content is what it was.

    Attributes
    ----------
    key, label, split, size, mtime_ns, content, group
        As in `ImageCodes`.
    """

    key: str
    label: str | None
    split: str | None
    size: int
    mtime_ns: int | None
    content: str
    group: str | None = None


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
    codes : ndarray of float32 or float16, shape (n_views, code_size)
    views_run : int
        Views that the network was run on; by default all of them.
    group : str or None
        What the image belongs to (a patient, a camera, a product); stays on one side of a split.
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
    codes: npt.NDArray[np.floating[Any]]
    views_run: int = -1
    group: str | None = None

    def __post_init__(self) -> None:
        if self.views_run < 0:
            self.views_run = len(self.views)
