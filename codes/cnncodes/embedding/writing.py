"""The work of a job carried out: what lanes make of images goes to the writer, and is counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cnncodes.embedding.duplicates import Duplicates, Result
from cnncodes.embedding.embedder import Embedder
from cnncodes.embedding.lanes import run_lanes
from cnncodes.embedding.planning import Work
from cnncodes.embedding.reducing import reduce_views
from cnncodes.errors import InternalError, name_some
from cnncodes.images import ImageRecord
from cnncodes.store import CodesWriter, Failure, ImageCodes, ImageCopy, StoredImage
from cnncodes.store.records import labels_of

#: Called after every image with the numbers of images done, to do in all, and failed.
Progress = Callable[[int, int, int], None]


@dataclass
class Counts:
    """What became of the images of a job.

    Attributes
    ----------
    n_views : int
        Of each image.
    reduced : bool
        Whether an image has one row for all of them.
    embedded, copies, unchanged, relabelled, out_of_reach, rows, views, views_run, failures
        As in `EmbedSummary`.
    broken : list of Failure
        Those, among `failures`, of images that are stored and are no pictures now. The writer has not been
        given them: whether so many codes are to go is known when all are counted.
    """

    n_views: int
    reduced: bool
    embedded: int = 0
    copies: int = 0
    unchanged: int = 0
    relabelled: int = 0
    out_of_reach: int = 0
    rows: int = 0
    views: int = 0
    views_run: int = 0
    failures: list[Failure] = field(default_factory=list)
    broken: list[Failure] = field(default_factory=list)

    def count_new(self, result: ImageCodes | ImageCopy) -> None:
        """Count an image whose codes are new."""
        self.embedded += 1
        self.rows += 1 if self.reduced else self.n_views
        self.views += self.n_views
        if isinstance(result, ImageCodes):
            self.views_run += result.views_run
        else:
            self.copies += 1

    @property
    def ended(self) -> int:
        """Images of which it is known what became of them."""
        return self.embedded + self.unchanged + len(self.failures)

    def count_kept(self, result: ImageCopy, before: StoredImage) -> None:
        """Count an image whose content is what it was."""
        self.unchanged += 1
        self.relabelled += labels_of(result) != labels_of(before)


def write_codes(
    embedder: Embedder,
    work: Work,
    writer: CodesWriter,
    counts: Counts,
    n_jobs: int | None,
    on_progress: Progress | None,
) -> None:
    """Embed what is to do, write it, and count it; failures known before come first.

    Raises
    ------
    InternalError
        If an image of the work was lost on its way from a lane to the writer.
    """
    counts.failures += [*work.unreachable, *work.still_failed]
    counts.out_of_reach += len(work.unreachable)
    duplicates = Duplicates(writer)
    stop = threading.Event()

    def claim(key: str, content: str) -> bool:
        if stop.is_set():
            raise _StoppedError
        return duplicates.claim(key, content)

    def embed(chunk: Sequence[ImageRecord]) -> list[Result]:
        return embedder.embed(chunk, claim)

    most = min(embedder.chunk, writer.shard_images)
    done, before = 0, counts.ended
    for done, made in enumerate(run_lanes(embed, work.todo, n_jobs, most=most, stop=stop), start=1):
        _check_turn(work.todo[done - 1 : done], made)
        result = duplicates.resolve(made)
        if result is not None:
            failure = _write(result, writer, counts)
            for waiting in duplicates.end(result.key, failure):
                _write(waiting, writer, counts)
        if on_progress is not None:
            on_progress(done, len(work.todo), len(counts.failures))
    lost = [record.key for record in work.todo[done:]] + duplicates.unfinished
    if lost or counts.ended - before != len(work.todo):
        raise _tell_lost(lost)


def _check_turn(due: Sequence[ImageRecord], made: Result) -> None:
    """Raise the error unless a result is of the image whose turn it is: lanes give them in order."""
    keys = [record.key for record in due]
    if keys != [made.key]:
        raise _tell_lost(keys or [made.key])


def _tell_lost(keys: Sequence[str]) -> InternalError:
    """Return the error of images of which nobody knows what became of them."""
    named = f": {name_some(keys, 2)}" if keys else ""
    return InternalError(
        f"images were lost between reading and writing{named}. That is a fault of cnncodes and of no image;"
        " please report it. What is written stays, and the same command goes on with the rest."
    )


class _StoppedError(Exception):
    """Nobody wants the codes of a chunk any more; nobody hears of it either."""


def _write(result: Result, writer: CodesWriter, counts: Counts) -> Failure | None:
    before = writer.known.get(result.key)
    if isinstance(result, Failure) and before is not None:
        counts.failures.append(result)
        if result.says_nothing:
            counts.out_of_reach += 1
        else:
            counts.broken.append(result)
        return result
    failure = writer.add(reduce_views(result) if counts.reduced else result)
    if failure is not None:
        counts.failures.append(failure)
    elif isinstance(result, ImageCopy) and before is not None and before.content == result.content:
        counts.count_kept(result, before)
    elif not isinstance(result, Failure):
        counts.count_new(result)
    return failure
