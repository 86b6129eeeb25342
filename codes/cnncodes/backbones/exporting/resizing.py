"""Published networks for images of another size than the one that they were published for."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.frame import Frame
from cnncodes.errors import BackboneError, CardError


def resize_original(original: Original, size: int) -> Original:
    """Return the same network, fed with square patches of another size that show the same part of a picture.

    Parameters
    ----------
    original : Original
    size : int
        Height and width in pixels.

    Returns
    -------
    Original
        One that takes images of one size alone is given positions for the new one when it is made: timm
        interpolates them between those that were trained.

    Raises
    ------
    BackboneError
        If what feeds the network is said by a file of its own, or torchvision builds it for one size. When it
        is made: if its size cannot be changed, or not to this one.
    """
    source, _, name = (original.address or "").partition(":")
    if original.is_file or source == "python":
        raise BackboneError(
            f"--size cannot be given for {original.name!r}: the file beside it says how images are fed,"
            " height and width included. Change them there, or leave --size out."
        )
    if source == "torchvision" and name.startswith(("vit_", "maxvit")):
        raise BackboneError(
            f"torchvision builds {original.name!r} for {original.frame.height} x {original.frame.width}"
            " pixels alone: leave --size out, or take timm's network of that kind."
        )
    old = original.frame
    resize = max(size, old.resize * size // max(old.height, old.width))
    try:
        frame = Frame(size, size, resize, old.interpolation)
    except CardError as error:
        raise BackboneError(
            f"--size {size} is too large, with the picture around the patch: {error}"
        ) from error
    return dataclasses.replace(
        original,
        description=f"{original.description}, but at {size} x {size} pixels",
        frame=frame,
        make=partial(_make, original, size),
    )


def _make(original: Original, size: int) -> Any:
    net = original.make()
    # timm's own words for networks that take one size, and for those that interpolate as they run.
    fixed = (getattr(net, "pretrained_cfg", None) or {}).get("fixed_input_size")
    if not fixed or getattr(net, "dynamic_img_size", False):
        return net
    if not hasattr(net, "set_input_size"):
        raise BackboneError(
            f"{original.name!r} takes images of {original.frame.height} x {original.frame.width} alone, and"
            " timm knows no way to change that: leave --size out."
        )
    patch = max(getattr(getattr(net, "patch_embed", None), "patch_size", (1,)))
    if size % patch:
        raise BackboneError(
            f"{original.name!r} takes images in parts of {patch} pixels: expected --size"
            f" {max(1, size // patch) * patch} or another multiple of {patch}. Got {size} instead."
        )
    net.set_input_size(img_size=(size, size))
    return net
