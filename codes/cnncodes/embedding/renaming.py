"""Stored images whose files were renamed, as by their folder: told from such as vanished."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from cnncodes.errors import UnreadableImage
from cnncodes.images import ImageRecord
from cnncodes.store import Index


def find_renamed(gone: Sequence[str], records: Iterable[ImageRecord], known: Index) -> dict[str, str]:
    """Return the new keys of stored images whose files are there under other names.

    A file is the same one by its base name, size and time of change. Each new one stands for one stored
    image.

    Parameters
    ----------
    gone : sequence of str
        Keys of stored images that the source lacks.
    records : iterable of ImageRecord
        What it lists; those that are stored are no new ones.
    known : Index
    """
    waiting: dict[tuple[str, int, int], list[str]] = defaultdict(list)
    for key in gone:
        size, mtime_ns, _ = known.state(key)
        if mtime_ns is not None:  # else it came from no file
            waiting[_get_base(key), size, mtime_ns].append(key)
    bases = {base for base, _, _ in waiting}
    renamed = {}
    for record in records:
        base = _get_base(record.key)
        if base not in bases or record.key in known or not record.is_file:
            continue
        try:
            size, mtime_ns = record.stat()
        except UnreadableImage:
            continue
        if mtime_ns is not None and (old := waiting.get((base, size, mtime_ns))):
            renamed[old.pop()] = record.key
    return renamed


def _get_base(key: str) -> str:
    return key.rpartition("/")[2]
