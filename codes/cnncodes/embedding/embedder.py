"""From records to codes, inside one lane: read, decode, cut views, run the network in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.cutting import Cutter
from cnncodes.embedding.lanes import CHUNK
from cnncodes.embedding.memory import MemoryBudget
from cnncodes.embedding.preparing import Claim, Prepared, Preparer
from cnncodes.images import Decoding, ImageRecord
from cnncodes.store import Failure, ImageCodes, ImageCopy, Space
from cnncodes.store.checking import round_codes
from cnncodes.views import ViewPlan

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone
    from cnncodes.embedding.batching import Runner
    from cnncodes.embedding.isolation import Workers

#: Views in one call of the network: on a CPU core more gains nothing and costs memory.
DEFAULT_BATCH_SIZE = 8

#: Views of the images that a lane takes at once, about: what a job that is killed has made for nothing.
_VIEWS = 64


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
    budget : MemoryBudget
        What the pictures that lanes decode at the same time may take; by default a quarter of the machine's
        memory.
    workers : Workers, optional
        Processes that decode and cut in the lanes' place.
    dtype : {"float16", "float32"}
        Of the codes that `embed` gives; where one of a call is not finite in it, all of them stay float32.
    """

    backbone: Backbone
    plan: ViewPlan
    decoding: Decoding = Decoding()
    batch_size: int = DEFAULT_BATCH_SIZE
    runner: Runner | None = None
    budget: MemoryBudget = field(default_factory=MemoryBudget.make, compare=False, repr=False)
    workers: Workers | None = field(default=None, compare=False, repr=False)
    dtype: str = "float32"

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
        decoded = f"@{self.cutter.short_side}" if self.decoding.mode == "fast" else ""
        return [f"{name}{decoded}" for name in self.plan.pixel_names(self.backbone.frame)]

    @property
    def chunk(self) -> int:
        """Images that a lane takes at once, at most."""
        return max(1, min(CHUNK, _VIEWS // len(self.view_names)))

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
        outcomes: list[Prepared | ImageCopy | Failure] = []
        batches, preparer = _Batches(self), Preparer(self.cutter, self.workers)
        for outcome in preparer.prepare_all(records, self.budget, claim):
            if isinstance(outcome, tuple):
                prepared, patches = outcome
                outcomes.append(prepared)
                batches.add(patches)  # and nobody else keeps them, or memory would hold those of a chunk
            else:
                outcomes.append(outcome)
        distinct = batches.finish()
        return [
            outcome.with_codes(record, next(distinct)) if isinstance(outcome, Prepared) else outcome
            for record, outcome in zip(records, outcomes, strict=True)
        ]

    @property
    def cutter(self) -> Cutter:
        """What is done to each image before the network runs."""
        return Cutter(self.plan, self.backbone.frame, self.decoding)


class _Batches:
    """Collects pixels until a batch is full, so that memory holds a batch and not a chunk."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._waiting: list[npt.NDArray[np.uint8]] = []
        self._codes: list[npt.NDArray[np.float32]] = []
        self._counts: list[int] = []
        self._batch: npt.NDArray[np.uint8] | None = None

    def add(self, pixels: npt.NDArray[np.uint8]) -> None:
        self._counts.append(len(pixels))
        self._waiting.extend(pixels)
        while len(self._waiting) >= self._embedder.batch_size:
            self._run()

    def _run(self) -> None:
        size = self._embedder.batch_size
        batch, self._waiting = self._waiting[:size], self._waiting[size:]
        # In one place for all of them: the memory of new ones would have to be made ready each time.
        if self._batch is None or self._batch.shape != (len(batch), *batch[0].shape):
            self._batch = np.empty((len(batch), *batch[0].shape), np.uint8)
        self._codes.append(self._embedder.run(np.stack(batch, out=self._batch)))

    def finish(self) -> Iterator[npt.NDArray[np.float32]]:
        """Run what is left and give the codes back, image by image."""
        if self._waiting:
            self._run()
        if not self._counts:
            return iter(())
        codes = np.concatenate(self._codes)
        dtype = self._embedder.dtype
        rounded = None if codes.dtype == dtype else round_codes(codes, dtype)
        return iter(np.split(codes if rounded is None else rounded, np.cumsum(self._counts)[:-1]))
