"""The batch job: from a source of images to a codes dataset on disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncodes.backbones import Backbone, load_backbone
from cnncodes.embedding.embedder import DEFAULT_BATCH_SIZE, Embedder
from cnncodes.embedding.lanes import run_lanes
from cnncodes.errors import UnreadableImage, UsageError
from cnncodes.images import Decoding, ImageRecord, ImageSource, open_source
from cnncodes.store import CodesWriter, Failure
from cnncodes.views import ViewPlan

#: Called after every image with the numbers of images done, to do in all, and failed.
Progress = Callable[[int, int, int], None]


@dataclass(frozen=True)
class EmbedSummary:
    """What an embedding job did.

    Attributes
    ----------
    out : str
        The codes dataset.
    images : int
        Images that the source lists.
    embedded, unchanged, removed, failed : int
        Images embedded now, kept from an earlier run, dropped because they vanished or changed, and
        those that could not be read.
    rows : int
        Rows written now: one a view.
    views_run : int
        Views that the network was run on; fewer than `rows` where views are identical.
    seconds : float
        Wall time.
    failures : tuple of Failure
        The failed images with stage and reason.
    """

    out: str
    images: int
    embedded: int
    unchanged: int
    removed: int
    failed: int
    rows: int
    views_run: int
    seconds: float
    failures: tuple[Failure, ...] = ()


def embed(
    src: Any,
    out: str | Path,
    *,
    backbone: str | Path | Backbone = "efficientnet-lite0",
    views: str | ViewPlan = "center",
    decode: str | Decoding = "exact",
    dtype: str = "float16",
    split: str | None = None,
    n_jobs: int | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    shard_images: int = 2048,
    on_progress: Progress | None = None,
) -> EmbedSummary:
    """Embed images into a codes dataset: one row a view of an image.

    Run again on the same folder it goes on where it stopped: images that are there stay, changed and
    new ones are embedded, vanished ones go, and those that failed are tried again.

    Parameters
    ----------
    src : path, list or ImageSource
        A folder (of class folders, or flat), a CSV or Parquet table, a list of paths, encoded bytes,
        PIL images or uint8 arrays, or what `cnncodes.images.open_source` gave.
    out : path
        Folder of the dataset; made if it does not exist.
    backbone : str, path or Backbone
        A name in the zoo or a folder with a card.
    views : str or ViewPlan
        ``"center"``, ``"flip"``, ``"tencrop"``, ``"multicrop"``, or a plan.
    decode : {"exact", "fast"} or Decoding
        ``"fast"`` decodes large JPEGs at a reduced scale; codes differ slightly, and so does the space.
    dtype : {"float16", "float32"}
        Of the stored codes.
    split : str, optional
        Only the images of this part: ``"train"``, ``"val"`` or ``"test"``.
    n_jobs : int, optional
        Lanes; None and -1 mean one for each usable core.
    batch_size : int
        Views in one call of the network.
    shard_images : int
        Images in one shard: the most that a killed job has to do again.
    on_progress : callable, optional
        Called as ``on_progress(done, total, failed)``.

    Returns
    -------
    EmbedSummary

    Raises
    ------
    SourceError
        If the source is missing or holds no images.
    SpaceMismatch
        If `out` holds codes of another space or plan; the text names the field.
    StoreError
        If `out` is something else, is held by another process, or cannot be written.

    Examples
    --------
    >>> import tempfile, numpy as np, cnncodes
    >>> pictures = [np.full((64, 64, 3), level, np.uint8) for level in (0, 255)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     summary = cnncodes.embed(pictures, f"{folder}/two.codes", views="flip")
    >>> summary.embedded, summary.rows
    (2, 4)
    """
    started = time.perf_counter()
    if batch_size < 1 or shard_images < 1:
        raise UsageError(
            f"batch_size and shard_images must be at least 1. Got {batch_size} and {shard_images}."
        )
    source = src if isinstance(src, ImageSource) else open_source(src)
    if split is not None:
        source = source.filter(split=split)
    decoding = decode if isinstance(decode, Decoding) else Decoding(mode=_check_mode(decode))
    loaded = backbone if isinstance(backbone, Backbone) else load_backbone(backbone)
    embedder = Embedder(loaded, ViewPlan.parse(views), decoding, batch_size)
    plan = embedder.plan.to_dict()
    with CodesWriter.open(Path(out), embedder.space, plan, dtype=dtype, shard_images=shard_images) as writer:
        todo, removed = _plan_work(source.records, writer)
        counts = _write(embedder, todo, writer, n_jobs, on_progress)
    return EmbedSummary(
        out=str(out),
        images=len(source.records),
        embedded=counts.embedded,
        unchanged=len(source.records) - len(todo),
        removed=removed,
        failed=len(counts.failures),
        rows=counts.rows,
        views_run=counts.views_run,
        seconds=time.perf_counter() - started,
        failures=tuple(counts.failures),
    )


def _check_mode(mode: str) -> Any:
    if mode not in ("exact", "fast"):
        raise UsageError(f"decode must be 'exact' or 'fast'. Got {mode!r} instead.")
    return mode


def _plan_work(records: tuple[ImageRecord, ...], writer: CodesWriter) -> tuple[list[ImageRecord], int]:
    """Say which images to embed, after dropping what changed or vanished from the dataset."""
    todo = [record for record in records if _fingerprint(record) != writer.known.get(record.key, ())]
    keys = {record.key for record in records}
    gone = [key for key in writer.known if key not in keys]
    stale = [record.key for record in todo if record.key in writer.known]
    forgotten = [key for key in writer.failed if key not in keys]
    if gone or stale or forgotten:
        writer.drop([*gone, *stale, *forgotten])
    return todo, len(gone) + len(stale)


def _fingerprint(record: ImageRecord) -> tuple[int, int | None] | None:
    try:
        stat = record.stat()
    except UnreadableImage:
        return None
    return stat.size, stat.mtime_ns


@dataclass
class _Counts:
    embedded: int
    rows: int
    views_run: int
    failures: list[Failure]


def _write(
    embedder: Embedder,
    todo: list[ImageRecord],
    writer: CodesWriter,
    n_jobs: int | None,
    on_progress: Progress | None,
) -> _Counts:
    counts = _Counts(0, 0, 0, [])
    for done, result in enumerate(run_lanes(embedder.embed, todo, n_jobs), start=1):
        failure = writer.add(result)
        if failure is not None:
            counts.failures.append(failure)
        elif not isinstance(result, Failure):
            counts.embedded += 1
            counts.rows += len(result.views)
            counts.views_run += result.views_run
        if on_progress is not None:
            on_progress(done, len(todo), len(counts.failures))
    return counts
