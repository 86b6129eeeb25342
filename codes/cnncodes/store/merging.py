"""Several datasets of one space and one plan made into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cnncodes.errors import SpaceMismatch, UsageError, check_path
from cnncodes.store.building import CodesBuilder
from cnncodes.store.failing import count_lost, list_failures, warn_of_wrong_list
from cnncodes.store.manifest import Manifest
from cnncodes.store.records import Failure
from cnncodes.store.shards import find_rows, look_into_shard, read_manifest, read_shard
from cnncodes.store.staging import Progress, check_new, staged
from cnncodes.store.twins import Twins

#: Said where what two plans learned from images differs.
_COLORS = (
    " Jobs whose principal colours are to agree are given them: `cnncodes views write PLAN --data"
    " TRAINING_IMAGES -o plan.toml`, then --views plan.toml in each."
)


@dataclass(frozen=True)
class MergeSummary:
    """What was merged.

    Attributes
    ----------
    manifest : Manifest
        Of the new dataset.
    shared : int
        Images that several of the datasets hold, kept once.
    failures : int
        Images that could not be used, such with codes from before not counted.
    incomplete : tuple of Path
        Those of the datasets whose job did not come to its end; the new one does not count as complete then.
    """

    manifest: Manifest
    shared: int
    failures: int
    incomplete: tuple[Path, ...]


def merge_codes(
    paths: Sequence[str | Path], out: str | Path, *, on_progress: Progress | None = None
) -> MergeSummary:
    """Write the rows and failures of several datasets as one.

    An image that several of them hold is kept once, as the first has it, where all of it is equal but the
    time of its file's last change. An image that failed in one and has codes in another is no failure.

    Parameters
    ----------
    paths : sequence of path
        Two datasets or more, of one space, plan, reduction and dtype.
    out : path
        Of the new dataset. Nothing may be there yet; a kill or an error leaves nothing there.
    on_progress : callable, optional
        Called as ``on_progress(rows_done, rows_in_all)``.

    Raises
    ------
    UsageError
        If there is one dataset only, one is given twice, or `out` is, or lies in, one of them.
    SpaceMismatch
        If one holds other codes than the first; the text names each field that differs.
    StoreError
        If an image differs between two of them, one is damaged, or `out` exists or cannot be written.
    """
    for path in (*paths, out):
        check_path(path)
    folders, out = [Path(path) for path in paths], Path(out)
    manifests = [read_manifest(folder) for folder in folders]
    _check_distinct(folders)
    check_new(out, folders)
    _check_alike(folders, manifests)
    datasets = list(zip(folders, manifests, strict=True))
    for folder, manifest in datasets:
        warn_of_wrong_list(folder, manifest, out)
    failures = _merge_failures(folders)
    twins = Twins(datasets, _find_shared(datasets))
    total, done = sum(shard.rows for manifest in manifests for shard in manifest.shards), 0
    with staged(out) as made:
        builder = CodesBuilder(made, manifests[0])
        for number, (folder, manifest) in enumerate(datasets):
            for shard in manifest.shards:
                table = read_shard(folder, manifest, shard)
                builder.add(twins.drop_known(table, number))
                _forget(failures, table)
                done += shard.rows
                if on_progress is not None:
                    on_progress(done, total)
        incomplete = tuple(folder for folder, manifest in datasets if not manifest.complete)
        lost = sum(count_lost(list_failures(folder), manifest) for folder, manifest in datasets)
        merged = builder.finish(failures.values(), complete=not incomplete, marks_lost=lost)
    n_failures = sum(not failure.codes_kept for failure in failures.values())
    return MergeSummary(merged, len(twins.shared), n_failures, incomplete)


def _check_distinct(folders: Sequence[Path]) -> None:
    if len(folders) < 2:
        raise UsageError("merging needs two datasets or more. Got one.")
    seen: dict[Path, Path] = {}
    for folder in folders:
        first = seen.setdefault(folder.resolve(), folder)
        if first is not folder:
            raise UsageError(f"{folder} is the same dataset as {first}. Give each once.")


def _check_alike(folders: Sequence[Path], manifests: Sequence[Manifest]) -> None:
    for folder, manifest in zip(folders[1:], manifests[1:], strict=True):
        if differing := manifests[0].differences(manifest, (str(folders[0]), str(folder))):
            learned = any("principal_colors" in line for line in differing)
            raise SpaceMismatch(
                f"{folders[0]} holds other codes than {folder}: {'; '.join(differing)}. Merge datasets of one"
                f" space, plan, reduction and dtype.{_COLORS if learned else ''}"
            )


def _merge_failures(folders: Sequence[Path]) -> dict[str, Failure]:
    failures: dict[str, Failure] = {}
    for folder in folders:
        for failure in list_failures(folder):
            if failure.codes_kept or failure.key not in failures:
                failures[failure.key] = failure
    return failures


def _forget(failures: dict[str, Failure], table: pa.Table) -> None:
    """Let go of the failures of images that have codes, but of those that no job is to give up."""
    if failures:
        without = {key for key, failure in failures.items() if not failure.codes_kept}
        failed = pa.array(find_rows(table, "image", without))
        for key in table.column("image").filter(failed).unique().to_pylist():
            del failures[str(key)]


def _find_shared(datasets: Sequence[tuple[Path, Manifest]]) -> set[str]:
    """Return the images that more than one shard holds."""
    keys = [
        look_into_shard(folder, manifest, shard, ["image"]).column("image").unique()
        for folder, manifest in datasets
        for shard in manifest.shards
    ]
    counts: Any = pa.chunked_array(keys, pa.string()).value_counts()
    often = pa.array(counts.field("counts").to_numpy() > 1)
    return {str(key) for key in counts.field("values").filter(often).to_pylist()}
