"""Grey of more than 8 bits: which value is white, and which black."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnncodes.errors import UnreadableImage

if TYPE_CHECKING:
    from PIL import Image as pillow

# TIFF 6.0, sections 8 and 19.
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO, _SIGNED = 0, 2


@dataclass(frozen=True)
class Grey:
    """What the values of a grey picture mean.

    Attributes
    ----------
    most : int
        The largest value there can be; 0 is the other end.
    is_negative : bool
        Whether 0 is white, as X-rays and scanned pages are stored.
    """

    most: int = 0xFFFF
    is_negative: bool = False

    @classmethod
    def read(cls, image: pillow.Image) -> Grey:
        """Return what a picture's file says, which it no longer does once it is turned."""
        tags = getattr(image, "tag_v2", None)  # of TIFF alone
        if tags is None or not image.mode.startswith("I"):
            return cls()
        (bits, *_), (kind, *_) = tags.get(_BITS_PER_SAMPLE, (16,)), tags.get(_SAMPLE_FORMAT, (1,))
        most = (1 << min(bits, 16)) - 1  # of 32 bits it cannot be known: such as have 16 are let pass
        return cls(most >> (kind == _SIGNED), tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)

    def scale(self, image: pillow.Image) -> pillow.Image:
        """Scale to 8 bits, transparent pixels to white; Pillow's own conversion would clip.

        Raises
        ------
        UnreadableImage
            If a value is beyond the range.
        """
        import numpy as np
        from PIL import Image as pillow

        values = np.asarray(image)
        if values.size and (values.min() < 0 or values.max() > self.most):
            what = "negative grey values" if values.min() < 0 else "grey values of more than 16 bits"
            raise UnreadableImage("decode", f"{what}: their range cannot be known")
        grey = ((values.astype(np.uint32) * 255 + self.most // 2) // self.most).astype(np.uint8)
        if self.is_negative:
            grey = 255 - grey
        transparent = image.info.get("transparency")
        if isinstance(transparent, int):
            grey[values == transparent] = 255
        return pillow.fromarray(grey)
