"""Checks of a network's codes: finite, of their image alone, of any batch and size."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.checking.parity import measure_spread
from cnncodes.backbones.running.timing import draw_noise
from cnncodes.backbones.session import Backbone
from cnncodes.errors import BackboneError

#: Least spread of the codes of noise, which is all alike to a network: above what rounding does.
MIN_ROUNDING = 1e-5

#: Most that codes of less precision may differ between batches, by their largest value.
MAX_ROUNDING = 1e-6


def check_codes(backbone: Backbone) -> list[str]:
    """Check the codes of made-up images, and say what was tried."""
    images = draw_noise(backbone.frame, 8)
    codes = backbone.run(images)
    expect(bool(np.isfinite(codes).all()), backbone, "its codes are not all finite")
    spread = measure_spread(codes)
    expect(
        len(np.unique(codes, axis=0)) == len(codes) and spread >= MIN_ROUNDING,
        backbone,
        f"different images have one code, or nearly: they lie {spread:.1g} of their length from their mean",
    )
    return [
        "sha256",
        "input and output",
        "finite codes",
        "different codes",
        _check_batches(backbone, images, codes),
    ]


def _check_batches(backbone: Backbone, images: npt.NDArray[np.uint8], codes: npt.NDArray[np.float32]) -> str:
    """Compare codes in small batches with those in one, and say how far they agree."""
    equal, bound = True, MAX_ROUNDING * float(np.abs(codes).max())
    for size in (1, 3):
        found = run_in_batches(backbone, images, size)
        equal &= np.array_equal(found, codes)
        # Products of 8-bit numbers that end in float may be rounded in another order; those of fp32 are not.
        near = backbone.precision != "fp32" and bool((np.abs(found - codes) <= bound).all())
        same = near or np.array_equal(found, codes)
        expect(same, backbone, f"codes in batches of {size} differ from those in a batch of {len(images)}")
    return (
        "equal bits in batches of 1, 3 and 8"
        if equal
        else "equal codes, to rounding, in batches of 1, 3 and 8"
    )


def run_in_batches(backbone: Backbone, images: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.float32]:
    """Return the codes of images that meet the network in batches of so many."""
    parts = (images[start : start + size] for start in range(0, len(images), size))
    return np.concatenate([backbone.run(part) for part in parts])


def check_sizes(backbone: Backbone) -> str:
    """Run the network at other sizes, as far as its card says that it takes any, and say what was tried."""
    card, frame = backbone.card, backbone.frame
    if card.sizes == "fixed":
        return f"one size, {frame.height} x {frame.width}"
    step, random = math.lcm(32, card.multiple), np.random.default_rng(1)
    least = card.least_side()
    for height, width in ((frame.height + step, frame.width), (frame.height, frame.width + 3 * step)):
        images = random.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
        images[1, : frame.height, : frame.width] = images[0, : frame.height, : frame.width]
        codes = backbone.run(images)
        expect(
            not np.array_equal(codes[0], codes[1]),
            backbone,
            f"at {height} x {width} it does not look beyond {frame.height} x {frame.width}",
        )
    codes = backbone.run(random.integers(0, 256, (1, least, least, 3), dtype=np.uint8))
    expect(bool(np.isfinite(codes).all()), backbone, f"at {least} x {least} its codes are not all finite")
    return "other heights and widths"


def expect(holds: bool, backbone: Backbone, otherwise: str) -> None:
    """Raise `BackboneError` with what is otherwise, unless a check holds."""
    if not holds:
        file = "" if backbone.precision == "fp32" else f" ({backbone.card.model_file})"
        raise BackboneError(f"backbone {backbone.card.name!r}{file} fails: {otherwise}.")
