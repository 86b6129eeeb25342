"""Tables as text: CSV, and TSV whose columns tabs divide."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from cnncodes.errors import SourceError, agree, count, sentence
from cnncodes.images.table import Table, check_names


def read_csv(path: Path, wanted: Collection[str]) -> Table:
    """Read the columns `wanted`, as `read_table` does."""
    import csv

    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
            lines = [(reader.line_num, row) for row in reader if row]
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not in UTF-8: {_find_wrong_byte(path)}") from error
    except csv.Error as error:
        _check_delimiter(path, _read_names(path))
        raise SourceError(
            f"{path} cannot be read as CSV, line {reader.line_num}: {sentence(error)}"
        ) from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read as CSV: {sentence(error)}") from error
    if not lines:
        raise SourceError(f"{path} is empty: expected a line of column names and one line an image.")
    names = lines[0][1]
    check_names(path, names, wanted)
    for line, row in lines[1:]:
        if len(row) != len(names):
            _check_delimiter(path, names)
            raise SourceError(
                f"{path}: line {line} has {count(len(row), 'cell')}; there {agree(len(names), 'is')}"
                f" {count(len(names), 'column')}."
            )
    rows = [row for _, row in lines[1:]]
    values = {name: [row[at] for row in rows] for at, name in enumerate(names) if name in wanted}
    return Table(path, names, len(rows), values, {})


def _find_wrong_byte(path: Path) -> str:
    """Return in sentences where a text is not in UTF-8, and what to do."""
    advice = "Save the table as UTF-8, which spreadsheets call 'CSV UTF-8'."
    content = path.read_bytes()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return f"it begins as UTF-16 does. {advice}"
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"line {line:,} has the byte 0x{content[error.start]:02x} where none such can be. {advice}"
    return advice  # it was written anew meanwhile


def check_delimiter(table: Table) -> None:
    """Raise `SourceError` where something else than it should seems to divide the columns of a text."""
    if table.path.suffix.lower() != ".parquet":
        _check_delimiter(table.path, table.names)


def _check_delimiter(path: Path, names: list[str]) -> None:
    sign = next((sign for sign in (";", "\t", "|", ",") if sign in names[0]), None)
    if len(names) == 1 and sign is not None:
        raise SourceError(
            f"{path} has one column alone, {names[0]!r}: columns must be divided by commas, in a .tsv by"
            f" tabs, and not by {sign!r}. Save the table so."
        )


def _read_names(path: Path) -> list[str]:
    """Return the names of the columns of a text whose other lines cannot be read."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        line = file.readline().rstrip("\r\n")
    return line.split("\t" if path.suffix.lower() == ".tsv" else ",")
