"""A whole dataset made of rows that exist already, in shards of a good size."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from cnncodes.choices import SHARD_IMAGES
from cnncodes.store.entries import FAILURES_NAME, FailureList
from cnncodes.store.files import atomic_write, writing_errors
from cnncodes.store.manifest import Manifest
from cnncodes.store.records import Failure
from cnncodes.store.schema import failures_table, to_parquet
from cnncodes.store.shards import SHARD_ROWS, image_starts, sort_rows, write_shard
from cnncodes.store.unread import check_encoding


class CodesBuilder:
    """Writes rows as a new dataset; memory holds one shard's worth of them and what was added last.

    For a folder that nobody sees before it is finished (`staged`): unlike `CodesWriter`, it cannot go on with
    a dataset.

    Parameters
    ----------
    folder : Path
        Made here; it must not exist.
    manifest : Manifest
        Space, views, dtype and layers of the dataset.
    shard_images : int
        Images in a full shard.
    """

    def __init__(self, folder: Path, manifest: Manifest, shard_images: int = SHARD_IMAGES) -> None:
        self._folder = folder
        self._manifest = replace(manifest, shards=(), complete=False)
        self._shard_images = shard_images
        self._pending: list[pa.Table] = []
        self._rows = self._images = 0
        check_encoding(folder)
        with writing_errors(folder, alone=True):
            (folder / "data").mkdir(parents=True)

    def add(self, table: pa.Table) -> None:
        """Take rows with the columns of the dataset, all rows of an image at once."""
        if table.num_rows == 0:
            return
        self._pending.append(table)
        self._rows += table.num_rows
        self._images += len(table.column("image").unique())
        if self._images >= self._shard_images or self._rows >= SHARD_ROWS:
            self._cut(rest=False)

    def finish(self, failures: Iterable[Failure], *, complete: bool, marks_lost: int = 0) -> Manifest:
        """Write what is left, the failures and the manifest, and return the last.

        Parameters
        ----------
        failures : iterable of Failure
        complete : bool
            Whether the jobs that the rows come from did.
        marks_lost : int
            As in `CodesWriter`, of the datasets that the rows come from.
        """
        failures = list(failures)
        if self._pending:
            self._cut(rest=True)
        if not self._manifest.shards:  # readers of data/ need one file to find the columns in
            self._write(self._manifest.schema.empty_table())
        data = memoryview(to_parquet(failures_table(failures)))
        temporary = self._folder / f".{FAILURES_NAME}.tmp"
        atomic_write(self._folder / FAILURES_NAME, data, temporary=temporary, alone=True)
        kept = marks_lost + sum(failure.codes_kept for failure in failures)
        listed = FailureList(len(failures), hashlib.sha256(data).hexdigest())
        self._manifest = replace(self._manifest, complete=complete, codes_kept=kept, failures=listed)
        self._manifest.write(self._folder, alone=True)
        return self._manifest

    def _cut(self, *, rest: bool) -> None:
        """Write full shards, and with `rest` all rows."""
        table = sort_rows(pa.concat_tables(self._pending))
        starts = image_starts(table)
        images, first = len(starts) - 1, 0
        while first < images:
            fitting = int(np.searchsorted(starts, starts[first] + SHARD_ROWS, side="right")) - 1
            last = min(first + self._shard_images, max(fitting, first + 1))
            if last >= images and not rest:
                break
            last = min(last, images)
            self._write(table.slice(starts[first], starts[last] - starts[first]))
            first = last
        left = table.slice(starts[first])
        self._pending = [left] if left.num_rows else []
        self._rows, self._images = left.num_rows, images - first

    def _write(self, table: pa.Table) -> None:
        shard = write_shard(self._folder, self._manifest, table, alone=True)
        self._manifest = self._manifest.changed(add=(shard,))
