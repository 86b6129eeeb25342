"""Writing a codes dataset, so that a job killed at any moment is run again and ends the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from cnncodes.errors import StoreError, UsageError
from cnncodes.store.checking import check_codes, check_text
from cnncodes.store.files import atomic_write, sync_folder, writing_errors
from cnncodes.store.index import INDEXED, Index, Labels, relabel_table
from cnncodes.store.locking import WriterLock
from cnncodes.store.manifest import FAILURES_NAME, RESTORE_SHARD, Manifest, Shard, StoredViews
from cnncodes.store.opening import check_folder, open_manifest, remove_leftovers
from cnncodes.store.reading import read_failures
from cnncodes.store.records import Failure, ImageCodes
from cnncodes.store.schema import DTYPES, codes_table, failures_table, read_parquet, to_parquet
from cnncodes.store.shards import SHARD_IMAGES, SHARD_ROWS, write_shard
from cnncodes.store.space import Space

#: So many shards that are less than half full are merged when a job ends.
COMPACT_FROM = 8


class CodesWriter:
    """Writes a codes dataset; a context manager that holds the dataset's lock. Not for two threads.

    Made by `open`. The order of steps is what makes a kill harmless: shard (temporary name, sync,
    rename, sync of the folder), failures, manifest, and only then the removal of what it replaced.
    Shards are never overwritten while a manifest names them.
    """

    def __init__(self, folder: Path, manifest: Manifest, lock: WriterLock, shard_images: int) -> None:
        self._folder = folder
        self._lock = lock
        self._manifest = _without_lost(folder, manifest)
        self._shard_images = shard_images
        self._schema = manifest.schema
        self._pending: dict[str, ImageCodes] = {}
        self._added: set[str] = set()
        self._replaced: set[str] = set()
        self._since_cut = self._rows_since_cut = 0
        self._closed = False
        self._index = Index()
        for shard in self._manifest.shards:
            self._index.learn(shard.name, self._read_shard(shard, list(INDEXED)))
        rows = read_failures(folder).to_pylist()
        failures = [Failure(row["image"], row["stage"], row["reason"]) for row in rows]
        # A kill between failures and manifest can leave a failure of an image that is stored.
        self._failures = {failure.key: failure for failure in failures if failure.key not in self.known}
        self._written_failures = len(failures)
        self._unwritten_failures = len(failures) - len(self._failures)

    @classmethod
    def open(
        cls,
        path: str | Path,
        space: Space,
        views: StoredViews,
        *,
        dtype: str = "float16",
        shard_images: int = SHARD_IMAGES,
        layers: Mapping[str, int] | None = None,
    ) -> CodesWriter:
        """Begin a dataset, or go on with one.

        Parameters
        ----------
        path : path
            Its folder; missing or empty, or a dataset of the same space, views and dtype.
        space : Space
        views : StoredViews
        dtype : {"float16", "float32"}
            Of the stored codes.
        shard_images : int
            Images in a shard: the most that a killed job has to do again.
        layers : mapping of str to int, optional
            The layers that codes are made of, with the length of each: a column each. None: the network's own
            code, in one column.

        Raises
        ------
        SpaceMismatch
            If the dataset is of another space, other views or dtype; the text names each field that
            differs.
        StoreError
            If `path` holds something else, is damaged, is of a newer format, is being written by
            another process, or cannot be written.
        """
        if dtype not in DTYPES:
            raise UsageError(f"dtype must be 'float16' or 'float32'. Got {dtype!r} instead.")
        if shard_images < 1:
            raise UsageError(f"shard_images must be at least 1. Got {shard_images} instead.")
        folder = Path(path)
        check_folder(folder)
        with writing_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        lock = WriterLock(folder)
        try:
            manifest = open_manifest(folder, Manifest(space, views, dtype, layers=dict(layers or {})))
            remove_leftovers(folder, manifest)
            return cls(folder, manifest, lock, shard_images)
        except BaseException:
            lock.release()
            raise

    @property
    def known(self) -> dict[str, tuple[int, int | None]]:
        """For the key of each image that is stored on disk, its size and mtime in ns."""
        return self._index.states

    @property
    def labels(self) -> dict[str, Labels]:
        """For the key of each image that is stored on disk, its label and split."""
        return self._index.labels

    @property
    def contents(self) -> dict[str, str]:
        """For the key of each image that is stored on disk and came from no file, the hash of its content."""
        return self._index.contents

    @property
    def failed(self) -> set[str]:
        """Keys of the images that failed and have not succeeded since."""
        return set(self._failures)

    def add(self, result: ImageCodes | Failure) -> Failure | None:
        """Take the next result; every `shard_images` of them are written to disk.

        An image that is stored already is replaced, by a failure too; the old rows stay until the new
        ones are written.

        Returns
        -------
        Failure or None
            The failure that is recorded for the image: the one given, or one of stage ``"code"``
            where a code is not finite or too large for the dtype. None where its codes are kept.

        Raises
        ------
        UsageError
            If the image's codes were added before, or its arrays do not fit together.
        StoreError
            If a shard cannot be written; what was written before is kept.
        """
        result = check_text(result)
        if result.key in self._added:
            raise UsageError(f"{result.key!r} was added to {self._folder} already. Keys must be unique.")
        if result.key in self.known:
            self._replaced.add(result.key)
        if isinstance(result, ImageCodes):
            result = check_codes(result, self._manifest.space.code_size, self._manifest.dtype)
        if isinstance(result, Failure):
            self._unwritten_failures += self._failures.get(result.key) != result
            self._failures[result.key] = result
        else:
            self._forget_failure(result.key)
            self._added.add(result.key)
            self._pending[result.key] = result
            self._rows_since_cut += len(result.views)
        self._since_cut += 1
        if self._since_cut >= self._shard_images or self._rows_since_cut >= SHARD_ROWS:
            self.flush()
        return result if isinstance(result, Failure) else None

    def drop(self, keys: Iterable[str]) -> None:
        """Remove images (changed, vanished) and failures; only the shards concerned are rewritten.

        Keys that are not in the dataset are passed over.
        """
        gone = set(keys)
        for key in gone:
            self._pending.pop(key, None)
            self._forget_failure(key)
        self._added -= gone
        self._replaced -= gone
        for shard in self._shards_of(gone):
            self._commit([self._read_without(shard, gone)], (shard,))
        if self._unwritten_failures:
            self._commit(all_failures=True)

    def relabel(self, labels: Mapping[str, Labels]) -> None:
        """Give images that are stored on disk another label and split; their codes stay as they are.

        Only the shards concerned are rewritten. Keys that are not in the dataset are passed over.
        """
        for shard in self._shards_of(labels):
            self._commit([relabel_table(self._read_shard(shard, None), labels)], (shard,))

    def flush(self) -> None:
        """Write what is in hand to disk as a shard, and the failures."""
        if self._pending or self._replaced or self._are_failures_due():
            old = tuple(self._shards_of(self._replaced))
            tables = [self._read_without(shard, self._replaced) for shard in old]
            if self._pending:
                tables.append(codes_table(self._pending.values(), self._schema))
            self._commit(tables, old, takes_pending=True)
        self._since_cut = self._rows_since_cut = 0

    def close(self) -> None:
        """Write what is in hand, merge small shards, mark the dataset complete, release the lock."""
        if self._closed:
            return
        self._closed = True
        try:
            self.flush()
            if self._unwritten_failures:
                self._commit(all_failures=True)
            self._compact()
            if not self._manifest.shards:
                # Readers of data/ need one file to find the columns in.
                self._commit([self._schema.empty_table()])
            if not (self._folder / FAILURES_NAME).exists():
                self._write_failures()
            if not self._manifest.complete:
                complete = replace(self._manifest, complete=True)
                complete.write(self._folder)
                self._manifest = complete
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or self._closed:
            self.close()
            return
        self._closed = True
        try:
            if not isinstance(error, StoreError):  # the disk is full: trying again would only hide why
                self.flush()
                if self._unwritten_failures:
                    self._commit(all_failures=True)
        except StoreError as second:
            error.add_note(f"Besides, the codes in hand could not be written: {second}")
        finally:
            self._lock.release()

    def _commit(
        self,
        tables: Sequence[pa.Table] = (),
        remove: tuple[Shard, ...] = (),
        *,
        takes_pending: bool = False,
        all_failures: bool = False,
    ) -> None:
        """Put tables in the place of some shards, with all steps in the order that survives a kill."""
        added: list[tuple[Shard, pa.Table]] = []
        manifest = self._manifest
        for table in tables:
            if table.num_rows > 0 or not manifest.shards:
                shard = write_shard(self._folder, manifest.next_name(), table)
                manifest = manifest.changed(add=(shard,))
                added.append((shard, table))
        if added:  # the empty shard of a dataset without images goes when there is a real one
            remove = (*remove, *(shard for shard in self._manifest.shards if not shard.rows))
        if all_failures or self._replaced or self._are_failures_due():
            self._write_failures()
        manifest = manifest.changed(remove=remove)
        manifest.write(self._folder)
        # No call in between: an interrupt comes before all or after all, and never writes rows twice.
        self._manifest = manifest
        self._pending, self._replaced = ({}, set()) if takes_pending else (self._pending, self._replaced)
        self._index.forget(remove)
        for shard, table in added:
            self._index.learn(shard.name, table)
        self._remove(remove)

    def _forget_failure(self, key: str) -> None:
        if self._failures.pop(key, None) is not None:
            self._unwritten_failures += 1

    def _are_failures_due(self) -> bool:
        """Tell whether so many failures are new that the file, which is written whole, is written now.

        With each shard it would take a time that grows with the square of their number. A job that is killed
        tries those again that the file lacks.
        """
        return self._unwritten_failures * 4 > self._written_failures

    def _write_failures(self) -> None:
        data = memoryview(to_parquet(failures_table(self._failures.values())))
        atomic_write(self._folder / FAILURES_NAME, data, temporary=self._folder / f".{FAILURES_NAME}.tmp")
        self._written_failures, self._unwritten_failures = len(self._failures), 0

    def _read_shard(self, shard: Shard, columns: list[str] | None) -> pa.Table:
        # What is only looked at is not hashed; what is written again is, lest damage get a hash of its own.
        sha256 = shard.sha256 if columns is None else None
        path = self._folder / "data" / shard.name
        return read_parquet(path, columns, shard.rows, RESTORE_SHARD, sha256=sha256)

    def _read_without(self, shard: Shard, gone: set[str]) -> pa.Table:
        table = self._read_shard(shard, None)
        return table.filter(pa.array([key not in gone for key in table.column("image").to_pylist()]))

    def _shards_of(self, keys: Iterable[str]) -> list[Shard]:
        names = self._index.shards_of(keys)
        return [shard for shard in self._manifest.shards if shard.name in names]

    def _remove(self, shards: tuple[Shard, ...]) -> None:
        data = self._folder / "data"
        with writing_errors(data):
            for shard in shards:
                (data / shard.name).unlink(missing_ok=True)
            if shards:
                sync_folder(data)

    def _compact(self) -> None:
        """Merge shards that are less than half full, where there are many: nightly jobs leave them."""
        half = self._shard_images // 2, SHARD_ROWS // 2
        small = [shard for shard in self._manifest.shards if shard.images < half[0] and shard.rows < half[1]]
        if len(small) < COMPACT_FROM:
            return
        group: list[Shard] = []
        for shard in [*small, None]:
            images, rows = sum(s.images for s in group), sum(s.rows for s in group)
            if shard is None or images + shard.images > self._shard_images or rows + shard.rows > SHARD_ROWS:
                if len(group) > 1:
                    merged = pa.concat_tables([self._read_shard(s, None) for s in group])
                    ordered = merged.sort_by([("image", "ascending"), ("view", "ascending")])
                    self._commit([ordered], tuple(group))
                group = []
            if shard is not None:
                group.append(shard)


def _without_lost(folder: Path, manifest: Manifest) -> Manifest:
    """Let go of shards whose file somebody deleted, as a damaged one: their images are embedded again."""
    lost = tuple(shard for shard in manifest.shards if not (folder / "data" / shard.name).exists())
    if lost:
        manifest = manifest.changed(remove=lost)
        manifest.write(folder)  # before their names are used again
    return manifest
