"""What it saves to decode JPEG while it is resized: `embed`'s cutter with and without it, in pairs.

Files of one photo, in sizes that cameras and the web give, upright and turned as telephones save them; the
central view. Without it Pillow decodes the whole picture, turns it, and the same library shrinks it. Pixels
are compared. Each ratio is the median of the rounds' own ratios of processor time in one thread.

    python benchmarks/decoding.py --rounds 15

Needs scikit-image (extra ``test``) for its photo. Writes ``benchmarks/results/decoding.json``.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cnncodes import ViewPlan
from cnncodes.backbones import Frame
from cnncodes.backbones.running.instructions import name_processor
from cnncodes.embedding.cutting import Cutter
from cnncodes.images import Decoding, decode
from cnncodes.views.deferring import can_defer

NEEDS = "Needs scikit-image (extra test)."

RESULTS = Path(__file__).parent / "results" / "decoding.json"
SIZES = ((500, 375), (1600, 1200), (4000, 3000))
#: Of EXIF: upright, upside down, and held upright, to either side.
ORIENTATIONS = (1, 3, 6, 8)
_TAG = 0x0112


def encode(photo: Image.Image, size: tuple[int, int], orientation: int) -> bytes:
    """Return a photo as a JPEG file of that size, turned so."""
    file, exif = io.BytesIO(), Image.Exif()
    exif[_TAG] = orientation
    photo.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", exif=exif, quality=90)
    return file.getvalue()


def measure(data: bytes, rounds: int) -> dict[str, float]:
    """Return the milliseconds of both ways, and the ratio."""
    cutter = Cutter(ViewPlan(), Frame(height=224, width=224, resize=256), Decoding())

    def decode_first() -> Any:
        return cutter.plan.render(decode(data), cutter.frame).pixels

    ways = {"while resized": lambda: cutter.work(data, "")[1], "first": decode_first}
    assert np.array_equal(*(way() for way in ways.values()))
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.thread_time()
            way()
            times[name].append(1000 * (time.thread_time() - started))
    found = {name: round(statistics.median(each), 2) for name, each in times.items()}
    ratios = [first / other for first, other in zip(times["first"], times["while resized"], strict=True)]
    return {**found, "ratio": round(statistics.median(ratios), 2)}


def main() -> None:
    """Measure all sizes and orientations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=NEEDS)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    is_possible, said = can_defer()
    if not is_possible:
        parser.exit(1, f"JPEG is not decoded while it is resized here: {said}\n")
    from skimage import data

    photo = Image.fromarray(data.retina()).convert("RGB")
    kept: dict[str, Any] = {"processor": name_processor(), "rounds": args.rounds}
    print("| JPEG | orientation | decoded first, ms | while resized, ms | ratio |")
    print("|---|---:|---:|---:|---:|")
    for size in SIZES:
        for orientation in ORIENTATIONS:
            found = measure(encode(photo, size, orientation), args.rounds)
            kept[f"{size[0]}x{size[1]}, {orientation}"] = found
            times = f"{found['first']:.1f} | {found['while resized']:.1f}"
            print(f"| {size[0]} × {size[1]} | {orientation} | {times} | {found['ratio']:.1f} |")
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
