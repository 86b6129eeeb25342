"""Where results may be written: never over what the command reads."""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cnncodes.commands.inputs import is_codes
from cnncodes.disk import TABLES
from cnncodes.errors import SourceError, UsageError


def check_output(out: str | Path | None, sources: Iterable[str | None]) -> None:
    """Raise unless a result can be written there; asked before the work whose result it is.

    Parameters
    ----------
    out : path or None
        The file; None where there is none to write.
    sources : iterable of str or None
        What the command reads: a file among them, or a picture in a folder among them, or what a link there
        leads to, or what is named by a table among them, is not replaced; nor is any file that exists in a
        folder without pictures; and into codes nothing is written, whether it exists or not.

    Raises
    ------
    UsageError
        If it would replace what the command reads, or be among stored codes that it reads.
    StoreError
        If it cannot be written there.
    """
    from cnncodes.store.files import check_writable

    if out is None:
        return
    path = Path(out)
    for source in sources:
        if source is not None and is_codes(source) and Path(source).resolve() in path.resolve().parents:
            raise UsageError(
                f"{str(out)!r} is inside the codes dataset {source!r}, which the command reads: write it"
                " elsewhere."
            )
        if source is not None and _would_replace(path, Path(source)):
            raise UsageError(
                f"{str(out)!r} would be replaced, and the command reads {source!r}: give another name."
            )
    check_writable(path)


def _would_replace(path: Path, source: Path) -> bool:
    if not path.exists() or not source.exists():
        return False
    if source.is_dir():
        return _is_read_of(source, path)
    return path.samefile(source) or (source.suffix.lower() in TABLES and _names(source, path))


def _is_read_of(folder: Path, path: Path) -> bool:
    """Whether any image of a folder is that file, also by a link to it or to its folder.

    A table or a page beside pictures is not read, and so may be what the command wrote the last time. Where
    there are no pictures any file may be read.
    """
    from cnncodes.images.folders import list_folder

    try:
        with warnings.catch_warnings(action="ignore"):
            names = [str(record.data) for record in list_folder(folder, unlisted="record")]
    except SourceError:
        return folder.resolve() in path.resolve().parents
    target = path.stat()  # once: of a large folder each look counts
    for name in names:
        with contextlib.suppress(OSError, ValueError):  # a dangling link is no way to it
            if os.path.samestat(os.stat(name), target):
                return True
    return False


def _names(table: Path, path: Path) -> bool:
    """Whether any cell of a table is the name of that file."""
    from cnncodes.images.table_files import read_table

    names = {path.name, path.resolve().name}
    try:
        cells = read_table(table, read_table(table, ()).names).values.values()
    except SourceError:
        return False  # the command says what is wrong with its table
    files = (
        cell for column in cells for cell in column if isinstance(cell, str) and Path(cell).name in names
    )
    return any((table.parent / file).exists() and path.samefile(table.parent / file) for file in files)


def check_json_name(name: str) -> None:
    """Raise `UsageError` unless a report's name ends in .json."""
    if Path(name).suffix.lower() != ".json":
        raise UsageError(f"must end in .json. Got {name!r}.")


def check_report_name(name: str) -> None:
    """Raise `UsageError` unless a report's name ends in .json or .html."""
    if Path(name).suffix.lower() not in (".json", ".html"):
        raise UsageError(f"must end in .json or .html. Got {name!r}.")


def is_page(report: str | None) -> bool:
    """Tell whether a report's name asks for a page."""
    return report is not None and Path(report).suffix.lower() == ".html"


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON, whole or not at all."""
    from cnncodes.store.files import write_file

    write_file(path, (json.dumps(report, indent=1, ensure_ascii=True) + "\n").encode())
