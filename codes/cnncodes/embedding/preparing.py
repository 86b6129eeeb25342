"""From a record to what the network is to see: read, decode, cut views."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.cutting import Cutter, Patches
from cnncodes.errors import Stage, UnreadableImage
from cnncodes.images import Decoding, FileStat, ImageRecord, content_hash
from cnncodes.images.opening import check_size
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

    @classmethod
    def make(cls, stat: FileStat, content: str, found: Mapping[str, Any]) -> Prepared:
        """Return an image of which a `Cutter` found that."""
        index = np.array(found["index"], np.int64)
        return cls(stat, content, tuple(found["shape"]), index, found["views"])

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
            group=record.group,
        )


#: What becomes of an image: its patches, or why it needs or has none.
Outcome: TypeAlias = tuple[Prepared, Patches] | ImageCopy | Failure


def _copy(record: ImageRecord, stat: FileStat, content: str) -> ImageCopy:
    return ImageCopy(
        record.key, record.label, record.split, stat.size, stat.mtime_ns, content, group=record.group
    )


class _Group:
    """Files that a process is given at once, and what becomes of them; None of those seen to one by one."""

    def __init__(self, records: Sequence[ImageRecord], claim: Claim | None) -> None:
        self.records, self._claim = records, claim
        self.outcomes: list[Outcome | None] = [None] * len(records)
        self._seen: dict[int, tuple[FileStat, str]] = {}

    def choose(self, seen: list[dict[str, Any]]) -> list[bool]:
        """Claim the contents that were read; return which have to be decoded."""
        chosen = []
        for at, (record, one) in enumerate(zip(self.records, seen, strict=True)):
            if "later" in one:
                chosen.append(False)
                continue
            stat, content = FileStat(*one["stat"]), str(one["content"])
            chosen.append(self._claim is None or self._claim(record.key, content))
            if chosen[-1]:
                self._seen[at] = stat, content
            else:
                self.outcomes[at] = _copy(record, stat, content)
        return chosen

    def claim_again(self, at: int) -> Claim | None:
        """Return how an image claims that is tried by itself: not what it has claimed before."""
        claim, seen = self._claim, self._seen.get(at)
        if claim is None or seen is None:
            return claim

        def check_same(key: str, content: str) -> bool:
            if content != seen[1]:  # copies wait for what was claimed, and nobody has that any more
                raise UnreadableImage("read", "the file was changed while it was read")
            return True

        return check_same

    def take(self, answers: Sequence[dict[str, Any]]) -> None:
        """Take what a process made of the images that were chosen."""
        for at, (stat, content) in self._seen.items():
            answer = answers[at]
            if "refused" in answer:
                stage, reason, limit = answer["refused"]
                key = self.records[at].key
                self.outcomes[at] = Failure(key, stage, reason, stat.size, stat.mtime_ns, *(limit or ()))
            elif "later" not in answer:
                self.outcomes[at] = Prepared.make(stat, content, answer["found"]), answer["patches"]


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
            group = _Group(records[start : start + size], claim)
            if len(group.records) > 1 and all(record.is_file for record in group.records):
                self._prepare_group(group, budget)
            for at, record in enumerate(group.records):
                outcome, group.outcomes[at] = group.outcomes[at], None  # and nobody else keeps the patches
                if outcome is None:
                    with budget.lease() as lease:
                        outcome = self.prepare(record, lease, group.claim_again(at))
                yield outcome

    def _prepare_group(self, group: _Group, budget: MemoryBudget) -> None:
        """Prepare files in a process, those that it may see to."""
        assert self.workers is not None
        with budget.lease() as lease:
            lease.decode(self.workers.allowance)
            answers = self.workers.work_all(group.records, group.choose)
        if answers is not None:
            group.take(answers)

    def prepare(self, record: ImageRecord, lease: Lease, claim: Claim | None = None) -> Outcome:
        """Read and decode an image and cut its views; nothing takes the place of one that cannot be read.

        The lease has it wait until there is memory, and `claim` says whether codes have to be made of it.
        """
        stat: FileStat | None = None

        def fail(stage: Stage, reason: str, limit: tuple[str, float] | None = None) -> Failure:
            size, mtime_ns = (None, None) if stat is None else (stat.size, stat.mtime_ns)
            return Failure(record.key, stage, reason, size, mtime_ns, *(limit or ()))

        try:
            stat = record.stat()
            if record.is_file:
                lease.read(stat.size)
            data = record.read()
            if isinstance(data, np.ndarray) and data.ndim >= 2:  # which is copied to be hashed
                check_size((data.shape[1], data.shape[0]), self.cutter.decoding.max_pixels)
            content = content_hash(data)
            if claim is not None and not claim(record.key, content):
                return _copy(record, stat, content)
            found, patches = self._cut(data, content, lease)
        except UnreadableImage as error:
            return fail(error.stage, error.reason, error.limit)
        except MemoryError:
            return fail("memory", "not enough memory to cut its views")
        return Prepared.make(stat, content, found), patches

    def _cut(self, data: Pixels, content: str, lease: Lease) -> tuple[dict[str, Any], Patches]:
        if self.workers is not None and isinstance(data, bytes):
            found, patches = self.workers.work(data, content, lease.decode)
            assert patches is not None
            return found, patches
        return self.cutter.work(data, content, lease.decode)


def cut_image(
    plan: ViewPlan, frame: Frame, decoding: Decoding, record: ImageRecord
) -> tuple[str, Patches] | None:
    """Return the hash of an image's content and its patches, None where it cannot be read."""
    try:
        data = record.read()
        content = content_hash(data)
        _, patches = Cutter(plan, frame, decoding).work(data, content)
        return content, patches
    except UnreadableImage:
        return None
