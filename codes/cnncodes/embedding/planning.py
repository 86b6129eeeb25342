"""What a job has to do, from what the source lists now and what the dataset holds already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cnncodes.choices import CHECKS
from cnncodes.embedding.renaming import find_renamed
from cnncodes.errors import (
    ResultWarning,
    StoreError,
    UnreadableImage,
    UsageError,
    agree,
    count,
    sentence,
    warn,
)
from cnncodes.images import ImageRecord, ImageSource
from cnncodes.images.endings import advise_of_plugins, get_ending
from cnncodes.store import CodesWriter, Failure, Index
from cnncodes.store.entries import FAILURES_NAME
from cnncodes.store.failing import MEND_IMAGES
from cnncodes.store.records import Labels, labels_of

#: So many stored images, and such a share of them, may go without a word.
MAX_REMOVED = 10
MAX_REMOVED_SHARE = 0.1

_UNLISTED = "not listed: its ending is read where a plugin of Pillow is installed and registered, and none is"


@dataclass
class Work:
    """The work of one job.

    Attributes
    ----------
    n_stored : int
        Images whose codes are there as the job begins.
    kept : frozenset of str
        Among these, keys of those that a job was refused for: they could be decoded no more. All of them
        where that is known no longer.
    is_unsure : bool
        Whether it is known no longer.
    todo : list of ImageRecord
        New, perhaps changed, not embedded the last time, or in `kept`.
    unchanged : int
        Images whose codes are there already, and which are not in `todo`.
    unreachable : list of Failure
        Images that are stored and listed but cannot be looked at now; their codes stay.
    unlisted : list of str
        Keys, among these, of images that the source lists only where a plugin of Pillow is registered.
    still_failed : list of Failure
        Images that failed and whose files are as they were then: not tried again.
    relabelled : dict
        For the key of each stored image whose label, part or group is another one now, these.
    gone : list of str
        Keys of stored images that the source lacks.
    renamed : dict of str
        For such keys, where so many are gone that it was looked for, the new ones of the same files.
    forgotten : list of str
        Keys of failures that the source lacks.
    """

    n_stored: int = 0
    kept: frozenset[str] = frozenset()
    is_unsure: bool = False
    todo: list[ImageRecord] = field(default_factory=list)
    unchanged: int = 0
    unreachable: list[Failure] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    still_failed: list[Failure] = field(default_factory=list)
    relabelled: dict[str, Labels] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)

    def check_removal(self, source: str, out: str | Path, known: Index) -> None:
        """Refuse to remove many images: a wrong source or part would cost all that was embedded before.

        Renamed ones do not count, as of a folder that has another name now, unless nothing at all has kept
        its name: then the source may be the folder above, or below, and all labels others.

        Raises
        ------
        StoreError
        """
        n_stored, n_gone = self.n_stored, len(self.gone)
        allowed = max(MAX_REMOVED, MAX_REMOVED_SHARE * n_stored)
        if n_gone == n_stored > 0 or n_gone > allowed:
            self.renamed = find_renamed(self.gone, self.todo, known)
        is_much = n_gone == n_stored > 0 or n_gone - len(self.renamed) > allowed
        if is_much or not self.kept.isdisjoint(self.gone):
            first = min(self.kept.intersection(self.gone), default=self.gone[0])
            before = "" if is_much else self._tell_refusal()
            raise StoreError(
                f"{out} holds the codes of {count(n_stored, 'image')}, and {n_gone:,} of them"
                f" {agree(n_gone, 'is')} not in {source!r} (or not in the part of it that was asked"
                f" for): {first!r} for one.{self._tell_renamed()}{before} No codes were removed. If they"
                " are to go, add --remove-missing (remove_missing=True); else mend the path, or write to"
                " another folder (-o)."
            )

    def _tell_renamed(self) -> str:
        n = len(self.renamed)
        if not n:
            return ""
        old, new = next(iter(self.renamed.items()))
        which = "All" if n == len(self.gone) else f"{n:,}"
        return (
            f" {which} of them {agree(n, 'is')} there under other names, such as {old!r} as {new!r}: was a"
            " folder renamed, or the one above or below it given?"
        )

    def warn_of_unlisted(self, source: str, out: str | Path) -> None:
        """Warn where codes stay of images that no plugin reads now."""
        n = len(self.unlisted)
        if n:
            advice = advise_of_plugins(map(get_ending, self.unlisted))
            warn(
                f"{out} keeps the codes of {count(n, 'image')} that {agree(n, 'is')} in {source!r} and"
                f" {agree(n, 'is')} not read, {self.unlisted[0]!r} for one, since no plugin of Pillow is"
                f" registered: {advice}. Then run the same job again",
                ResultWarning,
            )

    def _tell_refusal(self) -> str:
        if self.is_unsure:
            return f" A job may have been refused for it, which the lost {FAILURES_NAME} would say."
        return " A job was refused before that would have given its codes up."

    def find_loss(self, broken: Sequence[Failure], source: str, out: str | Path) -> StoreError | None:
        """Return the error where many stored images can be decoded no more, those that are gone included.

        Parameters
        ----------
        broken : sequence of Failure
            Of stored images, whose codes would go.
        source, out
            Of the job.
        """
        n_gone, n_broken = len(self.gone) - len(self.renamed), len(broken)
        n_lost = n_gone + n_broken
        # Whatever their share, and what was refused once stays so: shares fall as new images come, and what
        # is refused today would go tomorrow.
        was_refused = any(failure.key in self.kept for failure in broken)
        if not broken or not (was_refused or n_lost > MAX_REMOVED or n_lost == self.n_stored):
            return None
        first = min(broken, key=lambda failure: failure.key)  # lanes end in any order
        how, listed = f"cannot be decoded from {source!r} any more", "the images"
        if n_gone:
            listed = "those that cannot be decoded, and not those that are gone"
            how = f"are in {source!r} no more ({n_gone:,}) or cannot be decoded from it ({n_broken:,})"
        return StoreError(
            f"{out} holds the codes of {count(self.n_stored, 'image')} from before, and {n_lost:,} of them"
            f" {how}: {first.key!r} for one, since {sentence(first.reason)} Their codes stay,"
            f" {FAILURES_NAME} lists {listed}, and all else is written. {MEND_IMAGES}"
        )


def plan_work(
    source: ImageSource,
    writer: CodesWriter,
    *,
    check: str = CHECKS[0],
    retry_failed: bool = False,
    limits: Mapping[str, float] | None = None,
) -> Work:
    """Compare a source with a dataset.

    Parameters
    ----------
    source : ImageSource
    writer : CodesWriter
        Of the dataset.
    check : {"stat", "content"}
        ``"content"`` puts every image that is stored on the list, to be compared by its content.
    retry_failed : bool
        Whether images that failed are tried again although their files are as they were.
    limits : mapping of str to float, optional
        Those that images meet now, by name; what failed by a lower one is tried again.
    """
    known = writer.known
    is_unsure = writer.marks_lost > 0
    kept = (key for key, failure in writer.failed.items() if failure.codes_kept)
    work = Work(len(known), frozenset(known if is_unsure else kept), is_unsure)
    failed = {} if retry_failed or check == "content" else writer.failed
    n_listed = 0
    for record in source.records:
        if record.key in known:
            n_listed += 1
            _plan_stored(record, known, work, by_content=check == "content")
        elif record.key in failed and _still_fails(record, failed[record.key], limits or {}):
            work.still_failed.append(failed[record.key])
        else:
            work.todo.append(record)
    if n_listed < len(known) or writer.failed:
        passed_over = [record.key for record in source.passed_over]
        work.unlisted = [key for key in passed_over if key in known]
        work.unreachable += [Failure(key, "read", _UNLISTED) for key in work.unlisted]
        keys = {record.key for record in source.records}.union(passed_over)

        def is_gone(key: str) -> bool:
            return key not in keys and not key.startswith(source.barred)

        work.gone = list(filter(is_gone, known))
        work.forgotten = list(filter(is_gone, writer.failed))
    return work


def check_name(check: str) -> None:
    """Raise `UsageError` unless it is one of `choices.CHECKS`."""
    if check not in CHECKS:
        raise UsageError(f"check must be {' or '.join(map(repr, CHECKS))}. Got {check!r} instead.")


def _plan_stored(record: ImageRecord, known: Index, work: Work, *, by_content: bool) -> None:
    try:
        stat = record.stat()
    except UnreadableImage as error:
        work.unreachable.append(Failure(record.key, error.stage, error.reason))
        return
    size, mtime_ns, stored_labels = known.state(record.key)
    # What came from no file has no time of change, and any number of arrays have one size.
    is_changed = (stat.size, stat.mtime_ns) != (size, mtime_ns) or stat.mtime_ns is None
    if is_changed or record.key in work.kept:
        work.todo.append(record)
        return
    if (labels := labels_of(record)) != stored_labels:
        work.relabelled[record.key] = labels
    if by_content:
        work.todo.append(record)
    else:
        work.unchanged += 1


def _still_fails(record: ImageRecord, failure: Failure, limits: Mapping[str, float]) -> bool:
    """Tell whether an image that failed is as it was then, and what was short or out of reach still is."""
    if failure.stage == "read" or failure.mtime_ns is None:
        return False
    if failure.stage == "memory" and failure.limited_to is None:  # how much there was then nobody knows
        return False
    if failure.limited_to is not None and limits.get(failure.limited_by or "", 0) > failure.limited_to:
        return False
    try:
        stat = record.stat()
    except UnreadableImage:
        return False
    return (stat.size, stat.mtime_ns) == (failure.size, failure.mtime_ns)
