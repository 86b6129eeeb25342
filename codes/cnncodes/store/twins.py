"""Images that several datasets hold: one and the same, or two of one name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa

from cnncodes.errors import StoreError
from cnncodes.store.manifest import Manifest
from cnncodes.store.records import LABELS
from cnncodes.store.schema import is_code
from cnncodes.store.shards import code_matrix, find_rows, image_starts, look_into_shard, read_shard

#: Not compared: a copy of an image is the same image, whenever it was made.
_PASSED_OVER = "mtime"
#: What an error names before all else, in this order.
_TELLING = ("content", *LABELS)


class Twins:
    """Keeps an image that several datasets hold once, and refuses it where it is not one and the same.

    Parameters
    ----------
    datasets : sequence of (Path, Manifest)
    shared : set of str
        The keys of these images: of all others nothing is kept in mind.
    """

    def __init__(self, datasets: Sequence[tuple[Path, Manifest]], shared: set[str]) -> None:
        self.shared = shared
        self._datasets = datasets
        self._first: dict[str, tuple[int, bytes]] = {}

    def drop_known(self, table: pa.Table, number: int) -> pa.Table:
        """Return the rows of a shard of the dataset of that number, less those that were there already.

        Raises
        ------
        StoreError
            If an image was there already and is another one here; the text says what differs.
        """
        if not self.shared:
            return table
        if not find_rows(table, "image", self.shared).any():
            return table
        starts, keep = image_starts(table), np.ones(table.num_rows, dtype=bool)
        images = table.column("image")
        for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            key = str(images[start].as_py())
            if key not in self.shared:
                continue
            rows = table.slice(start, stop - start)
            found = _digest(rows)
            if key not in self._first:
                self._first[key] = number, found
                continue
            first, digest = self._first[key]
            if digest != found:
                self._refuse(key, first, number, rows)
            keep[start:stop] = False
        return table.filter(pa.array(keep))

    def _refuse(self, key: str, first: int, second: int, rows: pa.Table) -> NoReturn:
        what = _name_difference(self._find_rows(key, first), rows)
        same = ", embed one again from the table of the other" if what.startswith(LABELS) else ""
        raise StoreError(
            f"the image {key!r} is in {self._datasets[first][0]} and in {self._datasets[second][0]}, and its"
            f" {what}. Nothing was written: leave it out of one of them (`cnncodes codes"
            f" select --images`){same}, or embed both sources such that names differ: from a folder above"
            " them, or from tables with a column of paths of their own."
        )

    def _find_rows(self, key: str, number: int) -> pa.Table:
        folder, manifest = self._datasets[number]
        for shard in manifest.shards:
            if find_rows(look_into_shard(folder, manifest, shard, ["image"]), "image", {key}).any():
                table = read_shard(folder, manifest, shard)
                return table.filter(pa.array(find_rows(table, "image", {key})))
        return manifest.schema.empty_table()


def _name_difference(before: pa.Table, rows: pa.Table) -> str:
    """Say in which column an image's rows differ, and in what where a reader can tell."""
    if len(before) != len(rows):
        return f"number of views differs ({len(before)} against {len(rows)})"
    rest = [name for name in rows.column_names if name not in (*_TELLING, _PASSED_OVER)]
    name = next(name for name in (*_TELLING, *rest) if _values(before, name) != _values(rows, name))
    if name not in _TELLING:
        return f"{name} differs"
    return f"{name} differs ({_values(before, name)[0]!r} against {_values(rows, name)[0]!r})"


def _values(rows: pa.Table, name: str) -> list[object]:
    return list(rows.column(name).to_pylist())


def _digest(rows: pa.Table) -> bytes:
    """Return a hash of all that an image's rows say, but for what is passed over."""
    digest = hashlib.blake2b(digest_size=16)
    for name in rows.column_names:
        if name != _PASSED_OVER and not is_code(name):
            digest.update(repr((name, _values(rows, name))).encode())
    digest.update(code_matrix(rows).tobytes())
    return digest.digest()
