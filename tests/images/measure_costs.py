"""Prints what decoding pictures of every kind takes, and what was said that it would."""

from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from cnncodes.images import Decoding, decode

sys.path.append(str(Path(__file__).parents[1] / "faults"))
from fuzz_child import forget_peak, resident
from image_mutations import encode

rng = np.random.default_rng(0)
rgb = Image.fromarray(rng.integers(0, 256, (150, 200, 3), np.uint8)).resize((1200, 900))
grey, palette = rgb.convert("L"), rgb.quantize(64)
rgba, deep = rgb.copy(), Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
rgba.putalpha(grey)
turned = Image.Exif()
turned[0x0112] = 6
files = {
    "jpeg": encode(rgb, "JPEG"),
    "jpeg-turned": encode(rgb, "JPEG", exif=turned),
    "jpeg-progressive": encode(rgb, "JPEG", progressive=True, subsampling=0),
    "jpeg-grey": encode(grey, "JPEG"),
    "jpeg-cmyk": encode(rgb.convert("CMYK"), "JPEG", progressive=True),
    "png": encode(rgb, "PNG", compress_level=1),
    "png-alpha": encode(rgba, "PNG", exif=turned, compress_level=1),
    "png-palette": encode(palette, "PNG", transparency=3, exif=turned),
    "png-grey16": encode(deep, "PNG"),
    "png-bits": encode(grey.convert("1"), "PNG"),
    "png-grey-alpha": encode(rgba.convert("LA"), "PNG"),
    "webp": encode(rgb, "WEBP", method=0),
    "webp-lossless": encode(rgba, "WEBP", lossless=True, method=0),
    "webp-animated": encode(rgb, "WEBP", method=0, save_all=True, append_images=[grey.convert("RGB")]),
    "gif": encode(palette, "GIF"),
    "gif-transparent": encode(palette, "GIF", transparency=3),
    "tiff": encode(rgb, "TIFF"),
    "tiff-lzw": encode(rgba, "TIFF", compression="tiff_lzw", strip_size=10**9),
    "tiff-grey16": encode(deep, "TIFF", compression="tiff_lzw"),
    "bmp": encode(rgb, "BMP"),
    "ppm": encode(rgb, "PPM"),
    "jp2": encode(rgb, "JPEG2000"),
    "jp2-alpha": encode(rgba, "JPEG2000"),
    "qoi": encode(rgb, "QOI"),
    "ico": encode(rgba, "ICO", sizes=[(256, 256)]),
    "array": rgb,
    "array-alpha": rgba,
}
if "AVIF" in Image.SAVE:
    files["avif"] = encode(rgba, "AVIF", speed=10)
# Twice, since the first time fills caches; nothing that is free already may be used again.
for name, data in files.items():
    for mode in ("exact", "fast") if name.startswith("jpeg") else ("exact",):
        promised: list[int] = []
        for _ in range(2):
            asked: list[int] = []  # also before a file is opened, where that takes much
            ctypes.CDLL(None).malloc_trim(0)
            before = forget_peak()
            image = decode(data, Decoding(mode), short_side=100, before=asked.append)
            promised.append(max(asked))
            image.resize((100 * image.width // image.height, 100), Image.Resampling.BICUBIC)
            del image
        print(json.dumps([name, mode, resident("VmHWM") - before, promised]))
