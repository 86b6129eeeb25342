"""What a codes dataset holds, and everything that is wrong with it, without reading codes into memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnncodes.errors import StoreError, check_path
from cnncodes.store.manifest import FAILURES_NAME, MANIFEST_NAME, RESTORE_SHARD, Manifest
from cnncodes.store.reading import read_failures
from cnncodes.store.schema import is_code, read_parquet


@dataclass(frozen=True)
class DatasetSummary:
    """What a codes dataset holds.

    Attributes
    ----------
    manifest : Manifest
    rows, images : int
    labels, splits : dict of str to int
        Images by label and by part; those without are not counted.
    failures : dict of str to int
        Images that failed, by stage.
    bytes : int
        Of all files.
    """

    manifest: Manifest
    rows: int
    images: int
    labels: dict[str, int]
    splits: dict[str, int]
    failures: dict[str, int]
    bytes: int


def summarize_codes(path: str | Path) -> DatasetSummary:
    """Count what a dataset holds; codes are not read.

    Raises
    ------
    StoreError
        If it is no codes dataset, or a file is missing or damaged.
    """
    check_path(path, "the path of the codes")
    folder = Path(path)
    manifest = Manifest.read(folder)
    labels: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    images = 0
    for shard in manifest.shards:
        file = folder / "data" / shard.name
        table = read_parquet(file, ["image", "label", "split"], shard.rows, RESTORE_SHARD)
        one_each = table.group_by(["image", "label", "split"]).aggregate([])
        images += len(one_each)
        labels.update(label for label in one_each.column("label").to_pylist() if label is not None)
        splits.update(split for split in one_each.column("split").to_pylist() if split is not None)
    stages = Counter(str(stage) for stage in read_failures(folder).column("stage").to_pylist())
    return DatasetSummary(
        manifest=manifest,
        rows=sum(shard.rows for shard in manifest.shards),
        images=images,
        labels=dict(sorted(labels.items())),
        splits=dict(sorted(splits.items())),
        failures=dict(sorted(stages.items())),
        bytes=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
    )


def find_problems(path: str | Path) -> list[str]:
    """Look at every file of a dataset and say all that is wrong, a line each; nothing is changed.

    Shards are compared with the manifest's hashes and counts, and read: rows in order, no image in two
    shards, every code finite. Files in ``data/`` that the manifest does not name are found: other tools
    would read them.

    Raises
    ------
    StoreError
        If there is no manifest, or it is damaged.
    """
    check_path(path, "the path of the codes")
    folder = Path(path)
    manifest = Manifest.read(folder)
    problems: list[str] = []
    owners: dict[str, str] = {}
    for shard in manifest.shards:
        try:
            table = read_parquet(
                folder / "data" / shard.name,
                manifest.schema.names,
                shard.rows,
                RESTORE_SHARD,
                sha256=shard.sha256,
            )
        except StoreError as error:
            problems.append(str(error))
            continue
        problems += _look_into(table, shard.name, shard.images, owners)
    problems += _find_strange(folder, manifest)
    try:
        failed = read_failures(folder).column("image").to_pylist()
    except StoreError as error:
        problems.append(str(error))
    else:
        both = [key for key in failed if key in owners]
        if both:
            problems.append(
                f"{FAILURES_NAME} names {both[0]!r}, whose codes are stored ({len(both)} such images)."
            )
    if not manifest.complete:
        problems.append(
            "the job that wrote last did not come to its end: run the same `cnncodes embed` again to go on."
        )
    return problems


def _look_into(table: Any, name: str, images: int, owners: dict[str, str]) -> list[str]:
    """Check the rows of a shard, and enter its images."""
    problems = []
    keys = table.column("image").to_pylist()
    distinct = list(dict.fromkeys(keys))
    if len(distinct) != images:
        problems.append(f"{name} holds {len(distinct)} images, the manifest says {images}. {RESTORE_SHARD}")
    order = list(zip(keys, table.column("view").to_pylist(), strict=True))
    if order != sorted(set(order)):
        problems.append(f"{name} has its rows out of order, or one twice. {RESTORE_SHARD}")
    twice = [key for key in distinct if key in owners]
    if twice:
        problems.append(f"{twice[0]!r} is in {owners[twice[0]]} and in {name} ({len(twice)} such images).")
    owners.update(dict.fromkeys(distinct, name))
    for column in filter(is_code, table.column_names):
        values = table.column(column).combine_chunks().flatten().to_numpy(zero_copy_only=False)
        if not np.isfinite(values).all():
            problems.append(f"{name} has codes in {column!r} that are not finite. {RESTORE_SHARD}")
    return problems


def _find_strange(folder: Path, manifest: Manifest) -> list[str]:
    named = {shard.name for shard in manifest.shards}
    strange = sorted(file.name for file in (folder / "data").iterdir() if file.name not in named)
    if not strange:
        return []
    more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
    return [
        f"data/{strange[0]}{more} is named by no {MANIFEST_NAME}, and tools that open the folder read it: a"
        " job is writing now, was killed (run it again), or somebody put it there."
    ]
