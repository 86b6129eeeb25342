"""From a record to what the network is to see: read, decode, cut views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UnreadableImage
from cnncodes.images import Decoding, FileStat, ImageRecord, content_hash, decode
from cnncodes.store import Failure, ImageCodes, ImageCopy
from cnncodes.views import ViewPlan

if TYPE_CHECKING:
    from cnncodes.backbones import Frame

Patches: TypeAlias = npt.NDArray[np.uint8]


class Gate(Protocol):
    """Who is asked on the way of an image."""

    def read(self, size: int, /) -> None:
        """Wait until a file of so many bytes may be read."""

    def claim(self, key: str, content: str, /) -> bool:
        """Tell whether the codes of an image's content have to be made."""

    def decode(self, size: int, /) -> None:
        """Wait until an image may be decoded that takes so many bytes."""


@dataclass(frozen=True)
class Prepared:
    """An image whose views are cut.

    Attributes
    ----------
    stat : FileStat
    content : str
        Hash of the content.
    shape : tuple of int
        Width and height of the upright picture.
    index : sequence of int
        For each view, which of the distinct patches it is.
    views : sequence of dict
        The parameters of each view.
    """

    stat: FileStat
    content: str
    shape: tuple[int, int]
    index: Sequence[int]
    views: Sequence[Mapping[str, Any]]

    def with_codes(self, record: ImageRecord, distinct: npt.NDArray[np.float32]) -> ImageCodes:
        """Return the codes of all views, given those of the distinct patches."""
        return ImageCodes(
            key=record.key,
            label=record.label,
            split=record.split,
            width=self.shape[0],
            height=self.shape[1],
            size=self.stat.size,
            mtime_ns=self.stat.mtime_ns,
            content=self.content,
            views=self.views,
            codes=distinct[np.asarray(self.index, np.int64)],
            views_run=len(distinct),
        )


#: What becomes of an image: its patches, or why it needs or has none.
Outcome: TypeAlias = tuple[Prepared, Patches] | ImageCopy | Failure


@dataclass(frozen=True)
class Preparer:
    """Cuts the views of one plan for one kind of network.

    Parameters
    ----------
    plan : ViewPlan
    frame : Frame
    decoding : Decoding
    """

    plan: ViewPlan
    frame: Frame
    decoding: Decoding

    @property
    def short_side(self) -> int:
        """The largest short side that a view is cut from."""
        return self.plan.largest_short_side(self.frame)

    def prepare(self, record: ImageRecord, gate: Gate) -> Outcome:
        """Read and decode an image and cut its views; nothing takes the place of one that cannot be read."""
        stat = None
        try:
            stat = record.stat()
            if record.is_file:
                gate.read(stat.size)
            data = record.read()
            content = content_hash(data)
            if not gate.claim(record.key, content):
                return make_copy(record, stat, content)
            image = decode(data, self.decoding, short_side=self.short_side, before=gate.decode)
            rendered = self.plan.render(image, self.frame, content)
        except UnreadableImage as error:
            return make_failure(record, error.stage, error.reason, stat)
        views = [view.parameters() for view in rendered.views]
        prepared = Prepared(stat, content, image.size, rendered.index.tolist(), views)
        return prepared, rendered.pixels


def make_copy(record: ImageRecord, stat: FileStat, content: str) -> ImageCopy:
    """Return what says that an image has the codes of another one."""
    return ImageCopy(record.key, record.label, record.split, stat.size, stat.mtime_ns, content)


def make_failure(record: ImageRecord, stage: str, reason: str, stat: FileStat | None) -> Failure:
    """Return what says why an image has no codes."""
    size, mtime_ns = (None, None) if stat is None else (stat.size, stat.mtime_ns)
    return Failure(record.key, stage, reason, size, mtime_ns)
