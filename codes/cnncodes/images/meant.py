"""Which path is meant by one that leads nowhere as it is written."""

from __future__ import annotations

import os
from typing import NamedTuple


class Meant(NamedTuple):
    """A path where something is, and how it differs from the one that was given."""

    path: str
    how: str


def find_meant(path: str, folder: str = "") -> Meant | None:
    """Return a path that leads somewhere and is another only by how it is written; None where there is none.

    Parameters
    ----------
    path : str
        One that leads nowhere.
    folder : str
        What it is relative to.

    Examples
    --------
    >>> find_meant(" /dev/null ")
    Meant(path='/dev/null', how='without the spaces around it')
    >>> find_meant("nowhere") is None
    True
    """
    found, said = path, []
    for change, how in (
        (str.strip, "without the spaces around it"),
        (os.path.expanduser, "with '~' as your home"),
        (os.path.expandvars, "with what '$' stands for"),
        (_turn_slashes, "with '/' for '\\'"),
    ):
        changed = change(found)
        if changed != found:
            found = changed
            said.append(how)
    if not said or not found or not os.path.exists(os.path.join(folder, found)):
        return None
    return Meant(found, " and ".join(said))


def may_be_meant(path: str) -> bool:
    """Tell whether a path is written such that another one may be meant by it, without a look at the disk."""
    return "\\" in path or "$" in path or path.startswith("~") or path != path.strip()


def _turn_slashes(path: str) -> str:
    return path.replace("\\", "/")
