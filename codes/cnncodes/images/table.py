"""A table's columns in memory; encoded images stay where they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncodes.errors import SourceError
from cnncodes.images.file_stats import ListedFile
from cnncodes.images.records import RowBytes


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
    listed : ListedFile or None
        What a Parquet file was when it was opened; None for a text, of which nothing is read later.
    """

    path: Path
    names: list[str]
    n_rows: int
    values: dict[str, list[Any]]
    binary: dict[str, list[RowBytes]]
    listed: ListedFile | None = None


def check_names(path: Path, names: list[str], wanted: Collection[str]) -> None:
    """Raise `SourceError` where two columns have one wanted name."""
    for name in names:
        if name in wanted and names.count(name) > 1:
            raise SourceError(f"{path} has {names.count(name)} columns {name!r}: which one is meant?")
