"""What a job has to do, from what the source lists now and what the dataset holds already."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cnncodes.errors import StoreError, UnreadableImage
from cnncodes.images import ImageRecord, ImageSource, content_hash
from cnncodes.store import CodesWriter, Failure

#: So many stored images, and such a share of them, may go without a word.
MAX_REMOVED = 10
MAX_REMOVED_SHARE = 0.1


@dataclass
class Work:
    """The work of one job.

    Attributes
    ----------
    todo : list of ImageRecord
        New, changed, or not embedded the last time.
    unchanged : int
        Images whose codes are there already.
    unreachable : list of Failure
        Images that are stored and listed but cannot be looked at now; their codes stay.
    relabelled : dict
        For the key of each stored image whose label or part is another one now, these.
    gone : list of str
        Keys of stored images that the source lacks.
    forgotten : list of str
        Keys of failures that the source lacks.
    """

    todo: list[ImageRecord] = field(default_factory=list)
    unchanged: int = 0
    unreachable: list[Failure] = field(default_factory=list)
    relabelled: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def check_removal(self, source: str, out: str | Path, n_stored: int) -> None:
        """Refuse to remove many images: a wrong source or part would cost all that was embedded before.

        Raises
        ------
        StoreError
        """
        if len(self.gone) == n_stored > 0 or len(self.gone) > max(MAX_REMOVED, MAX_REMOVED_SHARE * n_stored):
            raise StoreError(
                f"{out} holds the codes of {n_stored} images, and {len(self.gone)} of them are not in"
                f" {source!r} (or not in the part of it that was asked for): {self.gone[0]!r} for one."
                " Nothing was changed. If they are to go, add --remove-missing (remove_missing=True); else"
                " mend the path, or write to another folder (-o)."
            )


def plan_work(source: ImageSource, writer: CodesWriter) -> Work:
    """Compare a source with a dataset."""
    work = Work()
    keys = set()
    for record in source.records:
        keys.add(record.key)
        _plan_image(record, writer, work)
    work.gone = [key for key in writer.known if key not in keys]
    work.forgotten = [key for key in writer.failed if key not in keys]
    return work


def _plan_image(record: ImageRecord, writer: CodesWriter, work: Work) -> None:
    if record.key not in writer.known:
        work.todo.append(record)
        return
    try:
        unchanged = _is_unchanged(record, writer)
    except UnreadableImage as error:
        work.unreachable.append(Failure(record.key, error.stage, error.reason))
        return
    if not unchanged:
        work.todo.append(record)
        return
    work.unchanged += 1
    if (labels := (record.label, record.split)) != writer.labels[record.key]:
        work.relabelled[record.key] = labels


def _is_unchanged(record: ImageRecord, writer: CodesWriter) -> bool:
    stat = record.stat()
    if (stat.size, stat.mtime_ns) != writer.known[record.key]:
        return False
    # What came from no file has no time of change, and any number of arrays have one size.
    return stat.mtime_ns is not None or content_hash(record.read()) == writer.contents[record.key]
