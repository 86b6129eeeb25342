"""int8 against fp32 of one network, in one run: speed on one lane and on two, and the codes' cosine.

Each round runs both in turns, lanes of one thread that share a session, as cnncodes does; a round's ratio is
its own, and the median of the ratios is shown, so that a machine whose speed drifts does not decide it.

    python benchmarks/quantization.py efficientnet-lite0 --rounds 15

Needs scikit-image (extra ``test``) for its photos.
"""

from __future__ import annotations

import argparse
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from cnncodes import load_backbone
from cnncodes.backbones import Backbone
from cnncodes.backbones.checking.parity import compare_each
from cnncodes.backbones.checking.photos import load_photos
from cnncodes.backbones.running.instructions import name_processor
from cnncodes.commands.doctor import count_cores, read_instructions

NEEDS = "Needs scikit-image (extra test)."

BATCH = 8


def run(backbone: Backbone, images: npt.NDArray[np.uint8], lanes: int) -> float:
    """Return images a second, with a batch for each lane at once."""
    with ThreadPoolExecutor(lanes) as pool:
        started = time.perf_counter()
        list(pool.map(lambda _: backbone.run(images), range(2 * lanes)))
        return 2 * lanes * len(images) / (time.perf_counter() - started)


def measure(full: Backbone, lesser: Backbone, images: npt.NDArray[np.uint8], lanes: int, rounds: int) -> None:
    """Print a row of the table."""
    pairs = [(run(full, images, lanes), run(lesser, images, lanes)) for _ in range(rounds + 1)][1:]
    ratios = [ours / theirs for theirs, ours in pairs]
    theirs, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"| {lanes} | {theirs:.1f} | {ours:.1f} | {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f}) |"
    )


def main() -> None:
    """Measure one network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=NEEDS)
    parser.add_argument("name", nargs="?", default="efficientnet-lite0")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    full, lesser = load_backbone(args.name), load_backbone(args.name, precision=args.precision)
    photos = load_photos(full.frame)
    cosines = compare_each(lesser.run(photos), full.run(photos))
    print(f"{name_processor()}, {count_cores()} cores: {', '.join(read_instructions() or ['unknown'])}")
    sizes = [len(backbone.model_bytes()) for backbone in (lesser, full)]
    print(
        f"{args.name}, {args.precision}: {sizes[0]:,} bytes, fp32 {sizes[1]:,};"
        f" cosine on {len(photos)} photos {np.median(cosines):.4f} (median), {cosines.min():.4f} (worst)\n"
    )
    print(f"| lanes | fp32, images/s | {args.precision}, images/s | ratio |\n|---|---|---|---|")
    for lanes in args.lanes:
        measure(full, lesser, photos[:BATCH], lanes, args.rounds)


if __name__ == "__main__":
    main()
