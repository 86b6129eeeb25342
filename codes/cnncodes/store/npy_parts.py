"""Codes as NumPy files beside Parquet files of metadata, in the layout of clip-retrieval."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from cnncodes.disk import sync_folder
from cnncodes.store.files import atomic_write, writing_errors
from cnncodes.store.schema import is_code, to_parquet
from cnncodes.store.shards import code_matrix


def write_npy(out: Path, tables: Iterable[pa.Table], parts: int) -> None:
    """Write the layout that ``clip-retrieval inference`` writes, and that its ``index`` and ``back`` read.

    ``img_emb/img_emb_0.npy`` holds the codes of the first shard, as they are stored, those of several layers
    side by side; ``metadata/metadata_0.parquet`` holds their other columns, in the same order, with the
    image's key as ``image_path``. Readers take the files by their sorted names, so all numbers have as many
    digits.

    Parameters
    ----------
    out : Path
        Made here; it must not exist.
    tables : iterable of pyarrow.Table
        Of the shards, none of them empty.
    parts : int
        How many they are.
    """
    with writing_errors(out, alone=True):
        (out / "img_emb").mkdir(parents=True)
        (out / "metadata").mkdir()
    digits = len(str(parts))
    for number, table in enumerate(tables):
        name = str(number).zfill(digits)
        _write_array(out / "img_emb" / f"img_emb_{name}.npy", table)
        rest = table.select([column for column in table.column_names if not is_code(column)])
        rest = rest.rename_columns(["image_path", *rest.column_names[1:]])
        data = memoryview(to_parquet(rest))
        atomic_write(out / "metadata" / f"metadata_{name}.parquet", data, alone=True)
    with writing_errors(out, alone=True):
        sync_folder(out / "img_emb")
        sync_folder(out)


def _write_array(path: Path, table: pa.Table) -> None:
    array = np.ascontiguousarray(code_matrix(table))
    with writing_errors(path, alone=True), open(path, "xb") as file:
        # Not by numpy.save, whose error does not say that a disk is full.
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)
        file.flush()
        os.fsync(file.fileno())
