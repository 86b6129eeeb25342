"""What stays frozen of a network, run on the views of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones import Backbone
from cnncodes.backbones.running.starting import run_session, start_session
from cnncodes.embedding.cutting import Cutter
from cnncodes.embedding.memory import MemoryBudget
from cnncodes.errors import BackboneError
from cnncodes.finetuning.contents import read_unchanged
from cnncodes.finetuning.parts import Parts
from cnncodes.images import Decoding, ImageRecord
from cnncodes.views import ViewPlan

Array = npt.NDArray[Any]

#: Views in one call.
_BATCH = 16


@dataclass(frozen=True)
class ViewSet:
    """Some images, and the views that each of them gets.

    Attributes
    ----------
    records : sequence of ImageRecord
    contents : sequence of str
        Hash of each one's content.
    plan : ViewPlan
    """

    records: Sequence[ImageRecord]
    contents: Sequence[str]
    plan: ViewPlan

    @property
    def rows(self) -> int:
        """Views of all images."""
        return len(self.records) * self.plan.count


class FrozenPart:
    """Gives features and codes of views.

    Parameters
    ----------
    parts : Parts
    backbone : Backbone
        The network that the parts are of.
    decoding : Decoding
    """

    def __init__(self, parts: Parts, backbone: Backbone, decoding: Decoding) -> None:
        assert parts.lower is not None
        self._features, self._backbone, self._decoding = parts.features, backbone, decoding
        self._name = f"the frozen part of {backbone.card.name!r}"
        self._session = start_session(parts.lower, self._name, backbone.providers, backbone.threads)
        self._budget = MemoryBudget.make()

    def cut(self, one: ViewSet, i: int, view: int | None) -> tuple[Array, Array]:
        """Return distinct patches of an image, and which of them each view is; of one view alone, its own."""
        record, content = one.records[i], one.contents[i]
        with self._budget.lease() as lease:
            data = read_unchanged(record, content, lease)
            only = None if view is None else (view,)
            cutter = Cutter(one.plan, self._backbone.frame, self._decoding, only)
            found, patches = cutter.work(data, content, lease.decode)
        return patches, np.array(found["index"], np.int64)

    def run(self, patches: Array) -> list[Array]:
        """Return features and codes of patches."""
        found = [
            run_session(self._session, None, {"image": patches[start : start + _BATCH]}, self._name)
            for start in range(0, len(patches), _BATCH)
        ]
        return found[0] if len(found) == 1 else list(map(np.concatenate, zip(*found, strict=True)))

    def check_finite(self, found: Sequence[Array]) -> None:
        """Raise `BackboneError` where a feature is beyond what its type holds."""
        for feature, values in zip(self._features, found, strict=False):
            if not np.isfinite(values).all():
                raise BackboneError(
                    f"values of {feature.name!r}, where the frozen part of {self._backbone.card.name!r} ends,"
                    " are beyond what float16 holds (65,504): let the trained part begin elsewhere, with"
                    " another --unfreeze."
                )
