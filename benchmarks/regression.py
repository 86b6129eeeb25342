"""How well numbers are predicted whose truth is known: what was done to each picture.

The pictures of the embedded sample, or of a source of your own, are blurred, turned, or darkened by a random
amount, which the regression heads are to tell of pictures that they have not seen. Needs nothing more.

    python benchmarks/regression.py
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

SAMPLE = Path(__file__).parents[1] / "pipelines" / "samples" / "openclipart.parquet"
HEADS = ("ridge", "knn", "kernel-ridge")
#: The largest change: radius in pixels, degrees either way, and what is multiplied by 1 at most.
RADIUS, ANGLE, DARKEST = 4.0, 60.0, 0.3


def blur(picture: Image.Image, share: float) -> tuple[Image.Image, float]:
    """Blur a picture; return it and the radius."""
    return picture.filter(ImageFilter.GaussianBlur(RADIUS * share)), RADIUS * share


def turn(picture: Image.Image, share: float) -> tuple[Image.Image, float]:
    """Turn a picture on white, either way; return it and the angle."""
    angle = ANGLE * (2 * share - 1)
    return picture.rotate(angle, Image.Resampling.BICUBIC, fillcolor=(255, 255, 255)), angle


def turn_unsigned(picture: Image.Image, share: float) -> tuple[Image.Image, float]:
    """Turn a picture likewise; return it and the angle without its sign."""
    turned, angle = turn(picture, share)
    return turned, abs(angle)


def darken(picture: Image.Image, share: float) -> tuple[Image.Image, float]:
    """Darken a picture; return it and the factor."""
    factor = DARKEST + (1 - DARKEST) * share
    return picture.point(lambda value: round(value * factor)), factor


CHANGES: dict[str, Callable[[Image.Image, float], tuple[Image.Image, float]]] = {
    "blur, radius in pixels": blur,
    "darkened, factor": darken,
    "turned, degrees": turn,
    "turned, degrees without sign": turn_unsigned,
}


def measure(head: str, train: Any, test: Any, memory: str) -> str:
    """Fit a head, and return a row of figures."""
    from cnncodes import ImageRegressor
    from cnncodes.evaluation import evaluate_numbers

    reg = ImageRegressor(head=head, train_views="center", test_views="center", memory=memory)
    started = time.perf_counter()
    reg.fit(*train)
    seconds = time.perf_counter() - started
    width = float(reg.predictor_.find_width(0.9)[0])
    found = evaluate_numbers(test[1], reg.predict(test[0]), coverage=0.9, width=width)
    spread = np.abs(test[1] - np.mean(train[1])).mean()
    r2 = f"{found.r2.value:.3f} [{found.r2.low:.3f}, {found.r2.high:.3f}]"
    return (
        f"{r2} | {found.mae.value:.3g} ({spread:.3g}) | {found.spearman.value:.3f}"
        f" | {found.covered.value:.3f} | ± {width:.3g} | {seconds:.0f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", nargs="?", default=str(SAMPLE), help="images with parts train and test")
    options = parser.parse_args()
    from cnncodes.images import decode, open_source

    source = open_source(options.source)
    pictures = [decode(record.read()) for record in source.records]
    test = np.array([record.split == "test" for record in source.records])
    print(f"{(~test).sum()} training images, {test.sum()} test images\n")
    print("| what was done | head | R2 | mean absolute error (of the mean) | Spearman", end=" | ")
    print("in 90 % intervals | width | s |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as memory:
        for name, change in CHANGES.items():
            rng = np.random.default_rng(0)
            made = [change(picture, float(rng.random())) for picture in pictures]
            images, numbers = (
                [np.asarray(image) for image, _ in made],
                np.array([number for _, number in made]),
            )
            parts = [([images[i] for i in np.flatnonzero(part)], numbers[part]) for part in (~test, test)]
            for head in HEADS:
                print(f"| {name} | `{head}` | {measure(head, *parts, memory)} |", flush=True)


if __name__ == "__main__":
    main()
