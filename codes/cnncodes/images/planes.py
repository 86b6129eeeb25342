"""TIFF with a plane for each colour, of 16 bits: Pillow reads its planes as if they had 8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image as pillow

# TIFF 6.0, section 8.
_BITS_PER_SAMPLE, _PLANAR_CONFIGURATION = 258, 284
_SEPARATE = 2
#: Names that Pillow's decoder has for 16 bits, by a file's first bytes.
_OF_16_BITS = {b"II": ";16L", b"MM": ";16B"}


def name_planes(image: pillow.Image) -> None:
    """Have an opened TIFF's planes decoded as what they are.

    Pillow (13.0.0) names each plane by its colour alone where it decodes them itself, so without compression;
    ``R`` is 8 bits. Nothing is done where it names the bits too.
    """
    tags: Any = getattr(image, "tag_v2", None)  # of TIFF alone
    if tags is None or tags.get(_PLANAR_CONFIGURATION) != _SEPARATE:
        return
    if set(tags.get(_BITS_PER_SAMPLE, ())) == {16}:
        opened: Any = image
        opened.tile = [
            tile._replace(args=(tile.args[0] + _OF_16_BITS[tags.prefix], *tile.args[1:]))
            if tile.codec_name == "raw" and len(tile.args[0]) == 1
            else tile
            for tile in opened.tile
        ]
