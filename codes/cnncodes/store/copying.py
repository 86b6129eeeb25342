"""Rows of images whose content is stored already: those of the stored one, under another name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from cnncodes.errors import UsageError
from cnncodes.store.entries import Shard
from cnncodes.store.index import Index
from cnncodes.store.lending import Loans
from cnncodes.store.records import LABELS, ImageCopy
from cnncodes.store.shard_files import ShardFiles

#: Columns that tell images of one content apart.
_OWN = {"image": "key", "size": "size", "mtime": "mtime_ns"} | {name: name for name in LABELS}


def copy_rows(
    copies: Iterable[ImageCopy], index: Index, shards: Iterable[Shard], files: ShardFiles, loans: Loans
) -> list[pa.Table]:
    """Return the rows of copies, exact to the bit; each shard that has them is read once.

    Raises
    ------
    UsageError
        If no image of that content is stored.
    StoreError
        If a shard is damaged.
    """
    wanted: dict[str, list[tuple[str, ImageCopy]]] = {}
    found: list[pa.Table] = []
    for copy in copies:
        if (original := index.find(copy.content)) is not None:
            [name] = index.shards_of([original])
            wanted.setdefault(name, []).append((original, copy))
        elif (kept := loans.read(copy.content)) is not None:
            found.append(_take_rows(kept, [(kept.column("image")[0].as_py(), copy)]))
        else:
            raise UsageError(f"no image with the content of {copy.key!r} is stored.")
    found += [_take_rows(files.read(shard), wanted[shard.name]) for shard in shards if shard.name in wanted]
    return found


def _take_rows(table: pa.Table, pairs: list[tuple[str, ImageCopy]]) -> pa.Table:
    keys = np.array(table.column("image").to_pylist(), object)
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    places = dict(zip(keys[starts], zip(starts, np.append(starts[1:], len(keys)), strict=True), strict=True))
    found = [places[original] for original, _ in pairs]
    rows = table.take(pa.array(np.concatenate([np.arange(start, stop) for start, stop in found])))
    counts = [stop - start for start, stop in found]
    for column, attribute in _OWN.items():
        values: list[Any] = [getattr(copy, attribute) for _, copy in pairs]
        repeated = np.repeat(np.arange(len(pairs)), counts).tolist()
        field = table.schema.field(column)
        array = pa.array([values[position] for position in repeated], field.type)
        rows = rows.set_column(table.schema.get_field_index(column), field, array)
    return rows
