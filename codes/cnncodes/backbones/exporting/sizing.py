"""Which sizes of image a network takes: what its original does, tried on photos, and the graph as well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.checking.parity import MAX_RELATIVE_ERROR, MIN_COSINE, Codes, compare_codes
from cnncodes.backbones.exporting.references import Reference
from cnncodes.backbones.session import Backbone
from cnncodes.errors import BackboneError

#: Least sizes that are tried, in pixels.
_LEAST = (32, 64, 96, 128, 160, 192)
_PHOTOS = 4

#: What the sides may have to be multiples of: strides, patches of transformers.
_MULTIPLES = (1, 2, 4, 7, 8, 14, 16, 32)

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class OtherSizes:
    """Photos at other sizes than the frame's, and what the original makes of them.

    Attributes
    ----------
    larger : tuple of (images, codes)
        Higher, wider, and both, than the frame; the graph has to give these codes.
    least : int
        The least size at which the original gives codes.
    smaller : (images, codes)
        At that size.
    multiple : int
        What the sides have to be multiples of; 1 where that is no matter.
    """

    larger: tuple[tuple[Images, Codes], ...]
    least: int
    smaller: tuple[Images, Codes]
    multiple: int = 1

    @property
    def sizes(self) -> str:
        """The sizes in a card's words."""
        return "dynamic" if self.multiple == 1 else f"multiple-of-{self.multiple}"

    def agree(self, backbone: Backbone) -> bool:
        """Tell whether a graph gives the original's codes at each of these sizes."""
        try:
            return all(_are_close(backbone.run(images), codes) for images, codes in self._all())
        except BackboneError:  # it does not run at that size
            return False

    def _all(self) -> tuple[tuple[Images, Codes], ...]:
        return (*self.larger, self.smaller)


def try_other_sizes(reference: Reference, photos: Images) -> OtherSizes | None:
    """Return what the original makes of other sizes; None where it takes one size alone, or fails."""
    if reference.takes_one_size:
        return None
    frame, some = reference.original.frame, photos[:_PHOTOS]
    larger = [_enlarge(reference, some, *more) for more in ((32, 0), (0, 96))]
    finest, multiple = _find_multiple(reference, some)
    if None in larger or finest is None:
        return None
    sides = (reference.original.min_size,) if reference.original.min_size else _LEAST
    fitting = (side for side in sides if side < min(frame.height, frame.width) and side % multiple == 0)
    for side in (*fitting, None):
        images = some if side is None else np.ascontiguousarray(some[:, :side, :side])
        codes = _try(reference, images)
        if codes is not None:
            tried = tuple(item for item in (*larger, finest) if item is not None)
            return OtherSizes(tried, min(images.shape[1:3]), (images, codes), multiple)
    return None


def _find_multiple(reference: Reference, photos: Images) -> tuple[tuple[Images, Codes] | None, int]:
    """Return the smallest step by which both sides can grow, and what the original gives then."""
    frame = reference.original.frame
    for step in _MULTIPLES:
        if frame.height % step == frame.width % step == 0:
            found = _enlarge(reference, photos, step, step)
            if found is not None:
                return found, step
    return None, 1


def _enlarge(reference: Reference, photos: Images, height: int, width: int) -> tuple[Images, Codes] | None:
    """Return photos that are so much higher and wider, and their codes; None where there are none."""
    images = np.pad(photos, ((0, 0), (0, height), (0, width), (0, 0)), mode="reflect")
    codes = _try(reference, images)
    return None if codes is None else (images, codes)


def _try(reference: Reference, images: Images) -> Codes | None:
    try:
        codes = reference.run(images)
    except Exception:  # an assertion, a shape that does not fit: whatever the network says of this size
        return None
    return codes if np.isfinite(codes).all() and len(np.unique(codes, axis=0)) == len(codes) else None


def _are_close(codes: Codes, reference: Codes) -> bool:
    found = compare_codes(codes, reference)
    return found.relative_error <= MAX_RELATIVE_ERROR and found.cosine >= MIN_COSINE
