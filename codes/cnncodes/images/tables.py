"""A table of images: CSV or Parquet, with a column of paths or of encoded bytes, and one of labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncodes.errors import SourceError, suggest
from cnncodes.images.folders import SPLITS
from cnncodes.images.records import ImageRecord, RowBytes


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns.

    Attributes
    ----------
    path, label, split : str
        Label and split may be absent where they have their default names.
    """

    path: str = "image"
    label: str = "label"
    split: str = "split"


def list_table(table: Path, columns: Columns) -> list[ImageRecord]:
    """Return the images of a CSV or Parquet file, in its order.

    Paths are relative to the table's folder. Labels are text: a CSV's ``01`` stays ``01``.

    Raises
    ------
    SourceError
        If the table cannot be read, lacks a column, has no rows, or holds labels that are no classes.
    """
    names, values = _read_parquet(table) if table.suffix.lower() == ".parquet" else _read_csv(table)
    binary = [name for name in names if isinstance(values.get(name), _Binary)]
    data = _data_column(table, names, binary, columns)
    for name, default in ((columns.label, "label"), (columns.split, "split")):
        if name not in names and name != default:
            raise SourceError(f"{table} has no column {name!r}. {suggest(name, names)}")
    n_rows = len(values[names[0]])
    if n_rows == 0:
        raise SourceError(f"{table} has no rows: expected one an image.")
    labels = [_label(table, row, value) for row, value in enumerate(_column(values, columns.label, n_rows))]
    splits = [_split(table, row, value) for row, value in enumerate(_column(values, columns.split, n_rows))]
    keys, sources = _images(table, values, data, columns)
    return [
        ImageRecord(key, source, label, split)
        for key, source, label, split in zip(make_unique(keys), sources, labels, splits, strict=True)
    ]


def make_unique(keys: list[str]) -> list[str]:
    """Return keys of which the second and later equal ones end in ``#2``, ``#3`` …

    Examples
    --------
    >>> make_unique(["a", "b", "a"])
    ['a', 'b', 'a#2']
    """
    taken = set(keys)
    seen: set[str] = set()
    counts: dict[str, int] = {}
    unique = []
    for key in keys:
        name = key
        while name in seen:
            counts[key] = counts.get(key, 1) + 1
            name = f"{key}#{counts[key]}"
            if name in taken:  # a row of that very name stands elsewhere in the table
                name = key
        seen.add(name)
        unique.append(name)
    return unique


class _Binary:
    """A binary column of a Parquet file: where each row's bytes are."""

    def __init__(self, table: Path, column: str, group_sizes: list[int]) -> None:
        self.rows = [
            RowBytes(table, column, group, row)
            for group, size in enumerate(group_sizes)
            for row in range(size)
        ]

    def __len__(self) -> int:
        return len(self.rows)


def _read_csv(table: Path) -> tuple[list[str], dict[str, Any]]:
    import csv

    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            delimiter = "\t" if table.suffix.lower() == ".tsv" else ","
            rows = list(csv.reader(file, delimiter=delimiter, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{table} cannot be read as CSV in UTF-8: {error}.") from error
    rows = [row for row in rows if row]
    if not rows:
        raise SourceError(f"{table} is empty: expected a line of column names and one line an image.")
    names = rows[0]
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise SourceError(
                f"{table}: record {number} has {len(row)} cells; there are {len(names)} columns."
            )
    columns = zip(*rows[1:], strict=True) if len(rows) > 1 else [[] for _ in names]
    return names, {name: list(column) for name, column in zip(names, columns, strict=True)}


def _read_parquet(table: Path) -> tuple[list[str], dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(table) as file:
            schema = file.schema_arrow
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            binary = {field.name for field in schema if _is_binary(field.type)}
            plain = [name for name in schema.names if name not in binary]
            # Row groups have files' paths and labels only: images stay where they are.
            values = file.read(columns=plain).to_pydict() if plain else {}
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{table} cannot be read as Parquet: {error}.") from error
    return schema.names, {**values, **{name: _Binary(table, name, sizes) for name in binary}}


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _is_binary(field.type) for field in kind)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _data_column(table: Path, names: list[str], binary: list[str], columns: Columns) -> str:
    """Return the column that holds the images: the bytes beside the path column, or that itself."""
    if columns.path in names and columns.path not in binary and len(binary) == 1:
        return binary[0]
    if columns.path in names:
        return columns.path
    if len(binary) == 1 and columns.path == Columns.path:
        return binary[0]
    raise SourceError(f"{table} has no column {columns.path!r} with images. {suggest(columns.path, names)}")


def _column(values: dict[str, Any], name: str, n_rows: int) -> list[Any]:
    column = values.get(name)
    return [None] * n_rows if column is None else list(column)


def _images(table: Path, values: dict[str, Any], data: str, columns: Columns) -> tuple[list[str], list[Any]]:
    held = values[data]
    named = values.get(columns.path)
    if isinstance(held, _Binary):
        if named is None or named is held:
            return [f"row-{row:08}" for row in range(len(held))], held.rows
        return [str(name) for name in named], held.rows
    for row, path in enumerate(held):
        if not isinstance(path, str) or not path:
            raise SourceError(f"{table}: row {row + 1} of column {data!r} holds no path but {path!r}.")
    return list(held), [table.parent / path for path in held]


def _label(table: Path, row: int, value: Any) -> str | None:
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a column of whole numbers with gaps, as pandas writes it
    if isinstance(value, list | dict):
        raise SourceError(
            f"{table}: row {row + 1} has several labels, {value!r}: multi-label is not supported yet."
        )
    raise SourceError(
        f"{table}: row {row + 1} has the label {value!r}: expected text or a whole number, the name of a"
        " class."
    )


def _split(table: Path, row: int, value: Any) -> str | None:
    if value is None or value == "":
        return None
    if str(value).lower() not in SPLITS:
        raise SourceError(f"{table}: row {row + 1} is of part {value!r}. {suggest(str(value), SPLITS)}")
    return SPLITS[str(value).lower()]
