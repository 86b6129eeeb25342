"""Reading a codes dataset: what its manifest names, as arrays."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cnncodes.errors import StoreError, check_path
from cnncodes.store.blaming import blame
from cnncodes.store.columns import RowColumns
from cnncodes.store.entries import FAILURES_NAME
from cnncodes.store.manifest import Manifest
from cnncodes.store.schema import FAILURES_SCHEMA, code_arrays, is_code, read_parquet
from cnncodes.store.selection import choose_layers, list_layers
from cnncodes.store.shards import load_shard, read_manifest
from cnncodes.store.unread import RESTORE_FAILURES, RESTORE_SHARD, hash_file, refuse_hash

if TYPE_CHECKING:
    from cnncodes.views import ViewPlan


@dataclass(frozen=True, eq=False, repr=False)
class Codes(RowColumns):
    """Stored codes: one row a view of an image, sorted by image and view.

    Attributes
    ----------
    X : ndarray of float32, shape (n_rows, code_size)
    failures : pyarrow.Table
        Images that could not be used: columns image, stage, reason, size, mtime, limited_by, limited_to and
        codes_kept, which is true of those whose codes from before are among the rows.
    manifest : Manifest
    path : Path
    rows : pyarrow.Table
        All columns but the codes.
    plan : dict
        The view plan that the rows stand for, as its ``to_dict`` gives it; the rows' view numbers are those
        of the plan in `manifest`, which holds all that was embedded.
    """

    X: npt.NDArray[np.float32]
    failures: pa.Table
    manifest: Manifest
    path: Path
    rows: pa.Table
    plan: dict[str, Any]

    def select(
        self,
        *,
        split: str | Collection[str] | None = None,
        views: str | int | ViewPlan | Collection[str | int] | None = None,
        labelled: bool | None = None,
        layers: str | Sequence[str] | None = None,
    ) -> Codes:
        """Return some of the rows, in the same order, or a part of their codes.

        Parameters
        ----------
        split : str or collection of str, optional
            Parts to keep.
        views : str, int, ViewPlan, or collection of str and int, optional
            Views to keep: a plan that is part of the stored one (``"center"``, ``"tencrop"``, ``"train:2"``),
            or single views by name (``"256/center"``) or number.
        labelled : bool, optional
            Keep only images with (True) or without (False) a label.
        layers : str or sequence of str, optional
            Layers whose codes to keep, in this order, of a dataset that has several: ``"a"``, ``"a,b"`` or a
            list.

        Raises
        ------
        SourceError
            If there is no such part at all.
        UsageError
            If there is no such view or layer.
        """
        keep, plan = self._find_rows(split, views, labelled)
        rows = replace(self, X=self.X[keep], rows=self.rows.filter(pa.array(keep)), plan=plan)
        return rows if layers is None else rows._keep_layers(list_layers(layers))

    def _keep_layers(self, wanted: Sequence[str]) -> Codes:
        parts = self.manifest.parts
        manifest = choose_layers(self.manifest, wanted)
        if manifest is self.manifest:
            return self
        stops = dict(zip(parts, np.cumsum(list(parts.values())).tolist(), strict=True))
        X = np.concatenate([self.X[:, stops[name] - parts[name] : stops[name]] for name in wanted], axis=1)
        return replace(self, X=X, manifest=manifest)

    def to_arrow(self) -> pa.Table:
        """Return all columns as they are on disk, codes included."""
        schema = self.manifest.schema
        codes = code_arrays(self.X.astype(self.manifest.dtype), schema)
        return pa.Table.from_arrays([*self.rows.columns, *codes], schema=schema)

    def verify(self) -> None:
        """Compare every file with its hash; see `verify_codes`."""
        verify_codes(self.path)


def read_codes(path: str | Path) -> Codes:
    """Read a codes dataset.

    Every file is compared with its hash in the manifest. Rows come sorted by image and
    view, however the job was interrupted and gone on with.

    Parameters
    ----------
    path : path
        Folder that `embed` wrote; one that is being written gives what is finished.

    Returns
    -------
    Codes

    Raises
    ------
    StoreError
        If it is no codes dataset, is of a newer format, or a file is missing or damaged; the text
        names the file.
    """
    check_path(path, "the path of the codes")
    folder = Path(path)
    manifest = read_manifest(folder)
    while True:
        try:
            return _read(folder, manifest)
        except StoreError:
            # A writer that replaces shards removes the old ones: then there is a newer manifest.
            newer = read_manifest(folder)
            if newer == manifest:
                raise
            manifest = newer


def _read(folder: Path, manifest: Manifest) -> Codes:
    schema = manifest.schema
    codes = np.empty((sum(shard.rows for shard in manifest.shards), manifest.space.code_size), np.float32)
    rest = pa.schema([column for column in schema if not is_code(column.name)])
    columns = [column for column in schema if is_code(column.name)]
    tables, start = [], 0
    for shard in manifest.shards:
        file = folder / "data" / shard.name
        table = load_shard(folder, shard, schema.names)
        _fill(codes[start : start + len(table)], table, columns, file)
        start += len(table)
        tables.append(table.select(rest.names).cast(rest))
    rows = pa.concat_tables(tables) if tables else rest.empty_table()
    order = pc.sort_indices(rows, sort_keys=[("image", "ascending"), ("view", "ascending")]).to_numpy()
    if np.any(np.diff(order.astype(np.int64)) < 0):  # one finished job is in order already: no second copy
        codes, rows = codes[order], rows.take(pa.array(order))
    return Codes(codes, read_failures(folder), manifest, folder, rows.combine_chunks(), manifest.views.plan)


def _fill(codes: npt.NDArray[np.float32], table: pa.Table, columns: list[pa.Field[Any]], file: Path) -> None:
    """Put a shard's columns of codes side by side into an array."""
    left = 0
    for column in columns:
        wanted: Any = column.type
        if table.schema.field(column.name).type != wanted or table.column(column.name).null_count:
            raise StoreError(f"{file} is damaged: its codes are no {wanted}. {RESTORE_SHARD}")
        right, start = left + wanted.list_size, 0
        chunks: list[Any] = table.column(column.name).chunks
        for chunk in chunks:
            values = chunk.flatten().to_numpy(zero_copy_only=False).reshape(len(chunk), right - left)
            codes[start : start + len(chunk), left:right] = values
            start += len(chunk)
        left = right


def read_failures(folder: Path) -> pa.Table:
    """Read the failures of a dataset; none where the first job has not got that far."""
    path = folder / FAILURES_NAME
    if not path.exists():
        return FAILURES_SCHEMA.empty_table()
    needed = [field.name for field in FAILURES_SCHEMA if not field.nullable]
    table = read_parquet(path, None, None, RESTORE_FAILURES, needs=needed)
    for field in FAILURES_SCHEMA:
        if field.name not in table.column_names:  # as it was written before they were kept
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table.select(FAILURES_SCHEMA.names)


def verify_codes(path: str | Path) -> int:
    """Compare each shard of a dataset with the hash that the manifest names.

    Returns
    -------
    int
        How many files were compared.

    Raises
    ------
    StoreError
        If a file is missing or differs, or the manifest says otherwise of the rows than the files do; the
        text names it, and both hashes.
    """
    check_path(path, "the path of the codes")
    folder = Path(path)
    manifest = read_manifest(folder)
    for shard in manifest.shards:
        file = folder / "data" / shard.name
        if (found := hash_file(file)) != shard.sha256:
            raise blame(refuse_hash(file, found, shard.sha256), folder, shard)
    return len(manifest.shards)
