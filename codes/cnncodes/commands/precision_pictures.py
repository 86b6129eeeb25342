"""Pictures that codes of several precisions are compared on: the user's where there are enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnncodes.commands import common, inputs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: Pictures at most, and at least: the mean code of fewer, which is taken off, says nothing.
MOST, LEAST = 48, 8

PHOTOS = "scikit-learn's two photos"


@dataclass(frozen=True)
class PrecisionPictures:
    """What codes are compared on.

    Attributes
    ----------
    patches : ndarray of uint8, shape (n_images, height, width, 3)
    of : str
        Whose pictures these are.
    precision : str
        Of the network's first file, whose codes others are compared with.
    """

    patches: npt.NDArray[np.uint8]
    of: str
    precision: str


def choose_pictures(backbone: str, src: str | None, reading: common.SourceOptions) -> PrecisionPictures:
    """Return the centres of some pictures of a source, else parts of photos that are always there."""
    import numpy as np

    from cnncodes.backbones import Card, find_backbone
    from cnncodes.backbones.checking.photos import cut_photos
    from cnncodes.embedding.calibrating import choose_records
    from cnncodes.embedding.preparing import cut_image
    from cnncodes.images import Decoding
    from cnncodes.views import ViewPlan

    card = Card.read(find_backbone(backbone) / "card.toml")
    whose = PHOTOS
    if src is not None:
        records = choose_records(inputs.open_images(src, reading).records, 2 * MOST)
        cut = (cut_image(ViewPlan(), card.frame, Decoding(), record) for record in records)
        patches = [found[1] for found in cut if found is not None][:MOST]
        if len(patches) >= LEAST:
            return PrecisionPictures(np.concatenate(patches), src, card.precision)
        whose = f"{PHOTOS} ({src} has fewer than {LEAST} that can be read)"
    return PrecisionPictures(cut_photos(card.frame), whose, card.precision)
