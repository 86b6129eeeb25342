"""Labelled images for benchmarks: the quickstart's sample, and a part of Fashion-MNIST, also as a table.

python benchmarks/gains_data.py fashion.parquet --images 5000
cnncodes finetune fashion.parquet -o tuned
"""

from __future__ import annotations

import argparse
import gzip
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from cnncodes.images import ImageRecord, open_source, records_from

#: Where Debian's package dataset-fashion-mnist puts it.
FASHION = Path("/usr/share/datasets/fashion-mnist")
SAMPLE = Path(__file__).parents[1] / "pipelines/samples/openclipart.parquet"
#: Images of Fashion-MNIST to train on, and of its test part to measure plans of many test views on.
TRAIN, TEST = 500, 1000
SEED = 0


@dataclass(frozen=True)
class Data:
    """Labelled images to train on and to test on; `few` are the first ones of `test`, every class alike."""

    name: str
    train: list[ImageRecord]
    test: list[ImageRecord]
    few: int


def open_sample(quick: bool) -> Data:
    """Open the pictures that come with cnncodes, in their parts."""
    records = open_source(SAMPLE).records
    train, test = ([r for r in records if r.split == part] for part in ("train", "test"))
    if quick:
        train, test = train[::10], test[::10]
    return Data("quickstart's sample", train, test, len(test))


def open_fashion(quick: bool) -> Data:
    """Open Fashion-MNIST: 28 x 28 grey pictures of ten kinds of clothes."""
    return draw_fashion(TRAIN // 10 if quick else TRAIN, TEST // 10 if quick else None)


def draw_fashion(train: int, test: int | None = None) -> Data:
    """Draw so many images of Fashion-MNIST, every class alike; without a number, all of its test part."""
    images, labels = _read_fashion("t10k")
    drawn = _balance(images, labels, len(labels) if test is None else test)
    return Data("Fashion-MNIST", _balance(*_read_fashion("train"), train), drawn, min(TEST, len(drawn)))


def _read_fashion(part: str) -> tuple[np.ndarray, np.ndarray]:
    with gzip.open(FASHION / f"{part}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(FASHION / f"{part}-labels-idx1-ubyte.gz") as file:
        return images, np.frombuffer(file.read(), np.uint8, offset=8)


def _balance(images: np.ndarray, labels: np.ndarray, count: int) -> list[ImageRecord]:
    """Draw equally many images of each class; any ten that follow one another are of ten classes."""
    rng = np.random.default_rng(SEED)
    drawn = [rng.permutation(np.flatnonzero(labels == label))[: count // 10] for label in range(10)]
    order = np.stack(drawn, axis=1).ravel()
    records = records_from([images[i] for i in order])
    return [replace(r, label=str(labels[i])) for r, i in zip(records, order, strict=True)]


def write_table(path: Path, data: Data) -> None:
    """Write images as a table that commands take: PNGs with their labels and parts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: dict[str, list[object]] = {"image": [], "label": [], "split": [], "bytes": []}
    for part, records in (("train", data.train), ("test", data.test)):
        for number, record in enumerate(records):
            text = io.BytesIO()
            Image.fromarray(np.asarray(record.read())).save(text, "PNG")
            values = (f"{part}-{number:05}", record.label, part, text.getvalue())
            for column, value in zip(rows.values(), values, strict=True):
                column.append(value)
    pq.write_table(pa.table(rows), path)


def main() -> None:
    """Write a part of Fashion-MNIST as a table."""
    parser = argparse.ArgumentParser(
        description="Fashion-MNIST as a table for cnncodes' commands: so many images to train on, every class"
        " alike, and its test part.",
        epilog="Fashion-MNIST is Debian's package dataset-fashion-mnist.",
    )
    parser.add_argument("out", type=Path, help="the table: fashion.parquet")
    parser.add_argument("--images", type=int, default=5000, help="to train on [5000]")
    parser.add_argument("--test", type=int, default=10_000, help="to test on [10000, all]")
    args = parser.parse_args()
    write_table(args.out, draw_fashion(args.images, args.test))


if __name__ == "__main__":
    main()
