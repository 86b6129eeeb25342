"""Codes that are read a block at a time, and again in each pass: for those that do not fit in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cnncodes.arguments import is_positive
from cnncodes.errors import UsageError, check_path
from cnncodes.store.columns import RowColumns
from cnncodes.store.manifest import Manifest
from cnncodes.store.records import LABELS
from cnncodes.store.schema import name_column
from cnncodes.store.selection import choose_layers, list_layers
from cnncodes.store.shards import iterate_codes, look_into_shard, read_manifest

if TYPE_CHECKING:
    from cnncodes.views import ViewPlan

#: Bytes of the codes of a block, as float32.
BLOCK_BYTES = 16 << 20
#: What is read of rows whose codes are not.
_COLUMNS = ("image", *LABELS, "view", "view_name", "content")


@dataclass(frozen=True, eq=False, repr=False)
class CodeBlocks(RowColumns):
    """Stored codes that stay on disk; of their rows all else is in memory, about 100 bytes each.

    Attributes
    ----------
    manifest : Manifest
        That of the rows: with fewer layers where some were selected.
    rows : pyarrow.Table
        Columns image, label, split, group, view, view_name and content, in the order of the files.
    plan : dict
        The view plan that the rows stand for.
    path : Path
    stored : Manifest
        The dataset as it was opened; in each pass every file that is read is compared with its hash here.
    places : ndarray of int64, shape (n_rows,)
        Rising positions of the rows in the dataset, file after file.
    """

    manifest: Manifest
    rows: pa.Table
    plan: dict[str, Any]
    path: Path
    stored: Manifest
    places: npt.NDArray[np.int64]

    def select(
        self,
        *,
        split: str | Collection[str] | None = None,
        views: str | int | ViewPlan | Collection[str | int] | None = None,
        labelled: bool | None = None,
        layers: str | Sequence[str] | None = None,
    ) -> CodeBlocks:
        """Return some of the rows, or a part of their codes; parameters and errors as of `Codes.select`."""
        keep, plan = self._find_rows(split, views, labelled)
        manifest = self.manifest if layers is None else choose_layers(self.manifest, list_layers(layers))
        return replace(self.take(keep), manifest=manifest, plan=plan)

    def take(self, keep: npt.NDArray[np.bool_]) -> CodeBlocks:
        """Return the rows where `keep`, bool ``[n_rows]``, is true."""
        rows = self.rows if keep.all() else self.rows.filter(pa.array(keep)).combine_chunks()
        return replace(self, rows=rows, places=self.places[keep])

    @property
    def code_bytes(self) -> int:
        """What the codes would take as float32."""
        return len(self) * self.space.code_size * 4

    def blocks(self, nbytes: int = BLOCK_BYTES) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        """Yield the codes of all rows in turn, as float32, `nbytes` at a time, whatever rows a file has.

        Besides, the bytes of one file are held. Files of which no row is wanted are not read.

        Yields
        ------
        start : int
            Position of the block's first row among the rows.
        codes : ndarray of float32, shape (n, code_size)

        Raises
        ------
        StoreError
            If a file is missing or damaged, or the dataset was changed since it was opened.
        UsageError
            If a code is not finite; the text names file, row and image. If `nbytes` is no number above 0.
        """
        if not is_positive(nbytes):
            raise UsageError(f"nbytes must be a whole number above 0. Got {nbytes!r} instead.")
        most = max(1, min(len(self), int(nbytes) // (4 * self.space.code_size)))
        begin = filled = 0
        block = self._make_block(most, begin)
        for _, codes in self._pieces(most):
            taken = 0
            while taken < len(codes):
                part = codes[taken : taken + len(block) - filled]
                block[filled : filled + len(part)] = part
                taken, filled = taken + len(part), filled + len(part)
                if filled == len(block):
                    yield begin, block
                    begin, filled = begin + filled, 0
                    block = self._make_block(most, begin)
        pa.default_memory_pool().release_unused()

    def _make_block(self, most: int, begin: int) -> npt.NDArray[np.float32]:
        return np.empty((min(most, len(self) - begin), self.space.code_size), np.float32)

    def _pieces(self, most: int) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        """Yield position and codes of rows, as files have them."""
        columns = [name_column(layer) for layer in self.manifest.parts]
        for number, shard in enumerate(self.stored.shards):
            first = int(self._starts[number])
            low, high = np.searchsorted(self.places, [first, first + shard.rows]).tolist()
            if low == high:
                continue
            local = self.places[low:high] - first
            done = 0
            for start, codes in iterate_codes(self.path, self.stored, shard, columns, most):
                last = int(np.searchsorted(local, start + len(codes)))
                if last > done:
                    wanted = codes if last - done == len(codes) else codes[local[done:last] - start]
                    self._check_finite(wanted, low + done, local[done:last], shard.name)
                    yield low + done, wanted
                done = last

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        return np.cumsum([0, *(shard.rows for shard in self.stored.shards)])

    def _check_finite(
        self, codes: npt.NDArray[np.float32], start: int, local: npt.NDArray[np.int64], name: str
    ) -> None:
        finite = np.isfinite(codes).all(axis=1)
        if finite.all():
            return
        bad = int(np.flatnonzero(~finite)[0])
        key = self.rows.column("image")[start + bad].as_py()
        raise UsageError(
            f"row {int(local[bad])} of {self.path / 'data' / name}, of the image {key!r}, holds NaN or"
            " infinity: embed it again, in float32 where its codes are beyond float16, or leave it out."
        )


def open_codes(path: str | Path) -> CodeBlocks:
    """Open a codes dataset without reading its codes, to select rows and fit on them block by block.

    Parameters
    ----------
    path : path
        Folder that `embed` wrote; one that is being written gives what is finished.

    Returns
    -------
    CodeBlocks
        For `ImageClassifier.fit_codes`.

    Raises
    ------
    StoreError
        If it is no codes dataset, is of a newer format, or a file is missing or seen to be damaged: whole
        files are compared with their hashes as their codes are read.
    """
    check_path(path, "the path of the codes")
    folder = Path(path)
    manifest = read_manifest(folder)
    kept = pa.schema([column for column in manifest.schema if column.name in _COLUMNS])
    tables = [
        look_into_shard(folder, manifest, shard, kept.names).select(kept.names).cast(kept)
        for shard in manifest.shards
    ]
    rows = pa.concat_tables(tables).combine_chunks() if tables else kept.empty_table()
    return CodeBlocks(manifest, rows, manifest.views.plan, folder, manifest, np.arange(rows.num_rows))


def number_values(column: Any) -> tuple[npt.NDArray[np.int64], pa.Array[Any]]:
    """Return for each text of a column its rank among the different ones, and these, sorted.

    Examples
    --------
    >>> ranks, names = number_values(pa.chunked_array([["b", "a", "b"]]))
    >>> ranks.tolist(), names.to_pylist()
    ([1, 0, 1], ['a', 'b'])
    """
    encoded: Any = column.combine_chunks().dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks[encoded.indices.to_numpy()], encoded.dictionary.take(pa.array(order))
