"""Embedding against the limit of its parts: JPEG files to Parquet, in one run.

The limit is 1 / (1 / decode-only + 1 / model-only), each part measured with as many lanes as the whole
job. The parts and the whole run in turn, `--rounds` times; the medians are shown, and the ratio is the
median of the rounds' own ratios, so that a machine whose speed drifts does not decide it.

    python benchmarks/embed.py --images 512 --rounds 5

Needs scikit-image (extra ``test``) for its photos.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from cnncodes import ViewPlan, embed, load_backbone
from cnncodes.embedding import count_lanes, run_lanes
from cnncodes.images import ImageRecord, decode, open_source

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "retina", "immunohistochemistry", "hubble_deep_field")


def write_photos(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Write different crops of real photos as JPEG files of one size."""
    rng = np.random.default_rng(0)
    photos = [Image.fromarray(getattr(data, name)()).convert("RGB") for name in PHOTOS]
    for number in range(count):
        photo = photos[number % len(photos)]
        left, top = rng.integers(0, photo.width // 4), rng.integers(0, photo.height // 4)
        box = (left, top, left + photo.width * 3 // 4, top + photo.height * 3 // 4)
        photo.resize(size, Image.Resampling.BICUBIC, box=box).save(folder / f"{number:05}.jpg", quality=90)


def rate(work: Callable[[], object], count: int) -> float:
    """Return items a second of one call."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def measure(folder: Path, size: tuple[int, int], args: argparse.Namespace) -> None:
    """Print the table for one image size."""
    source = open_source(folder)
    backbone, plan = load_backbone(), ViewPlan()
    batch = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)

    def decode_chunk(chunk: Sequence[ImageRecord]) -> list[int]:
        return [len(plan.render(decode(record.read()), backbone.frame).pixels) for record in chunk]

    def run_chunk(chunk: Sequence[int]) -> list[int]:
        for _ in range(0, len(chunk), len(batch)):
            backbone.run(batch)
        return list(chunk)

    def whole() -> None:
        with tempfile.TemporaryDirectory() as out:
            embed(source, Path(out) / "photos.codes", n_jobs=args.jobs)

    count = len(source.records)
    rows = []
    for _ in range(args.rounds):
        decoded = rate(lambda: list(run_lanes(decode_chunk, source.records, args.jobs)), count)
        model = rate(lambda: list(run_lanes(run_chunk, range(count), args.jobs)), count)
        ours = rate(whole, count)
        limit = 1 / (1 / decoded + 1 / model)
        rows.append((decoded, model, limit, ours, ours / limit))
    names = ("decode-only", "model-only", "limit", "cnncodes", "cnncodes / limit")
    print(f"{size[0]} x {size[1]} JPEG, {count} images, {count_lanes(args.jobs)} lanes, {args.rounds} rounds")
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        unit = "" if "/" in name else " images/s"
        print(f"  {name:18} {statistics.median(values):7.2f}{unit}  ({min(values):.2f} to {max(values):.2f})")


def main() -> None:
    """Measure both sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=None)
    args = parser.parse_args()
    for size in ((500, 375), (1600, 1200)):
        with tempfile.TemporaryDirectory() as folder:
            write_photos(Path(folder), args.images, size)
            measure(Path(folder), size, args)


if __name__ == "__main__":
    main()
