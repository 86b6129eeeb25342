"""An image of which nothing but its stored codes is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnncodes.images import ImageRecord, ImageSource, hash_contents
from cnncodes.images.records import NoImage
from cnncodes.store import Failure

#: What reading such an image says.
ABSENT = NoImage("its codes are stored, and the image itself is not at hand")


@dataclass(frozen=True, slots=True, eq=False)
class StoredImage(ImageRecord):
    """A record that has its codes already, so that it is answered without the network.

    Attributes
    ----------
    codes : ndarray of float32, shape (n_views, code_size), or None
        None where the image could not be read when codes were made.
    content : str
        Hash of its content; empty where that is not known.
    failure : Failure or None
        Why there are no codes.
    """

    codes: npt.NDArray[np.float32] | None = None
    content: str = ""
    failure: Failure | None = None


@dataclass(frozen=True)
class StoredSource(ImageSource):
    """A dataset of stored codes as a source of images.

    Attributes
    ----------
    unread : tuple of StoredImage
        Images, not among `records`, that could not be read; of which label and part is not known.
    complete : bool
        Whether the job that wrote it finished.
    """

    unread: tuple[StoredImage, ...] = ()
    complete: bool = True


def are_stored(records: Sequence[ImageRecord]) -> bool:
    """Tell whether these are images of stored codes, which never stand among others."""
    return bool(records) and isinstance(records[0], StoredImage)


def find_contents(records: Sequence[ImageRecord]) -> list[str]:
    """Return the hash of each image's content, stored or of what is read; empty where it cannot be."""
    if are_stored(records):
        return [record.content if isinstance(record, StoredImage) else "" for record in records]
    return hash_contents(records)
