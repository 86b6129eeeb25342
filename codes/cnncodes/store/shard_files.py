"""The files in ``data/``: written whole, read with care, and which of them are worth merging."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from cnncodes.disk import sync_folder
from cnncodes.errors import StoreError
from cnncodes.store.entries import Shard
from cnncodes.store.files import writing_errors
from cnncodes.store.index import INDEXED
from cnncodes.store.locking import WriterLock
from cnncodes.store.manifest import Manifest
from cnncodes.store.shards import SHARD_ROWS, find_rows, load_shard, look_at_shard, write_shard
from cnncodes.store.unread import is_there

#: So many shards that are less than half full are merged when a job ends.
COMPACT_FROM = 8


class ShardFiles:
    """The shards of a dataset in a folder, whose lock is asked before one is put there."""

    def __init__(self, folder: Path, lock: WriterLock) -> None:
        self._folder, self._lock = folder, lock
        self._data = folder / "data"

    def write(self, manifest: Manifest, table: pa.Table) -> Shard:
        """Write the next shard."""
        return write_shard(self._folder, manifest, table, check=self._lock.check)

    def exists(self, shard: Shard) -> bool:
        """Tell whether its file is there: somebody may have deleted it."""
        return is_there(self._data / shard.name)

    def read(self, shard: Shard) -> pa.Table:
        """Read a shard that is written again: compared with its hash, lest damage get a hash of its own."""
        return load_shard(self._folder, shard, None)

    def read_indexes(self, shards: Sequence[Shard]) -> Iterator[tuple[Shard, pa.Table]]:
        """Yield each shard with the columns that an index is made of.

        To hash all codes each night would take too long.

        Raises
        ------
        StoreError
            If one is missing or seen to be damaged; the text says how many more are.
        """
        for number, shard in enumerate(shards, 1):
            try:
                table = self._read_index(shard)
            except StoreError as error:
                raise self._count_more(error, shards[number:]) from None
            yield shard, table

    def _read_index(self, shard: Shard) -> pa.Table:
        return look_at_shard(self._folder, shard, list(INDEXED))

    def _count_more(self, error: StoreError, rest: Sequence[Shard]) -> StoreError:
        """Return an error that says how many shards besides cannot be used."""
        more = 0
        for shard in rest:
            try:
                self._read_index(shard)
            except StoreError:
                more += 1
        command = f"cnncodes codes verify {shlex.quote(str(self._folder))}"
        told = f" {more} more of its shards cannot be used: `{command}` lists them."
        return type(error)(f"{error}{told}") if more else error

    def read_without(self, shard: Shard, gone: Collection[str]) -> pa.Table:
        """Read a shard's rows but for those of some images."""
        return self.split(shard, gone)[0]

    def split(self, shard: Shard, gone: Collection[str]) -> tuple[pa.Table, pa.Table]:
        """Read a shard's rows but for those of some images, and those."""
        table = self.read(shard)
        found = find_rows(table, "image", gone)
        return table.filter(pa.array(~found)), table.filter(pa.array(found))

    def remove(self, shards: Collection[Shard]) -> None:
        """Delete the files of shards that the manifest no longer names."""
        self._lock.check()
        with writing_errors(self._data):
            for shard in shards:
                (self._data / shard.name).unlink(missing_ok=True)
            if shards:
                sync_folder(self._data)


def group_small(shards: Iterable[Shard], shard_images: int) -> Iterator[list[Shard]]:
    """Yield groups of shards to merge, where many are less than half full: nightly jobs leave them."""
    half = shard_images // 2, SHARD_ROWS // 2
    small = [shard for shard in shards if shard.images < half[0] and shard.rows < half[1]]
    if len(small) < COMPACT_FROM:
        return
    group: list[Shard] = []
    for shard in small:
        images, rows = sum(s.images for s in group), sum(s.rows for s in group)
        if group and (images + shard.images > shard_images or rows + shard.rows > SHARD_ROWS):
            if len(group) > 1:
                yield group
            group = []
        group.append(shard)
    if len(group) > 1:
        yield group
