"""From a record to what the network is to see: read, decode, cut views."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    from cnncodes.embedding.memory import Lease, MemoryBudget
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

    def prepare_all(
        self, records: Sequence[ImageRecord], budget: MemoryBudget, claim: Claim | None = None
    ) -> Iterator[Outcome]:
        """Prepare images in order, in a process some at a time where that is set up."""
        size = 1 if self.workers is None else self.workers.group
        for start in range(0, len(records), size):
            group = records[start : start + size]
            outcomes: list[Outcome | None] = [None] * len(group)
            if len(group) > 1 and all(record.is_file for record in group):
                outcomes = self._prepare_group(group, budget, claim)
            for at, record in enumerate(group):
                outcome, outcomes[at] = outcomes[at], None  # and nobody else keeps the patches
                if outcome is None:
                    with budget.lease() as lease:
                        outcome = self.prepare(record, lease, claim)
                yield outcome

    def _prepare_group(
        self, records: Sequence[ImageRecord], budget: MemoryBudget, claim: Claim | None
    ) -> list[Outcome | None]:
        """Prepare files in a process; None for each that has to be seen to by itself."""
        assert self.workers is not None
        with budget.lease() as lease:
            lease.decode(self.workers.allowance)
            answers = self.workers.work_all(records)
        if answers is None:
            return [None] * len(records)
        return [_read_answer(*pair, claim) for pair in zip(records, answers, strict=True)]

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


def _read_answer(record: ImageRecord, answer: dict[str, Any], claim: Claim | None) -> Outcome | None:
    """Return what a process made of one of several images."""
    if "later" in answer:
        return None
    stat, content = FileStat(*answer["stat"]), str(answer["content"])
    if claim is not None and not claim(record.key, content):  # it was decoded in vain
        return ImageCopy(record.key, record.label, record.split, stat.size, stat.mtime_ns, content)
    if "refused" in answer:
        stage, reason, limit = answer["refused"]
        return Failure(record.key, stage, reason, stat.size, stat.mtime_ns, *(limit or ()))
    found = answer["found"]
    index = np.array(found["index"], np.int64)
    return Prepared(stat, content, tuple(found["shape"]), index, found["views"]), answer["patches"]


def cut_image(plan: ViewPlan, frame: Frame, decoding: Decoding, record: ImageRecord) -> Patches | None:
    """Return the patches of an image and nothing else, None where it cannot be read."""
    try:
        data = record.read()
        return Cutter(plan, frame, decoding).work(data, content_hash(data))[1]
    except UnreadableImage:
        return None
