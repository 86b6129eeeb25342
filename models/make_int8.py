"""Make the int8 file of EfficientNet-Lite0 that ships, and measure it: ``python models/make_int8.py``.

Calibrated on the photos of scikit-image and scikit-learn, many views of each, and on the training part of the
quickstart's sample. Measured on what it was not calibrated on: the test images of Fashion-MNIST, where
Debian's package dataset-fashion-mnist puts them, and the sample's test part. Needs the extra ``export``.
"""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path

import numpy as np

from cnncodes.backbones import Backbone, load_backbone
from cnncodes.backbones.checking.photos import find_photos
from cnncodes.backbones.quantizing.quantization import Quantized, quantize
from cnncodes.commands.further_files import add_file, find_place
from cnncodes.embedding.calibrating import choose_records, cut_patches
from cnncodes.estimators.inputs import make_embedder
from cnncodes.evaluation.precisions import PrecisionCost, measure_precision
from cnncodes.images import ImageRecord, open_source

ROOT = Path(__file__).parents[1]
NAME = "efficientnet-lite0"
#: Pictures of the sample to calibrate on: about as many patches as the photos give.
PICTURES = 512
MEASURED = 10_000

sys.path.insert(0, str(ROOT / "benchmarks"))


def make(full: Backbone) -> tuple[Quantized, int]:
    """Return the int8 network and the number of images that it was calibrated on."""
    photos = open_source(find_photos()).records
    sample = [record for record in _open_sample() if record.split == "train"]
    parts = [cut_patches(records, full.frame) for records in (photos, choose_records(sample, PICTURES))]
    patches = np.concatenate([patches for patches, _ in parts])
    # uint8 is what VNNI multiplies; on other processors `cnncodes models quantize` finds what is faster.
    [made] = quantize(full, patches, ("uint8",), on_progress=functools.partial(_show, "calibrating"))
    return made, sum(len(contents) for _, contents in parts)


def measure(full: Backbone, made: Backbone, records: list[ImageRecord]) -> PrecisionCost:
    """Compare codes and a head's accuracy."""
    ours, theirs = (make_embedder(backbone, "center", "exact") for backbone in (full, made))
    return measure_precision(records, ours, theirs, on_progress=functools.partial(_show, "comparing"))


def open_fashion() -> list[ImageRecord]:
    """Return the test images of Fashion-MNIST."""
    import gains_data

    return gains_data._balance(*gains_data._read_fashion("t10k"), MEASURED)


def _open_sample() -> list[ImageRecord]:
    return list(open_source(ROOT / "pipelines/samples/openclipart.parquet").records)


def describe(name: str, cost: PrecisionCost) -> str:
    """Return a line of models/README.md's table."""
    change = cost.change
    assert change is not None and cost.reference is not None and cost.accuracy is not None
    value, low, high = (f"{100 * share:+.2f}" for share in (change.value, change.low, change.high))
    return (
        f"| {name} | {cost.images:,} | {cost.cosine:.3f} | {cost.worst_cosine:.3f} |"
        f" {cost.reference.value:.4f} | {cost.accuracy.value:.4f} | {value} ({low} to {high}) |"
    )


def main() -> None:
    """Make, measure and place the file, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", default=str(ROOT / "models" / NAME), help="the network's folder")
    out = parser.parse_args().out
    place = find_place(NAME, "int8", out)
    full = load_backbone(NAME, precision="fp32")
    made, calibrated = make(full)
    cost = measure(full, made.backbone, open_fashion())
    add_file(place, made.backbone, cost.describe(made.method, made.activations, calibrated))
    print(describe("Fashion-MNIST, test images", cost))
    tested = [record for record in _open_sample() if record.split == "test"]
    print(describe("quickstart's sample, part test", measure(full, made.backbone, tested)))


def _show(what: str, done: int, total: int, failed: int = 0) -> None:
    print(f"\r{what}: {done}/{total}", end="\n" if done == total else "", file=sys.stderr)


if __name__ == "__main__":
    main()
