"""Rows of predictions as CSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write_rows(path: Path, rows: list[dict[str, Any]], columns: dict[str, str], number_format: str) -> None:
    """Write rows, whole or not at all; the name of the file says how.

    Parameters
    ----------
    path : Path
    rows : list of dict
    columns : dict of str to str
        The type of each, ``"string"``, ``"float64"`` or ``"bool"``, in order.
    number_format : str
        Of numbers in CSV.
    """
    from cnncodes.store.files import write_file

    if path.suffix.lower() == ".csv":
        write_file(path, to_csv(rows, columns, number_format).encode("utf-8", "surrogateescape"))
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    types: dict[str, pa.DataType] = {"string": pa.string(), "float64": pa.float64(), "bool": pa.bool_()}
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), buffer)
    write_file(path, buffer.getvalue())


def to_csv(rows: list[dict[str, Any]], names: Iterable[str], number_format: str) -> str:
    """Return rows as CSV, of the columns that are named."""
    names = list(names)
    lines = [_to_line(names)]
    lines += [_to_line([_to_cell(row.get(name), number_format) for name in names]) for row in rows]
    return "".join(lines)


def _to_line(cells: list[Any]) -> str:
    """Return a line of CSV, which ends with LF.

    Before Python 3.13 `csv` leaves a carriage return without quotes that is not part of the line's end.
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return f"{text.getvalue()[:-2]}\n"


def _to_cell(value: Any, number_format: str) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, number_format) if isinstance(value, float) else value
