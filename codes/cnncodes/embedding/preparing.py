"""From a record to what the network is to see: read, decode, cut views."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.cutting import Cutter, Patches
from cnncodes.errors import UnreadableImage
from cnncodes.images import Decoding, FileStat, ImageRecord, content_hash
from cnncodes.store import Failure, ImageCodes, ImageCopy
from cnncodes.views import ViewPlan

if TYPE_CHECKING:
    from cnncodes.backbones import Frame
    from cnncodes.embedding.isolation import Workers
    from cnncodes.embedding.memory import Lease
    from cnncodes.images.records import Pixels

#: Asked with an image's key and content: whether its codes have to be made, and are not at hand already.
Claim: TypeAlias = Callable[[str, str], bool]


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
    index : ndarray of int64, shape (n_views,)
        For each view, which of the distinct patches it is.
    views : sequence of dict
        The parameters of each view.
    """

    stat: FileStat
    content: str
    shape: tuple[int, int]
    index: npt.NDArray[np.int64]
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
            codes=distinct[self.index],
            views_run=len(distinct),
        )


#: What becomes of an image: its patches, or why it needs or has none.
Outcome: TypeAlias = tuple[Prepared, Patches] | ImageCopy | Failure


@dataclass(frozen=True)
class Preparer:
    """Makes images ready for one kind of network.

    Parameters
    ----------
    cutter : Cutter
    workers : Workers, optional
        Processes that decode and cut in the lane's place. What is pixels already is cut in the lane.
    """

    cutter: Cutter
    workers: Workers | None = None

    def prepare(self, record: ImageRecord, lease: Lease, claim: Claim | None = None) -> Outcome:
        """Read and decode an image and cut its views; nothing takes the place of one that cannot be read.

        The lease has it wait until there is memory, and `claim` says whether codes have to be made of it.
        """
        stat = None
        try:
            stat = record.stat()
            if record.is_file:
                lease.read(stat.size)
            data = record.read()
            content = content_hash(data)
            if claim is not None and not claim(record.key, content):
                own = record.key, record.label, record.split
                return ImageCopy(*own, stat.size, stat.mtime_ns, content)
            found, patches = self._cut(data, content, lease)
        except UnreadableImage as error:
            size, mtime_ns = (None, None) if stat is None else (stat.size, stat.mtime_ns)
            return Failure(record.key, error.stage, error.reason, size, mtime_ns, *(error.limit or ()))
        index = np.array(found["index"], np.int64)
        return Prepared(stat, content, tuple(found["shape"]), index, found["views"]), patches

    def _cut(self, data: Pixels, content: str, lease: Lease) -> tuple[dict[str, Any], Patches]:
        if self.workers is not None and isinstance(data, bytes):
            found, patches = self.workers.work(data, content, lease.decode)
            assert patches is not None
            return found, patches
        return self.cutter.work(data, content, lease.decode)


def cut_image(plan: ViewPlan, frame: Frame, decoding: Decoding, record: ImageRecord) -> Patches | None:
    """Return the patches of an image and nothing else, None where it cannot be read."""
    try:
        data = record.read()
        return Cutter(plan, frame, decoding).work(data, content_hash(data))[1]
    except UnreadableImage:
        return None
