"""The card of a backbone: how an image becomes the network's input."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """The input that a backbone expects.

    Attributes
    ----------
    height, width : int
        Patch size in pixels.
    resize : int
        Length to which the image's shorter side is resized before the patch is cut.
    interpolation : {"bicubic", "bilinear"}
        Pillow's filter for that.
    """

    height: int
    width: int
    resize: int
    interpolation: str = "bicubic"
