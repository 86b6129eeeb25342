"""TIFF with a plane for each colour has the pixels of TIFF with the colours of a pixel together."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.errors import UnreadableImage
from cnncodes.images import decode

LAYOUTS = [{}, {"rowsperstrip": 16}, {"tile": (16, 16)}, {"tile": (64, 48)}, {"compression": "zlib"}]
#: Colours, what they are called, and what else a pixel has.
KINDS: dict[str, tuple[int, str, list[str] | None]] = {
    "rgb": (3, "rgb", None),
    "rgba": (4, "rgb", ["unassalpha"]),
    "cmyk": (4, "separated", None),
}


def write(pixels: Any, kind: str, planes: str, order: Any, layout: dict[str, Any]) -> bytes:
    _, photometric, extra = KINDS[kind]
    file, shown = io.BytesIO(), pixels.transpose(2, 0, 1).copy() if planes == "separate" else pixels
    tifffile.imwrite(
        file,
        shown,
        photometric=photometric,
        planarconfig=planes,
        byteorder=order,
        extrasamples=extra,
        **layout,
    )
    return file.getvalue()


@given(
    kind=st.sampled_from(["rgb", "rgba"]),
    bits=st.sampled_from([8, 16]),
    order=st.sampled_from("<>"),
    layout=st.sampled_from(LAYOUTS),
    size=st.tuples(st.integers(2, 70), st.integers(2, 70)),
    seed=st.integers(0, 99),
)
def test_planes_have_the_same_pixels(
    kind: str, bits: int, order: str, layout: dict[str, Any], size: tuple[int, int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 1 << bits, (*size, KINDS[kind][0])).astype(f"u{bits // 8}")
    together, apart = (
        np.asarray(decode(write(pixels, kind, planes, order, layout))) for planes in ("contig", "separate")
    )
    np.testing.assert_array_equal(apart, together)
    if kind == "rgb":
        np.testing.assert_array_equal(apart, pixels >> (bits - 8))


@pytest.mark.parametrize("order", "<>")
def test_planes_that_pillow_has_no_decoder_for_are_refused(order: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 1 << 16, (40, 50, 4), np.uint16)
    with pytest.raises(UnreadableImage, match="of a kind that is not read"):
        decode(write(pixels, "cmyk", "separate", order, {}))
    assert decode(write(pixels, "cmyk", "contig", order, {})).size == (50, 40)
