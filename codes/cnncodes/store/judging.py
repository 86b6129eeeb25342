"""Which is wrong where a shard is not what the manifest names: the file, or the manifest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cnncodes.errors import count, sentence
from cnncodes.store.blaming import describe_shard, find_strangeness
from cnncodes.store.entries import Shard
from cnncodes.store.leftovers import UnusableError, read_description, read_whole
from cnncodes.store.manifest import Manifest
from cnncodes.store.schema import read_parquet, to_parquet
from cnncodes.store.unread import REPLACE_SHARD, DoubtError, hash_file, is_there, repair_command


@dataclass(frozen=True)
class ShardFault:
    """A shard that is not what a sound manifest names.

    Attributes
    ----------
    name : str
    images : int
        So many it has by the manifest.
    reason : str
        In words that follow its name.
    advice : str
        What to do, in a sentence.
    """

    name: str
    images: int
    reason: str
    advice: str


#: A manifest that names another hash of a sound shard than it has.
WRONG_HASH = "wrong hash"


def judge_shard(folder: Path, manifest: Manifest, shard: Shard) -> ShardFault | str | None:
    """Find out what is wrong with a shard; `WRONG_HASH` where it is the manifest, None where nothing is.

    Parameters
    ----------
    folder : Path
    manifest : Manifest
        One that agrees with at least one of the shards on what the rows are.
    shard : Shard
        One that it names.

    Raises
    ------
    StoreError
        If the file may not be read.
    """
    file = folder / "data" / shard.name
    again = f"the same `cnncodes embed` again: only its {count(shard.images, 'image')} will be embedded anew."
    if not is_there(file):
        advice = f"Restore it from a copy, or run {again}"
        return ShardFault(shard.name, shard.images, "is missing", advice)
    if hash_file(file) == shard.sha256:
        return None
    if strange := find_strangeness(folder, manifest, shard):
        return ShardFault(shard.name, shard.images, strange, REPLACE_SHARD)
    why = "is damaged: it has neither the manifest's hash nor the bytes that its rows have"
    try:
        if _proves_itself(file, manifest, shard):
            return WRONG_HASH
    except UnusableError as error:
        why = str(error)
    return ShardFault(shard.name, shard.images, why, f"Restore it from a copy, or delete it and run {again}")


def settle_doubt(error: DoubtError, folder: Path, manifest: Manifest, shard: Shard) -> str:
    """Return in a line what a shard and the manifest disagree on, which of them is wrong, and what to do."""
    found = judge_shard(folder, manifest, shard)
    if found == WRONG_HASH and (folder / "data" / shard.name).stat().st_size != shard.bytes:
        return (
            f"{folder / 'data' / shard.name} is sound by what it holds, and not the file that the manifest"
            f" names: it may be another dataset's. If it is, {REPLACE_SHARD[0].lower()}{REPLACE_SHARD[1:]} If"
            f" not, the manifest is wrong, and `{repair_command(folder)}` mends it."
        )
    if found == WRONG_HASH:
        told = f"It is the manifest: the file is sound by what it holds. `{repair_command(folder)}` mends it."
        return f"{error.told} {told}"
    if isinstance(found, ShardFault):
        return f"{error.told} It is the file, which {sentence(found.reason)} {found.advice}"
    return str(error)


def _proves_itself(file: Path, manifest: Manifest, shard: Shard) -> bool:
    """Tell whether a shard that has another hash than the manifest says is as it was written.

    The checksums of its pages say nothing of its footer, which has its own description, the statistics and
    where pages lie. So its rows are written anew, and the bytes compared. Another version of Arrow gives
    others: of a file of such a one its pages are believed, where the manifest counts it right.

    Raises
    ------
    UnusableError
        If it is damaged, or of other codes.
    StoreError
        If it may not be read.
    """
    if read_description(file).contradictions(manifest, ("here", "in the manifest")):
        return False
    found, _ = read_whole(file, manifest)
    table = read_parquet(file, manifest.schema.names, None, "")
    about = describe_shard(file)
    for rows in (table, table.cast(manifest.schema)):  # a job writes what it has read with Parquet's numbers
        if hashlib.sha256(memoryview(to_parquet(rows, about))).hexdigest() == found.sha256:
            return True
    counts = (found.rows, found.images, found.bytes)
    return pq.read_metadata(file).created_by != _name_arrow() and counts == (
        shard.rows,
        shard.images,
        shard.bytes,
    )


def _name_arrow() -> str:
    """Return what this version of Arrow writes into its files as their maker."""
    empty = to_parquet(pa.table({"image": pa.array([], pa.string())}))
    return str(pq.read_metadata(pa.BufferReader(empty)).created_by)
