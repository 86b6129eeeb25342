"""One shard of a dataset, read and written whole."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cnncodes.errors import StoreError, sentence
from cnncodes.store.blaming import blame, find_contradiction
from cnncodes.store.entries import Shard
from cnncodes.store.files import Check, atomic_write
from cnncodes.store.manifest import Manifest
from cnncodes.store.schema import is_code, read_batches, read_parquet, to_parquet
from cnncodes.store.unread import RESTORE_SHARD, check_damage

#: A shard is cut at this many rows too, which bounds the memory of plans with many views.
SHARD_ROWS = 32_768


def write_shard(
    folder: Path, manifest: Manifest, table: pa.Table, *, alone: bool = False, check: Check | None = None
) -> Shard:
    """Write the next shard of the dataset in `folder`, and return what the manifest is to say of it.

    Parameters
    ----------
    folder : Path
        Of the dataset; its ``data/`` is there.
    manifest : Manifest
        What the dataset holds so far; of its rows the shard says the same.
    table : pyarrow.Table
        Its rows, sorted by image and view.
    alone, check
        As in `atomic_write`.
    """
    name, data = manifest.next_name(), memoryview(to_parquet(table, manifest.describe_rows()))
    atomic_write(folder / "data" / name, data, temporary=folder / f".{name}.tmp", alone=alone, check=check)
    images = len(table.column("image").unique())
    return Shard(name, table.num_rows, images, hashlib.sha256(data).hexdigest(), data.nbytes)


def read_shard(folder: Path, manifest: Manifest, shard: Shard) -> pa.Table:
    """Read all rows of a shard, sorted by image and view, after its file was compared with its hash.

    Raises
    ------
    StoreError
        If it is missing or damaged, or the dataset is another one now than `manifest` says.
    """
    file = folder / "data" / shard.name
    try:
        table = load_shard(folder, shard, manifest.schema.names)
    except StoreError as error:
        raise _explain(error, folder, manifest) from error
    try:
        return sort_rows(table.select(manifest.schema.names).cast(manifest.schema))
    except (pa.ArrowException, MemoryError, ValueError) as error:
        check_damage(file, error)
        reason = " ".join(str(error).split()).rstrip(".")
        raise StoreError(f"{file} is damaged: {sentence(reason)} {RESTORE_SHARD}") from error


def iterate_codes(
    folder: Path, stored: Manifest, shard: Shard, columns: Sequence[str], batch_rows: int
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Yield the codes of a shard, after its file was compared with its hash, some rows at a time.

    Parameters
    ----------
    folder : Path
    stored : Manifest
        What the dataset was when its rows were chosen.
    shard : Shard
    columns : sequence of str
        Columns of codes, that come to stand side by side.
    batch_rows : int

    Yields
    ------
    start : int
        Position of the first row in the shard.
    codes : ndarray of float32, shape (n_rows, code_size)

    Raises
    ------
    StoreError
        If the file is missing or damaged, or the dataset is another one now than `stored` says.
    """
    file, start = folder / "data" / shard.name, 0
    wanted = [(name, stored.schema.field(name).type) for name in columns]
    batches = read_batches(
        file, columns, shard.rows, RESTORE_SHARD, sha256=shard.sha256, batch_rows=batch_rows
    )
    try:
        for batch in batches:
            for name, kind in wanted:
                if batch.schema.field(name).type != kind or batch.column(name).null_count:
                    raise StoreError(f"{file} is damaged: its codes are no {kind}. {RESTORE_SHARD}")
            parts = [_flatten(batch.column(name)) for name, _ in wanted]
            codes = np.concatenate(parts, axis=1, dtype=np.float32, casting="same_kind")
            yield start, codes
            start += len(codes)
    except StoreError as error:
        raise _explain(blame(error, folder, shard), folder, stored) from error


def _flatten(column: Any) -> npt.NDArray[np.floating[Any]]:
    """Return a column of codes as a matrix in the type they are stored in."""
    values = column.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values.reshape(len(column), column.type.list_size))


