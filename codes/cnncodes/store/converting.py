"""A dataset in the formats of other tools."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from cnncodes.errors import StoreError, UsageError, check_path, suggest
from cnncodes.store.failing import list_failures
from cnncodes.store.formats import FORMATS
from cnncodes.store.manifest import Manifest
from cnncodes.store.shards import read_manifest, read_shard
from cnncodes.store.staging import Progress, check_new, staged


@dataclass(frozen=True)
class ConvertSummary:
    """What was converted.

    Attributes
    ----------
    rows, files : int
        Rows written, and files that they lie in, those of metadata not counted.
    failures : int
        Images without codes: they have no row.
    complete : bool
        Whether the job that wrote the dataset came to its end.
    """

    rows: int
    files: int
    failures: int
    complete: bool


def convert_codes(
    path: str | Path, out: str | Path, to: str, *, on_progress: Progress | None = None
) -> ConvertSummary:
    """Write a dataset's rows for other tools, a shard at a time.

    Parameters
    ----------
    path : path
        The dataset.
    out : path
        Of the new folder (``"npy"``) or file (``"csv"``). Nothing may be there yet; a kill or an error leaves
        nothing there.
    to : {"npy", "csv"}
        See `cnncodes.store.npy_parts.write_npy` and `cnncodes.store.csv_rows.write_csv`.
    on_progress : callable, optional
        Called as ``on_progress(rows_done, rows_in_all)``.

    Raises
    ------
    UsageError
        If there is no such format, or `out` is named as what it is not, or lies in the dataset.
    StoreError
        If the dataset has no rows or is damaged, or `out` exists or cannot be written.
    """
    check_path(path, "the path of the codes")
    check_path(out, "out")
    folder, out = Path(path), Path(out)
    _check_name(out, to)
    manifest = read_manifest(folder)
    check_new(out, [folder])
    failures = sum(not failure.codes_kept for failure in list_failures(folder))
    total = sum(shard.rows for shard in manifest.shards)
    if not total:
        raise StoreError(
            f"{folder} holds no codes, so there is nothing to convert ({failures} images failed)."
        )
    with staged(out) as made:
        tables = _read_tables(folder, manifest, total, on_progress)
        number = sum(shard.rows > 0 for shard in manifest.shards)
        files = FORMATS[to].write(made, tables, number)
    return ConvertSummary(total, files, failures, manifest.complete)


def _check_name(out: Path, to: str) -> None:
    if to not in FORMATS:
        raise UsageError(f"there is no format {to!r}. {suggest(to, FORMATS)}")
    suffix, wanted = out.suffix.lower(), FORMATS[to].suffix
    if wanted is not None and suffix != wanted:
        raise UsageError(f"{to} is one file, whose name must end in {wanted}. Got {str(out)!r}.")
    if wanted is None and suffix in (".npy", ".npz", ".csv", ".parquet"):
        raise UsageError(
            f"{to} is a folder of files, so its name must not end in {suffix}. Got {str(out)!r}."
        )


def _read_tables(
    folder: Path, manifest: Manifest, total: int, on_progress: Progress | None
) -> Iterator[pa.Table]:
    done = 0
    for shard in manifest.shards:
        if shard.rows:
            yield read_shard(folder, manifest, shard)
            done += shard.rows
            if on_progress is not None:
                on_progress(done, total)
