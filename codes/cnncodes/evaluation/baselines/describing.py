"""What becomes of an image before a classifier sees it: its pixels, its shapes and colours, or codes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.lanes import run_lanes
from cnncodes.errors import BackendMissing, UnreadableImage, install_advice
from cnncodes.estimators.contents import warn_of_tuned
from cnncodes.estimators.inputs import ImageRows, Progress, embed_records, make_embedder, settle_embedders
from cnncodes.images import ImageRecord, content_hash, decode
from cnncodes.store import Failure
from cnncodes.views import ViewPlan

Pixels = npt.NDArray[np.float32]

#: Side of the thumbnails whose pixels stand for an image.
SIDE = 16

#: Side of the grey picture whose gradients are counted, of its cells, and colours a channel.
_SHAPE_SIDE, _CELL, _TONES = 64, 8, 6


class Description(Protocol):
    """A way to make numbers of images; two that are equal give the same ones, and are made once."""

    @property
    def title(self) -> str:
        """What a table calls it."""

    def describe(
        self,
        train: Sequence[ImageRecord],
        test: Sequence[ImageRecord],
        n_jobs: int | None,
        on_progress: Progress | None,
    ) -> ImageRows:
        """Return the numbers of all images, those of training first."""


class _Measured(ABC):
    """A description by what is measured of each picture alone: one row an image."""

    @abstractmethod
    def _find_measure(self) -> Callable[[Any], Pixels]:
        """Return what gives a decoded picture's numbers."""

    def describe(
        self,
        train: Sequence[ImageRecord],
        test: Sequence[ImageRecord],
        n_jobs: int | None,
        on_progress: Progress | None,
    ) -> ImageRows:
        """Return one row an image; `BackendMissing` where what measures it is not installed."""
        return _describe(self._find_measure(), [*train, *test], n_jobs, on_progress)


@dataclass(frozen=True)
class RawPixels(_Measured):
    """The 768 numbers of a thumbnail of 16 x 16 pixels, from 0 to 1."""

    title: str = "raw pixels, 16 x 16"

    def _find_measure(self) -> Callable[[Any], Pixels]:
        return _shrink


@dataclass(frozen=True)
class ShapesAndColors(_Measured):
    """Histograms of oriented gradients and of colours, what was used before networks.

    Of a grey picture of 64 x 64 pixels, nine directions in cells of 8 x 8, normalised over blocks of 2 x 2
    cells; and the shares of 6 x 6 x 6 colours.

    References
    ----------
    N. Dalal and B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005; in
    scikit-image's implementation.
    """

    title: str = "gradients (HOG) and colours"

    def _find_measure(self) -> Callable[[Any], Pixels]:
        try:
            import skimage.feature  # noqa: F401
        except ImportError as error:
            raise BackendMissing(
                f"scikit-image is not installed, which counts gradients: {install_advice('report')}."
            ) from error
        return _count_shapes_and_colors


@dataclass(frozen=True)
class CnnCodes:
    """The codes of a network.

    Parameters
    ----------
    backbone, views : str
        As `ImageClassifier` takes them.
    precision : str, optional
    random_state : int
        Of views that are drawn.
    """

    backbone: str
    views: str
    precision: str | None = None
    random_state: int = 0

    @property
    def title(self) -> str:
        """The network's name, its precision where that is not fp32, and the views."""
        precision = "" if self.precision is None else f" {self.precision}"
        return f"codes of {self.backbone}{precision}, {self.views}"

    def count_views(self) -> int:
        """Return how many views an image has."""
        return ViewPlan.parse(self.views).count

    def is_of_the_same_network(self, other: CnnCodes) -> bool:
        """Whether nothing but the views differs."""
        return (self.backbone, self.precision) == (other.backbone, other.precision)

    def describe(
        self,
        train: Sequence[ImageRecord],
        test: Sequence[ImageRecord],
        n_jobs: int | None,
        on_progress: Progress | None,
    ) -> ImageRows:
        """Return a row a view."""
        from cnncodes.backbones import load_backbone

        backbone = load_backbone(self.backbone, precision=self.precision)
        made = make_embedder(backbone, self.views, "exact", None, self.random_state)
        [embedder] = settle_embedders([made], train, n_jobs)
        records = [*train, *test]
        rows = embed_records(embedder, records, n_jobs=n_jobs, on_progress=on_progress)
        warn_of_tuned(backbone.card, rows.contents[len(train) :])
        return rows


def _describe(
    measure: Callable[[Any], Pixels],
    records: Sequence[ImageRecord],
    n_jobs: int | None,
    on_progress: Progress | None,
) -> ImageRows:
    def work(chunk: Sequence[ImageRecord]) -> list[tuple[str, Pixels] | Failure]:
        return [_measure(measure, record) for record in chunk]

    found: list[tuple[str, Pixels] | Failure] = []
    failed = 0
    for one in run_lanes(work, records, n_jobs):
        found.append(one)
        failed += isinstance(one, Failure)
        if on_progress is not None:
            on_progress(len(found), len(records), failed)
    rows = [one[1] for one in found if not isinstance(one, Failure)]
    return ImageRows(
        np.stack(rows) if rows else np.empty((0, 0), np.float32),
        np.array([not isinstance(one, Failure) for one in found], dtype=np.int64),
        ["" if isinstance(one, Failure) else one[0] for one in found],
        {i: one for i, one in enumerate(found) if isinstance(one, Failure)},
    )


def _measure(measure: Callable[[Any], Pixels], record: ImageRecord) -> tuple[str, Pixels] | Failure:
    try:
        data = record.read()
        return content_hash(data), measure(decode(data))
    except UnreadableImage as error:
        return Failure(record.key, error.stage, error.reason)


def _shrink(image: Any) -> Pixels:
    from PIL import Image

    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32).ravel() / np.float32(255)


def _count_shapes_and_colors(image: Any) -> Pixels:
    from PIL import Image
    from skimage.feature import hog

    small = image.resize((_SHAPE_SIDE, _SHAPE_SIDE), Image.Resampling.BOX)
    grey = np.asarray(small.convert("L"), dtype=np.float64) / 255
    shapes = hog(grey, orientations=9, pixels_per_cell=(_CELL, _CELL), cells_per_block=(2, 2))
    tones = np.asarray(small, dtype=np.int64).reshape(-1, 3) * _TONES // 256
    colors = np.bincount(tones @ [_TONES * _TONES, _TONES, 1], minlength=_TONES**3) / len(tones)
    return np.concatenate([shapes, np.sqrt(colors)]).astype(np.float32)


def split_rows(rows: ImageRows, n_train: int) -> tuple[ImageRows, ImageRows]:
    """Part the rows of the first images from those of the others; all could be read."""
    return rows.take(np.arange(n_train)), rows.take(np.arange(n_train, len(rows.counts)))
