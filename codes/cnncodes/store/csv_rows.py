"""Codes as one CSV file: a row a code, a column a number."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from cnncodes.store.files import writing_errors


def write_csv(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write one row a code, after a line of names.

    The columns are those of the dataset. One that holds several numbers becomes one a number: ``box_0`` to
    ``box_3``, ``code_0`` and so on, those of another layer ``code_NAME_0`` and so on. Numbers have as many
    digits as bring them back to the bit where they are read as float32 (or more) and made the stored type.
    Texts stand in quotes, so that an empty one differs from none at all.

    Parameters
    ----------
    path : Path
        Of the file, which must not exist.
    tables : iterable of pyarrow.Table
        Of the shards; at least one.
    """
    writer: csv.CSVWriter | None = None
    with writing_errors(path, alone=True), open(path, "xb") as file:
        try:
            for table in tables:
                flat = _flatten(table)
                if writer is None:
                    writer = csv.CSVWriter(file, flat.schema)
                writer.write_table(flat)
        finally:
            if writer is not None:
                writer.close()
        file.flush()
        os.fsync(file.fileno())


def _flatten(table: pa.Table) -> pa.Table:
    """Return a table of plain columns."""
    columns: dict[str, pa.Array[Any] | pa.ChunkedArray[Any]] = {}
    for name in table.column_names:
        column: Any = table.column(name)
        if not pa.types.is_fixed_size_list(column.type):
            columns[name] = column
            continue
        column = column.combine_chunks()
        missing = column.is_null().to_numpy(zero_copy_only=False)
        # float16 has no text of its own in Arrow, and float32 holds each of its values.
        numbers = np.zeros((column.type.list_size, len(table)), dtype=np.float32)
        present = column.flatten().to_numpy(zero_copy_only=False)
        numbers[:, ~missing] = present.reshape(-1, column.type.list_size).T
        for place, part in enumerate(numbers):
            columns[f"{name}_{place}"] = pa.array(part, mask=missing)
    return pa.table(columns)
