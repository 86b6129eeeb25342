"""What is wrong where a shard is not what was written: it, the manifest, or that it is another dataset's."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cnncodes.disk import parse_json
from cnncodes.errors import DamagedManifest, StoreError, sentence
from cnncodes.store.entries import MANIFEST_NAME, Shard
from cnncodes.store.manifest import Manifest, damaged_manifest, parse_rows
from cnncodes.store.schema import METADATA_KEY, read_parquet
from cnncodes.store.unread import REPLACE_SHARD, UnreadError, check_regular, check_shortage

#: What a file raises that says nothing of its rows.
_NOTHING = (MemoryError, OSError, ValueError, TypeError, KeyError, StoreError, pa.ArrowException)


def describe_shard(file: Path) -> dict[str, Any] | None:
    """Return what a shard says of its rows, as `Manifest.describe_rows` gave it; None of an older version."""
    check_regular(file)
    with pq.ParquetFile(file) as opened:
        text = (opened.metadata.metadata or {}).get(METADATA_KEY)
    return None if text is None else dict(parse_json(text))


def find_miscount(folder: Path, shard: Shard, table: pa.Table | None = None) -> DamagedManifest | None:
    """Return what is wrong with the manifest where it miscounts a file that has the hash it names.

    Parameters
    ----------
    folder : Path
    shard : Shard
    table : pyarrow.Table, optional
        What `load_shard` gave, where that is at hand.
    """
    file = folder / "data" / shard.name
    try:
        if table is None:
            table = read_parquet(file, ["image"], None, "", sha256=shard.sha256)
        images = table.column("image")
        counts = {"bytes": file.stat().st_size, "rows": len(images), "images": len(images.unique())}
    except (StoreError, OSError):
        return None  # it is the file that is wrong
    for name, found in counts.items():
        said = getattr(shard, name)
        if said not in (found, None):  # format 1 names no bytes
            told = f"it says that {shard.name} has {said} {name}. It has {found}, and the hash that is named"
            return damaged_manifest(folder / MANIFEST_NAME, told)
    return None


def _read_own(file: Path) -> Manifest | None:
    """Return what a shard says of its rows; None where it cannot be read, or is of an older version."""
    try:
        about = describe_shard(file)
        return None if about is None else parse_rows(about)
    except _NOTHING as why:
        check_shortage(file, why)
        return None


def find_contradiction(folder: Path, manifest: Manifest) -> DamagedManifest | None:
    """Return what is wrong with a manifest that none of the shards agrees with on what its rows are.

    They are asked until one agrees. One that cannot be read, or is of an older version, says nothing.
    """
    told = ""
    for shard in manifest.shards:
        own = _read_own(folder / "data" / shard.name)
        if own is None:
            continue
        differing = own.contradictions(manifest, (shard.name, MANIFEST_NAME))
        if not differing:
            return None
        told = told or f"{shard.name} says otherwise of its rows than it does: {'; '.join(differing)}"
    return damaged_manifest(folder / MANIFEST_NAME, told) if told else None


def find_strangeness(folder: Path, manifest: Manifest, shard: Shard) -> str:
    """Return in what a sound shard is another dataset's, in words that follow its name; "" if it is not."""
    file = folder / "data" / shard.name
    own = _read_own(file)
    differing = [] if own is None else own.contradictions(manifest, (shard.name, MANIFEST_NAME))
    if own is None or not differing:
        return ""
    try:
        read_parquet(file, own.schema.names, None, "")
    except _NOTHING as why:
        check_shortage(file, why)
        return ""
    # Another precision or network has another hash, which tells a reader nothing besides.
    telling = [line for line in differing if not line.startswith("backbone_sha256")] or differing
    return f"is a shard of another dataset: {'; '.join(telling)}"


def blame(error: StoreError, folder: Path, shard: Shard) -> StoreError:
    """Return the error of what is wrong: the shard, what the manifest says of it, or that it is another's."""
    if isinstance(error, UnreadError):
        return error
    if miscount := find_miscount(folder, shard):
        return miscount
    with contextlib.suppress(StoreError):  # of the manifest: then it is not that which was asked for
        if strange := find_strangeness(folder, Manifest.read(folder), shard):
            return StoreError(f"{folder / 'data' / shard.name} {sentence(strange)} {REPLACE_SHARD}")
    return error
