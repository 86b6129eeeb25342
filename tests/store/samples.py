"""Made-up results for the store's tests: codes that are a function of the image's name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from cnncodes.store import CodesWriter, Failure, ImageCodes, Space, StoredViews, read_codes

SIZE = 6
SPACE = Space("net", "00" * 32, "pool", SIZE, "bicubic 256 -> 224", "exact")
PLAN: dict[str, Any] = {"scales": [256], "flip": True}
VIEWS = StoredViews(PLAN)


def content_of(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def make(
    key: str, *, views: int = 2, label: str | None = "cat", split: str | None = "train", size: int = 10
) -> ImageCodes:
    seed = int.from_bytes(hashlib.sha256(f"{key}/{size}".encode()).digest()[:4], "big")
    codes = np.random.default_rng(seed).normal(size=(views, SIZE)).astype(np.float32)
    parameters = [
        {"view": v, "view_name": f"v{v}", "box": (0.0, 0.5, 9.0, 8.0), "scale": 1.5, "flip": bool(v % 2)}
        for v in range(views)
    ]
    return ImageCodes(
        key,
        label,
        split,
        12,
        9,
        size,
        None if key.startswith("m") else 5,
        content_of(key[-1]),
        parameters,
        codes,
    )


def fail(key: str) -> Failure:
    return Failure(key, "decode", "broken", 10, 5, "max_pixels", 100.0)


def open_writer(path: Path, **options: Any) -> CodesWriter:
    return CodesWriter.open(path, SPACE, VIEWS, **options)


def write(path: Path, results: list[ImageCodes | Failure], **options: Any) -> None:
    with open_writer(path, **options) as writer:
        for result in results:
            writer.add(result)


def flip_codes(shard: Path) -> None:
    """Damage a shard where its codes lie: it can be read as before, but for these."""
    with pq.ParquetFile(shard) as file:
        names = [
            file.metadata.row_group(0).column(i).path_in_schema for i in range(file.metadata.num_columns)
        ]
        column = file.metadata.row_group(0).column(names.index("code.list.element"))
    data = bytearray(shard.read_bytes())
    data[column.data_page_offset + column.total_compressed_size - 5] ^= 0xFF
    shard.write_bytes(data)


def rows_of(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All rows and failures, in an order that does not depend on how they were written."""
    codes = read_codes(path)
    return codes.to_arrow().to_pylist(), codes.failures.to_pylist()
