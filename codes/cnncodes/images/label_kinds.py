"""Labels of several tables that are read as one: of two kinds, they are not the same classes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cnncodes.errors import SourceError, name_some
from cnncodes.images.records import ImageRecord
from cnncodes.images.table import NAMED, NUMBERS, TEXT

#: So many of a table's labels are shown.
_SHOWN = 3


class LabelKinds:
    """What the labels of each table are, of which one of each kind is kept.

    Text and numbers that a file has names for are of one kind, and so are numbers of any width, with
    fractions or without. A table without any label is of every kind.

    Parameters
    ----------
    root : Path
        The folder of the tables.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[str, tuple[str, str, str]] = {}

    def add(self, table: str, kind: str | None, records: Iterable[ImageRecord]) -> None:
        """Take note of a table's labels, and of what its column of them holds."""
        if kind is None:
            return
        group = TEXT if kind == NAMED else kind
        known = self._found.get(group)
        if known is not None and (known[1] == NAMED or kind != NAMED):  # names say the most
            return
        labels = sorted({record.label for record in records if record.label is not None})
        if labels:
            self._found[group] = (table, kind, name_some(labels, _SHOWN))

    def check(self) -> None:
        """Raise `SourceError` if they are of more than one kind."""
        if len(self._found) < 2:
            return
        (first, kind, labels), (second, other, others) = sorted(self._found.values())[:2]
        why = "nothing says which are the same classes"
        if {kind, other} == {NAMED, NUMBERS}:
            why = "what the numbers of the one stand for may not be what the names of the other say"
        raise SourceError(
            f"{str(self._root)!r} holds tables whose labels are of different kinds: {first!r} holds {kind}"
            f" ({labels}), and {second!r} {other} ({others}): {why}. Write them anew with labels of one kind,"
            " with the same names in all or in none, or move those that are not meant elsewhere."
        )
