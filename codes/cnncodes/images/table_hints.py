"""What is said of a table that names its columns, or writes its paths, nearly as it should."""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from cnncodes.errors import ResultWarning, name_some, warn
from cnncodes.images.keys import is_url
from cnncodes.images.meant import find_meant, may_be_meant

#: Names of columns that say what belongs together, in most tables that have one; also with "id" after them.
_GROUPS = {"patient", "subject", "participant", "person", "animal", "specimen", "camera"}
#: Paths that are looked up at most: of a million that are written oddly, and are right, not all.
_LOOKED_UP = 100


def warn_of_columns(table: Path, names: Sequence[str], absent: Iterable[str], used: Collection[str]) -> None:
    """Warn where a table lacks a column that need not be there, and has one whose name is nearly that.

    So is for ``"group"`` the name of what images often belong to.

    Parameters
    ----------
    table : Path
    names : sequence of str
        Of all its columns.
    absent : iterable of str
        Of ``"label"``, ``"split"`` and ``"group"`` those that it lacks.
    used : collection of str
        Columns that are read as something else.
    """
    for wanted in absent:
        near = [name for name in names if name.strip().casefold() == wanted and name not in used]
        if near:
            warn(
                f"{table} has no column {wanted!r}, but {name_some(near)}, from which nothing is read: rename"
                f" it, or give its name as --{wanted}-column (in Python {wanted}_column)",
                ResultWarning,
            )
        elif wanted == "group" and (often := [n for n in names if _is_group(n) and n not in used]):
            warn(
                f"{table} has a column {often[0]!r}, which nothing is read from: if its images belong"
                f" together, --group-column {shlex.quote(often[0])} (in Python group_column) keeps them on"
                " one side of a split; else figures are in part of what was trained on",
                ResultWarning,
            )


def _is_group(name: str) -> bool:
    return re.sub(r"[\W_]*(id|no|nr|number)?[\W_]*$", "", name.strip().casefold()) in _GROUPS


def warn_of_paths(table: Path, column: str, paths: Sequence[Any]) -> None:
    """Warn, once, where a path leads to a file only if it is written otherwise, or none leads to any."""
    folder = str(table.parent)
    given = [path for path in paths if isinstance(path, str) and path and not is_url(path)]
    odd = (path for path in given if may_be_meant(path))
    for path in itertools.islice(odd, _LOOKED_UP):
        meant = None if os.path.exists(os.path.join(folder, path)) else find_meant(path, folder)
        if meant is not None and os.path.isfile(os.path.join(folder, meant.path)):
            warn(
                f"{table}: {path!r}, in the column {column!r}, leads nowhere, and {meant.path!r},"
                f" {meant.how}, is a file. Paths are taken as they are written: change such in the table",
                ResultWarning,
            )
            return
    first = given[:_LOOKED_UP]
    if first and not any(os.path.exists(os.path.join(folder, path)) for path in first):
        number = f"{len(first)}" if len(first) == len(given) else f"first {len(first)}"
        whose = f"the only path in the column {column!r} leads to no file"
        if len(first) > 1:
            whose = f"none of the {number} paths in the column {column!r} leads to a file"
        where = os.path.abspath(os.path.join(folder, first[0]))
        warn(
            f"{table}: {whose}: {first[0]!r} is looked for at {where!r}{_advise_of_path(first[0])}",
            ResultWarning,
        )


def _advise_of_path(path: str) -> str:
    """Return the sentence that helps with a path that leads nowhere; nothing where it is absolute."""
    if path != path.strip():
        return ". Remove the spaces around it"
    if "\\" in path and os.sep == "/":
        return ". Folders are divided by '/', not by '\\' as on Windows"
    if os.path.isabs(path):
        return ""
    if os.path.exists(path):
        return ". From the working folder it leads to a file: move the table there"
    return ". Paths are relative to the table's folder"
