"""Tables on disk, CSV or Parquet."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from cnncodes.images.parquet_tables import read_parquet
from cnncodes.images.table import Table
from cnncodes.images.text_tables import read_csv


def read_table(path: Path, wanted: Collection[str], images: str | None = None) -> Table:
    """Read the columns `wanted`, where they are there, of a CSV, TSV or Parquet file.

    Parameters
    ----------
    path : Path
    wanted : collection of str
    images : str, optional
        The column, among these, that counts as binary where its bytes are all of one size and no other does:
        elsewhere such bytes are numbers of another kind, as a UUID is.

    Raises
    ------
    SourceError
        If it cannot be read, or has two columns of one wanted name.
    """
    if path.suffix.lower() == ".parquet":
        return read_parquet(path, wanted, images)
    return read_csv(path, wanted)
