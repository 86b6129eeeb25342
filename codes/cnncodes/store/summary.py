"""What a codes dataset holds, counted without reading codes."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from cnncodes.errors import check_path
from cnncodes.store.failing import count_lost, explain_wrong_list, list_failures
from cnncodes.store.manifest import Manifest
from cnncodes.store.records import LABELS
from cnncodes.store.shards import look_at_shard, read_manifest


@dataclass(frozen=True)
class DatasetSummary:
    """What a codes dataset holds.

    Attributes
    ----------
    manifest : Manifest
    rows, images : int
    labels, splits : dict of str to int
        Images by label and by part; those without are not counted.
    groups : int
        Groups that images belong to; an image without one is none.
    failures : dict of str to int
        Images that failed and have no codes, by stage.
    failures_known : bool
        Whether these are what the last job wrote: else the file is missing, or another one.
    codes_kept : int
        Images that failed and have codes from before.
    marks_lost : int
        Among these, those that the manifest counts and the failures do not name.
    bytes : int
        Of all files.
    """

    manifest: Manifest
    rows: int
    images: int
    labels: dict[str, int]
    splits: dict[str, int]
    groups: int
    failures: dict[str, int]
    failures_known: bool
    codes_kept: int
    marks_lost: int
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
    manifest = read_manifest(folder)
    labels: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    groups: set[str] = set()
    images = 0
    for shard in manifest.shards:
        table = look_at_shard(folder, shard, ["image", *LABELS])
        one_each = table.group_by(["image", *LABELS]).aggregate([])
        images += len(one_each)
        labels.update(label for label in one_each.column("label").to_pylist() if label is not None)
        splits.update(split for split in one_each.column("split").to_pylist() if split is not None)
        groups.update(map(str, one_each.column("group").drop_null().unique().to_pylist()))
    failures = list_failures(folder)
    lost = count_lost(failures, manifest)
    stages = Counter(failure.stage for failure in failures if not failure.codes_kept)
    return DatasetSummary(
        manifest=manifest,
        rows=sum(shard.rows for shard in manifest.shards),
        images=images,
        labels=dict(sorted(labels.items())),
        splits=dict(sorted(splits.items())),
        groups=len(groups),
        failures=dict(sorted(stages.items())),
        failures_known=explain_wrong_list(folder, manifest) is None,
        codes_kept=len(failures) - stages.total() + lost,
        marks_lost=lost,
        bytes=_count_bytes(folder),
    )


def _count_bytes(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(OSError):  # a job that writes removes its own meanwhile
            total += file.stat().st_size if file.is_file() else 0
    return total