def load_shard(folder: Path, shard: Shard, columns: Sequence[str] | None) -> pa.Table:
    """Read some columns of a shard, or all, after its file was compared with its hash.

    Raises
    ------
    StoreError
        If it is missing or damaged, or what the manifest says of it is not so.
    """
    try:
        file = folder / "data" / shard.name
        return read_parquet(file, columns, shard.rows, RESTORE_SHARD, sha256=shard.sha256)
    except StoreError as error:
        raise blame(error, folder, shard) from error


def look_at_shard(folder: Path, shard: Shard, columns: list[str]) -> pa.Table:
    """Read some columns of a shard and no codes: compared are its size, and the checksums of what is read.

    Raises
    ------
    StoreError
        If it is missing or seen to be damaged, or what the manifest says of it is not so.
    """
    try:
        file = folder / "data" / shard.name
        return read_parquet(file, columns, shard.rows, RESTORE_SHARD, size=shard.bytes)
    except StoreError as error:
        raise blame(error, folder, shard) from error


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a dataset whose rows are to be read or added to.

    Raises
    ------
    DamagedManifest
        If it is damaged or lost, or none of the shards agrees with it on what its rows are.
    StoreError
        If `folder` is missing, is no codes dataset, or is of a newer format.
    """
    manifest = Manifest.read(folder)
    if contradiction := find_contradiction(folder, manifest):
        raise contradiction
    return manifest


def look_into_shard(folder: Path, manifest: Manifest, shard: Shard, columns: list[str]) -> pa.Table:
    """Do the same; where the dataset is another one now than `manifest` says, the error says that.

    Raises
    ------
    StoreError
        As `read_shard`.
    """
    try:
        return look_at_shard(folder, shard, columns)
    except StoreError as error:
        raise _explain(error, folder, manifest) from error


def _explain(error: StoreError, folder: Path, manifest: Manifest) -> StoreError:
    """Say instead that somebody writes the dataset, where that is why a shard is not what it was."""
    if Manifest.read(folder) == manifest:
        return error
    return StoreError(
        f"{folder} was changed while it was read. Wait for the job that writes it, then run the same command"
        " again."
    )


def sort_rows(table: pa.Table) -> pa.Table:
    """Return rows by image and view; the table itself where they are in order."""
    order = pc.sort_indices(table, sort_keys=[("image", "ascending"), ("view", "ascending")]).to_numpy()
    if np.any(np.diff(order.astype(np.int64)) < 0):
        return table.take(pa.array(order))
    return table


def image_starts(table: pa.Table) -> npt.NDArray[np.int64]:
    """Return the first row of each image of a sorted table, and the number of rows at the end."""
    encoded: Any = table.column("image").combine_chunks().dictionary_encode()
    changes = np.flatnonzero(np.diff(encoded.indices.to_numpy())) + 1
    ends = [] if table.num_rows == 0 else [table.num_rows]
    return np.concatenate([[0], changes, ends]).astype(np.int64)


def find_rows(table: pa.Table, column: str, wanted: Container[str]) -> npt.NDArray[np.bool_]:
    """Tell for each row whether the text in a column is one of those wanted; a null is none."""
    encoded: Any = table.column(column).combine_chunks().dictionary_encode()
    found = [value in wanted for value in encoded.dictionary.to_pylist()]
    # The last place stands for null.
    places = encoded.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)
    rows: npt.NDArray[np.bool_] = np.array([*found, False], dtype=bool)[places]
    return rows


def code_matrix(table: pa.Table) -> npt.NDArray[np.floating[Any]]:
    """Return the codes of a table in the type they are stored in, those of several layers side by side."""
    parts = []
    for name in filter(is_code, table.column_names):
        column: Any = table.column(name).combine_chunks()
        values = column.flatten().to_numpy(zero_copy_only=False)
        parts.append(values.reshape(table.num_rows, column.type.list_size))
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
