"""Real patches to calibrate a quantised network on: of a source's images, the same ones on every run."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cnncodes.backbones import Frame
from cnncodes.embedding.lanes import run_lanes
from cnncodes.embedding.preparing import cut_image
from cnncodes.errors import SourceError
from cnncodes.images import Decoding, ImageRecord
from cnncodes.views import ViewPlan

#: So many patches are cut if possible; few images give more of them each, up to so many.
PATCHES = 1024
_MOST_VIEWS = 64

#: Below this a few odd images would decide the ranges.
LEAST_IMAGES = 16

Patches = npt.NDArray[np.uint8]


def choose_records(records: Sequence[ImageRecord], count: int) -> list[ImageRecord]:
    """Return so many records, chosen by hashes of their keys: in which order they are listed is no matter.

    Examples
    --------
    >>> from cnncodes.images import records_from
    >>> records = records_from([np.zeros((8, 8, 3), np.uint8)] * 9)
    >>> chosen = choose_records(records, 4)
    >>> [r.key for r in chosen] == [r.key for r in choose_records(records[::-1], 4)]
    True
    """
    return sorted(records, key=_rank)[:count]


def _rank(record: ImageRecord) -> tuple[str, str]:
    return hashlib.sha256(record.key.encode("utf-8", "surrogateescape")).hexdigest(), record.key


def cut_patches(
    records: Sequence[ImageRecord], frame: Frame, *, max_pixels: int | None = None, n_jobs: int | None = None
) -> tuple[Patches, list[str]]:
    """Return patches of images as a network meets them, the central one and random ones, and of which images.

    Images that cannot be read are left out.

    Returns
    -------
    patches : ndarray of uint8, shape (n_patches, frame.height, frame.width, 3)
    contents : list of str
        The hash of each image's content.

    Raises
    ------
    SourceError
        If fewer than `LEAST_IMAGES` can be read.
    """
    views = min(_MOST_VIEWS, max(1, -(-PATCHES // max(len(records), 1)) - 1))
    plan = ViewPlan.parse(f"center, train:{views}")
    work = functools.partial(_cut_chunk, plan, frame, Decoding.make("exact", max_pixels))
    found = [one for one in run_lanes(work, records, n_jobs) if one is not None]
    if len(found) < LEAST_IMAGES:
        raise SourceError(
            f"calibrating needs at least {LEAST_IMAGES} images that can be read; a few hundred are better."
            f" Got {len(found)} of {len(records)}."
        )
    return np.concatenate([patches for _, patches in found]), [content for content, _ in found]


def _cut_chunk(
    plan: ViewPlan, frame: Frame, decoding: Decoding, chunk: Sequence[ImageRecord]
) -> list[tuple[str, Patches] | None]:
    return [cut_image(plan, frame, decoding, record) for record in chunk]
