"""The frame of a backbone: how an image becomes its input."""

from __future__ import annotations

from dataclasses import dataclass

from cnncodes.errors import CardError, suggest

#: The longest side of a patch in pixels, and of what it is cut from: cards come from strangers, and an image
#: of 4096 x 4096 takes 48 MB already.
MAX_SIDE = 4096

_INTERPOLATIONS = ("bicubic", "bilinear", "lanczos")


@dataclass(frozen=True)
class Frame:
    """How an image becomes the network's input.

    Attributes
    ----------
    height, width : int
        Patch size in pixels; at most `MAX_SIDE` each, as is `resize`.
    resize : int
        Length to which the image's shorter side is resized before the patch is cut from its centre.
    interpolation : {"bicubic", "bilinear", "lanczos"}
        Pillow's antialiased filter for that.
    crop : {"center"}
        Which patch a plan takes that asks for one only.
    """

    height: int
    width: int
    resize: int
    interpolation: str = "bicubic"
    crop: str = "center"

    def __post_init__(self) -> None:
        if max(self.height, self.width, self.resize) > MAX_SIDE:
            raise CardError(
                f"frame: height, width and resize must be at most {MAX_SIDE} pixels. Got {self.height},"
                f" {self.width} and {self.resize} instead."
            )
        if min(self.height, self.width) < 1 or self.resize < max(self.height, self.width):
            raise CardError(
                f"frame: a patch of {self.height} x {self.width} does not fit an image resized to"
                f" {self.resize}."
            )
        if self.interpolation not in _INTERPOLATIONS:
            raise CardError(
                f"frame: unknown interpolation {self.interpolation!r}."
                f" {suggest(self.interpolation, _INTERPOLATIONS)}"
            )
        if self.crop != "center":
            raise CardError(f"frame: crop must be 'center'. Got {self.crop!r} instead.")
