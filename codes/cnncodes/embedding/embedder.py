"""From records to codes, inside one lane: read, decode, cut views, run the network in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UnreadableImage
from cnncodes.images import Decoding, ImageRecord, content_hash, decode
from cnncodes.store import Failure, ImageCodes, ImageCopy, Space
from cnncodes.views import Rendered, ViewPlan

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone
    from cnncodes.embedding.batching import Runner

#: Views in one call of the network: on a CPU core more gains nothing and costs memory.
DEFAULT_BATCH_SIZE = 8


#: Asked with an image's key and content: whether its codes have to be made, and are not at hand already.
Claim: TypeAlias = Callable[[str, str], bool]


@dataclass(frozen=True)
class Embedder:
    """Makes the codes of one backbone, one plan and one way of decoding; may be shared by threads.

    Parameters
    ----------
    backbone : Backbone
    plan : ViewPlan
    decoding : Decoding
    batch_size : int
        Views in one call of the network. Views of several images share a batch.
    runner : Runner, optional
        What runs the network in the backbone's place: a batcher in front of devices.
    """

    backbone: Backbone
    plan: ViewPlan
    decoding: Decoding = Decoding()
    batch_size: int = DEFAULT_BATCH_SIZE
    runner: Runner | None = None

    def run(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return the codes of patches."""
        return (self.runner or self.backbone).run(pixels)

    @property
    def space(self) -> Space:
        """What kind of vector the codes are."""
        frame, card = self.backbone.frame, self.backbone.card
        return Space(
            backbone=card.name,
            backbone_sha256=self.backbone.sha256,
            layer=card.layer,
            code_size=self.backbone.code_size,
            # The short side too: a plan that names none takes the network's own.
            preprocessing=(
                f"{frame.interpolation} resize to {frame.resize}, {frame.height} x {frame.width} patch"
            ),
            decoding=self.decoding.mode,
            precision=self.backbone.precision,
        )

    @property
    def view_names(self) -> list[str]:
        """Names of the views, in the plan's order: of one space and one name, an image has one code.

        Random views are named by their settings too, whose hash is in `ViewPlan.pixel_names`.

        How far a fast decoder scales a JPEG depends on the plan's largest view, so that view's short side
        is part of the name.
        """
        decoded = f"@{self._largest_short_side()}" if self.decoding.mode == "fast" else ""
        return [f"{name}{decoded}" for name in self.plan.pixel_names(self.backbone.frame)]

    @overload
    def embed(self, records: Sequence[ImageRecord]) -> list[ImageCodes | Failure]: ...

    @overload
    def embed(
        self, records: Sequence[ImageRecord], claim: Claim
    ) -> list[ImageCodes | ImageCopy | Failure]: ...

    def embed(
        self, records: Sequence[ImageRecord], claim: Claim | None = None
    ) -> list[ImageCodes | Failure] | list[ImageCodes | ImageCopy | Failure]:
        """Make the codes of some images.

        Parameters
        ----------
        records : sequence of ImageRecord
        claim : callable, optional
            Called as ``claim(key, content)`` before an image is decoded; where it returns False, codes of
            this content are at hand and none are made.

        Returns
        -------
        list of ImageCodes, ImageCopy or Failure
            One for each record, in order. An image that cannot be read is a `Failure`; nothing takes
            its place. One that was not to be claimed is an `ImageCopy`.
        """
        results: list[_Prepared | ImageCopy | Failure] = []
        batches = _Batches(self)
        for record in records:
            prepared = self._prepare(record, claim)
            results.append(prepared)
            if isinstance(prepared, _Prepared):
                batches.add(prepared.rendered.pixels)
        distinct = batches.finish()
        return [r.with_codes(next(distinct)) if isinstance(r, _Prepared) else r for r in results]

    def _prepare(self, record: ImageRecord, claim: Claim | None) -> _Prepared | ImageCopy | Failure:
        stat = None
        try:
            stat = record.stat()
            data = record.read()
            content = content_hash(data)
            if claim is not None and not claim(record.key, content):
                own = record.key, record.label, record.split
                return ImageCopy(*own, stat.size, stat.mtime_ns, content)
            image = decode(data, self.decoding, short_side=self._largest_short_side())
            rendered = self.plan.render(image, self.backbone.frame, content)
            return _Prepared(record, stat.size, stat.mtime_ns, content, image.size, rendered)
        except UnreadableImage as error:
            size, mtime_ns = (None, None) if stat is None else (stat.size, stat.mtime_ns)
            return Failure(record.key, error.stage, error.reason, size, mtime_ns)

    def _largest_short_side(self) -> int:
        return self.plan.largest_short_side(self.backbone.frame)


@dataclass(frozen=True)
class _Prepared:
    record: ImageRecord
    size: int
    mtime_ns: int | None
    content: str
    shape: tuple[int, int]
    rendered: Rendered

    def with_codes(self, distinct: npt.NDArray[np.float32]) -> ImageCodes:
        return ImageCodes(
            key=self.record.key,
            label=self.record.label,
            split=self.record.split,
            width=self.shape[0],
            height=self.shape[1],
            size=self.size,
            mtime_ns=self.mtime_ns,
            content=self.content,
            views=[view.parameters() for view in self.rendered.views],
            codes=distinct[self.rendered.index],
            views_run=len(distinct),
        )


class _Batches:
    """Collects pixels until a batch is full, so that memory holds a batch and not a chunk."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._waiting: list[npt.NDArray[np.uint8]] = []
        self._codes: list[npt.NDArray[np.float32]] = []
        self._counts: list[int] = []

    def add(self, pixels: npt.NDArray[np.uint8]) -> None:
        self._counts.append(len(pixels))
        self._waiting.extend(pixels)
        while len(self._waiting) >= self._embedder.batch_size:
            self._run()

    def _run(self) -> None:
        size = self._embedder.batch_size
        batch, self._waiting = self._waiting[:size], self._waiting[size:]
        self._codes.append(self._embedder.run(np.stack(batch)))

    def finish(self) -> Iterator[npt.NDArray[np.float32]]:
        """Run what is left and give the codes back, image by image."""
        if self._waiting:
            self._run()
        if not self._counts:
            return iter(())
        return iter(np.split(np.concatenate(self._codes), np.cumsum(self._counts)[:-1]))
