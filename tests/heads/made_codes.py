"""Made codes in datasets on disk, written as quickly as shards can be."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cnncodes.store import Manifest
from cnncodes.store.schema import code_arrays
from cnncodes.store.shards import write_shard


def make_means(n_classes: int, size: int) -> np.ndarray:
    """Means of classes, and the random directions along which rows of all classes vary."""
    return np.random.default_rng(7).normal(size=(n_classes, size)).astype(np.float32) * 0.35 + 1


def draw_codes(numbers: np.ndarray, n_classes: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return codes and classes of images by number: each image's always the same."""
    rng = np.random.default_rng(int(numbers[0]))
    y = rng.integers(0, n_classes, len(numbers))
    mixing = np.random.default_rng(8).normal(size=(24, size)).astype(np.float32)
    X = make_means(n_classes, size)[y] + rng.normal(size=(len(numbers), 24)).astype(np.float32) @ mixing * 0.3
    X += rng.standard_normal(X.shape, np.float32)
    return X.astype(np.float16), y


def write_codes(
    folder: Path, manifest: Manifest, n_images: int, *, n_classes: int = 10, shard_rows: int = 20_000
) -> Manifest:
    """Write a dataset of so many images with one view each, labels ``c00`` and up, shard by shard."""
    (folder / "data").mkdir(parents=True)
    size, schema = manifest.space.code_size, manifest.schema
    for start in range(0, n_images, shard_rows):
        numbers = np.arange(start, min(start + shard_rows, n_images))
        X, y = draw_codes(numbers, n_classes, size)
        table = make_table(schema, numbers, X, [f"c{k:02}" for k in y])
        manifest = manifest.changed(add=(write_shard(folder, manifest, table),))
    manifest = replace(manifest, complete=True)
    manifest.write(folder)
    return manifest


def make_table(schema: pa.Schema, numbers: np.ndarray, X: np.ndarray, labels: list[Any]) -> pa.Table:
    """Return the rows of images that are known by their numbers."""
    n = len(numbers)
    values: dict[str, list[Any]] = {
        "image": [f"{number:08}.jpg" for number in numbers],
        "label": labels,
        "split": [None] * n,
        "group": [None] * n,
        "view": [0] * n,
        "view_name": ["center"] * n,
        "box": [[0.0, 0.0, 1.0, 1.0]] * n,
        "scale": [1.0] * n,
        "flip": [False] * n,
        "width": [8] * n,
        "height": [8] * n,
        "size": [10] * n,
        "mtime": [5] * n,
        "content": [hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest() for number in numbers],
    }
    arrays = [pa.array(values[field.name], field.type) for field in schema if field.name in values]
    return pa.Table.from_arrays([*arrays, *code_arrays(X, schema)], schema=schema)
