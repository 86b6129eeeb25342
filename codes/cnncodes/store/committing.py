"""Changing what a dataset holds: shards, failures and manifest, in an order that survives a kill."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from cnncodes.errors import StoreError, agree, count, name_some
from cnncodes.store.entries import Shard
from cnncodes.store.failing import FailureLog
from cnncodes.store.index import Index
from cnncodes.store.locking import WriterLock
from cnncodes.store.manifest import Manifest
from cnncodes.store.shard_files import ShardFiles


class _Step(NamedTuple):
    manifest: Manifest
    added: Sequence[tuple[Shard, pa.Table]]
    removed: tuple[Shard, ...]
    when_done: Callable[[], None]


class Committer:
    """What a dataset holds, in memory as on disk.

    Parameters
    ----------
    folder : Path
    manifest : Manifest
        The one on disk.
    lock : WriterLock
        Of the folder: asked before each change whether it still keeps others out.

    Attributes
    ----------
    files : ShardFiles
    index : Index
    failures : FailureLog
    """

    def __init__(self, folder: Path, manifest: Manifest, lock: WriterLock) -> None:
        self.files = ShardFiles(folder, lock)
        self._folder, self._lock = folder, lock
        self._manifest = self._without_lost(manifest)
        self._begun: _Step | None = None
        self.index = Index()
        for shard, table in self.files.read_indexes(self._manifest.shards):
            self.index.learn(shard.name, table)
        self.failures = FailureLog(folder, self.index, self._manifest)

    @property
    def manifest(self) -> Manifest:
        """The manifest that is on disk."""
        self.make_good()
        return self._manifest

    def shards_of(self, keys: Iterable[str]) -> tuple[Shard, ...]:
        """Return the shards that these images lie in."""
        shards = self.manifest.shards
        names = self.index.shards_of(keys)
        return tuple(shard for shard in shards if shard.name in names)

    def commit(
        self,
        tables: Sequence[pa.Table] = (),
        remove: tuple[Shard, ...] = (),
        *,
        with_failures: bool = False,
        when_done: Callable[[], None] = lambda: None,
    ) -> None:
        """Put tables in the place of some shards.

        Shard (temporary name, sync, rename, sync of the folder), failures, manifest, and only then the
        removal of what it replaced. `when_done` is called once the manifest is written, perhaps twice.
        """
        added: list[tuple[Shard, pa.Table]] = []
        old = manifest = self.manifest
        for table in tables:
            if table.num_rows > 0 or not manifest.shards:
                shard = self.files.write(manifest, table)
                manifest = manifest.changed(add=(shard,))
                added.append((shard, table))
        if added:  # the empty shard of a dataset without images goes when there is a real one
            remove = (*remove, *(shard for shard in old.shards if not shard.rows))
        if with_failures or self.failures.due:
            manifest = replace(manifest, codes_kept=self._write_failures(), failures=None)
        self._finish(_Step(manifest.changed(remove=remove), added, remove, when_done))

    def _write_failures(self) -> int:
        """Write the failures, and return of how many images codes are kept.

        At no moment the manifest says too few: one that says too many costs a look at every image. Nor does
        it name a list that is not there any more: of a job that was killed nothing is damaged.
        """
        kept = self.failures.codes_kept
        if kept > self._manifest.codes_kept or self._manifest.failures is not None:
            most = max(kept, self._manifest.codes_kept)
            self._manifest = replace(self._manifest, codes_kept=most, failures=None)
            self._manifest.write(self._folder, check=self._lock.check)
        self.failures.write(self._lock.check)
        return kept

    def complete(self) -> None:
        """Mark the dataset as one whose last job came to its end.

        Raises
        ------
        StoreError
            If a shard was removed meanwhile, or the manifest cannot be written.
        """
        self._check_there()
        failures = self.failures
        completed = replace(
            self.manifest.completed(), codes_kept=failures.codes_kept, failures=failures.listed
        )
        if completed != self._manifest:
            self._finish(_Step(completed, (), (), lambda: None))

    def _check_there(self) -> None:
        self._lock.check()
        lost = [shard for shard in self.manifest.shards if not self.files.exists(shard)]
        if lost:
            raise StoreError(
                f"{name_some([f'data/{shard.name}' for shard in lost], show=str)} of {self._folder}"
                f" {agree(len(lost), 'was')} removed while this job ran, with the codes of"
                f" {count(sum(shard.images for shard in lost), 'image')}. Run the same command again: it"
                " embeds these again."
            )

    def _finish(self, step: _Step) -> None:
        """Write the manifest of a change, and then what follows from it."""
        self._begun = step
        step.manifest.write(self._folder, check=self._lock.check)
        self._end(step)

    def _end(self, step: _Step) -> None:
        """Do in memory what is done on disk; may be begun again where an interrupt came in between."""
        self._manifest = step.manifest
        for shard, table in step.added:
            self.index.learn(shard.name, table)
        step.when_done()
        self.index.forget(step.removed)
        self.files.remove(step.removed)
        self._begun = None

    def make_good(self) -> None:
        """Bring the memory to what is on disk, where an interrupt came between the two."""
        if self._begun is not None:
            step, written = self._begun, Manifest.read(self._folder)
            if written == step.manifest:
                self._end(step)
            self._begun = None

    def _without_lost(self, manifest: Manifest) -> Manifest:
        """Let go of shards whose file somebody deleted, as a damaged one: their images are embedded again."""
        lost = tuple(shard for shard in manifest.shards if not self.files.exists(shard))
        if lost:
            manifest = manifest.changed(remove=lost)
            manifest.write(self._folder, check=self._lock.check)  # before their names are used again
        return manifest
