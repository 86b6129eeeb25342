"""A table of images: CSV or Parquet, with a column of paths or of encoded bytes, and one of labels."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from cnncodes.errors import SourceError, sentence, suggest
from cnncodes.images.folders import SPLITS
from cnncodes.images.keys import is_url, make_unique
from cnncodes.images.parquet_tables import read_links, read_paths
from cnncodes.images.records import ImageRecord, NoImage, RowBytes
from cnncodes.images.table import Table
from cnncodes.images.table_files import read_table
from cnncodes.images.table_hints import warn_of_columns, warn_of_paths
from cnncodes.images.text_tables import check_delimiter
from cnncodes.pointers import explain_pointer_at


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns.

    Attributes
    ----------
    path, label, split, group : str
        All but the first may be absent where they have their default names.
    """

    path: str = "image"
    label: str = "label"
    split: str = "split"
    group: str = "group"


def list_table(path: Path, columns: Columns, *, may_be_empty: bool = False) -> list[ImageRecord]:
    """Return the images of a CSV or Parquet file, in its order.

    Paths are relative to the table's folder, also such as lead out of it. Labels are text: a CSV's ``01``
    stays ``01``, and a Parquet file's 3.5 is ``3.5``, also of float32, its 2.0 ``2`` and its decimal 2.00
    ``2.00``.

    Parameters
    ----------
    path : Path
    columns : Columns
    may_be_empty : bool
        Whether a table without rows lists no image, rather than being an error.

    Raises
    ------
    SourceError
        If the table cannot be read, lacks a column, has no rows, or holds labels that are no classes.

    Warns
    -----
    ResultWarning
        If a column's name is nearly one that would be read, or paths lead nowhere for how they are written.
    """
    return list_rows(*open_table(path, columns), columns, may_be_empty=may_be_empty)


def open_table(path: Path, columns: Columns) -> tuple[Table, str]:
    """Return a table and the column that holds its images; see `list_table`."""
    wanted = (columns.path, columns.label, columns.split, columns.group)
    try:
        table = read_table(path, wanted, columns.path)
        data = _data_column(table, columns)
    except SourceError as error:
        if told := explain_pointer_at(path):
            raise SourceError(f"{path} is no table: {told}.") from error
        raise
    named = ((columns.label, "label"), (columns.split, "split"), (columns.group, "group"))
    for name, default in named:
        if name not in table.names and name != default:
            others = {*table.names} - {data, columns.path}
            raise SourceError(f"{path} has no column {name!r}. {suggest(name, others)}")
    absent = [default for name, default in named if name not in table.names]
    warn_of_columns(path, table.names, absent, {*wanted, data})
    return table, data


def list_rows(table: Table, data: str, columns: Columns, *, may_be_empty: bool = False) -> list[ImageRecord]:
    """Return the images of a table, whose column `data` holds them; see `list_table`."""
    path = table.path
    if table.n_rows == 0 and may_be_empty:
        return []
    if table.n_rows == 0:
        raise SourceError(f"{path} has no rows: expected one an image.")
    labels = [_label(path, row, value) for row, value in enumerate(_column(table, columns.label))]
    if path.suffix.lower() != ".parquet":
        labels = _without_fractions(labels)
    splits = [_split(path, row, value) for row, value in enumerate(_column(table, columns.split))]
    groups = [_group(path, row, value) for row, value in enumerate(_column(table, columns.group))]
    keys, sources = _images(table, data, columns)
    columns_of_records = (make_unique(keys), sources, labels, splits, groups)
    return [ImageRecord(*values) for values in zip(*columns_of_records, strict=True)]


def _data_column(table: Table, columns: Columns) -> str:
    """Return the column that holds the images: the bytes beside the path column, or that itself."""
    binary = list(table.binary)
    if columns.path in table.values and len(binary) == 1:
        return binary[0]
    if columns.path in table.names:
        return columns.path
    if len(binary) == 1 and columns.path == Columns.path:
        return binary[0]
    check_delimiter(table)
    hint = suggest(columns.path, table.names)
    raise SourceError(f"{table.path} has no column {columns.path!r} with images. {hint}")


