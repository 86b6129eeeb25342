"""A table's columns in memory; encoded images stay where they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnncodes.errors import SourceError
from cnncodes.images.file_stats import ListedFile
from cnncodes.images.records import RowBytes

#: What a column holds; names are those of a Parquet file for the numbers of classes.
TEXT, NAMED, NUMBERS, TRUTH = "text", "numbers of classes with names", "numbers without names", "truth values"


@dataclass(frozen=True)
class Table:
    """A table's columns.

    Attributes
    ----------
    path : Path
    names : list of str
        Of all columns, also of those that were not asked for.
    n_rows : int
    values : dict
        The cells of the columns that were asked for.
    binary : dict
        Of each binary column, where its rows are.
    kinds : dict
        Of columns that were asked for `TEXT`, `NAMED`, `NUMBERS` or `TRUTH`, where a Parquet file says it.
    listed : ListedFile or None
        What a Parquet file was when it was opened; None for a text, of which nothing is read later.
    """

    path: Path
    names: list[str]
    n_rows: int
    values: dict[str, list[Any]]
    binary: dict[str, list[RowBytes]]
    kinds: dict[str, str] = field(default_factory=dict)
    listed: ListedFile | None = None


def check_names(path: Path, names: list[str], wanted: Collection[str]) -> None:
    """Raise `SourceError` where two columns have one wanted name."""
    for name in names:
        if name in wanted and names.count(name) > 1:
            raise SourceError(f"{path} has {names.count(name)} columns {name!r}: which one is meant?")