def _column(table: Table, name: str) -> list[Any]:
    if name in table.binary:
        raise SourceError(f"{table.path}: the column {name!r} holds bytes: expected text or whole numbers.")
    return table.values.get(name, [None] * table.n_rows)


def _images(
    table: Table, data: str, columns: Columns
) -> tuple[list[str], Sequence[str | RowBytes | NoImage]]:
    folder = str(table.path.parent)
    if data in table.binary:
        names = list(table.values.get(columns.path, ())) or read_paths(table, data) or [None] * table.n_rows
        held: list[str | RowBytes | NoImage] = list(table.binary[data])
        for row, path in read_links(table, data).items():
            held[row], names[row] = _locate(folder, path), names[row] or path
        return [_name(row, name) for row, name in enumerate(names)], held
    sources = [_locate(folder, path) for path in table.values[data]]
    reasons = [source.reason for source in sources if isinstance(source, NoImage)]
    if len(reasons) == len(sources):
        raise SourceError(f"{table.path}: no row of the column {data!r} is a path: {sentence(reasons[0])}")
    warn_of_paths(table.path, data, table.values[data])
    return [_name(row, path) for row, path in enumerate(table.values[data])], sources


def _locate(folder: str, path: Any) -> str | NoImage:
    if path is None or path == "":
        return NoImage("the table has no path in this row")
    if not isinstance(path, str):
        return NoImage(f"the table holds no path but {path!r}")
    if is_url(path):
        return NoImage(f"{path!r} is an address: download the images first and give their paths")
    return os.path.join(folder, path)


def _name(row: int, name: Any) -> str:
    return f"row-{row:08}" if name is None or name == "" else str(name)


def _label(table: Path, row: int, value: Any) -> str | None:
    if _is_missing(value):
        return None
    if isinstance(value, str):
        if "\0" in value:  # which NumPy drops at the end: two classes would be one
            raise SourceError(
                f"{table}: row {row + 1} has the label {value!r}, with a NUL character: drop it."
            )
        return value
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"  # with all places of its column, and none of them an exponent
    if isinstance(value, float) and math.isfinite(value):
        # Whole ones are of a column of whole numbers with gaps, as pandas writes it.
        return str(int(value)) if value == int(value) else str(value)
    if isinstance(value, list | dict):
        raise SourceError(
            f"{table}: row {row + 1} has the label {value!r}: write several labels, or one, as a text,"
            " such as 'a|b', and say --label-delimiter '|'."
        )
    dated = (
        " Of a date give days since some date, or, as a class, its text." if isinstance(value, date) else ""
    )
    raise SourceError(
        f"{table}: row {row + 1} has the label {value!r}: expected text or a whole number, the name of a"
        f" class, or a finite number to predict.{dated}"
    )


def _without_fractions(labels: list[str | None]) -> list[str | None]:
    """Return labels that all read ``1.0``, ``2.0`` … as ``1``, ``2``, as Parquet's numbers are read."""
    given = [label for label in labels if label is not None]
    if not given or not all(re.fullmatch(r"-?\d+\.0", label) for label in given):
        return labels
    return [None if label is None else label.removesuffix(".0") for label in labels]


def _split(table: Path, row: int, value: Any) -> str | None:
    if _is_missing(value):
        return None
    if str(value).lower() not in SPLITS:
        raise SourceError(f"{table}: row {row + 1} is of part {value!r}. {suggest(str(value), SPLITS)}")
    return SPLITS[str(value).lower()]


def _group(table: Path, row: int, value: Any) -> str | None:
    if _is_missing(value):
        return None
    if isinstance(value, list | dict):
        raise SourceError(
            f"{table}: row {row + 1} is of the group {value!r}, a {type(value).__name__}: expected one name,"
            " as text or a whole number."
        )
    return str(value)


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))
