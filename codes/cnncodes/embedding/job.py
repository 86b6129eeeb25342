"""The batch job: from a source of images to a codes dataset on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cnncodes.arguments import check_functions, check_switches, is_positive
from cnncodes.backbones import Backbone
from cnncodes.choices import BACKBONE, CHECKS, DECODE_MODES, DTYPES, REDUCTIONS, SHARD_IMAGES
from cnncodes.embedding.engine import Engine
from cnncodes.embedding.planning import Work, check_name, plan_work
from cnncodes.embedding.relabelling import find_relabelled, warn_of_leak, warn_of_loss
from cnncodes.embedding.settling import settle_job
from cnncodes.embedding.writing import Counts, Progress, write_codes
from cnncodes.errors import ResultWarning, SourceError, UsageError, check_path, warn
from cnncodes.images import Decoding, ImageSource, open_source
from cnncodes.plain import to_builtin
from cnncodes.store import CodesWriter, Failure, StoredViews
from cnncodes.store.failing import describe_lost
from cnncodes.views import ViewPlan


@dataclass(frozen=True)
class EmbedSummary:
    """What an embedding job did.

    Attributes
    ----------
    out : str
        The codes dataset.
    images : int
        Images that the source lists, or would with a plugin of Pillow that read stored ones.
    embedded, copies, unchanged, relabelled, removed, failed, given_up, out_of_reach, still_failed : int
        Images whose codes are new; among these, those whose content another image has, so that the network
        did not run for them; images kept from an earlier run; among these, those whose label, part or
        group is another one now; stored ones that went because the source lacks them; those that could not
        be read; among these, stored ones whose codes went with that, stored ones whose codes stay since they
        are listed and out of reach, as on a disk that is not mounted, or there was too little memory for
        them, and those that were not tried again since their files are as they were.
    rows : int
        Rows written now: one a view, or one an image where views are reduced to their mean.
    views : int
        Views that these rows stand for.
    views_run : int
        Views that the network was run on; fewer than `views` where some are identical.
    seconds : float
        Wall time.
    failures : tuple of Failure
        The failed images with stage and reason.
    """

    out: str
    images: int
    embedded: int
    copies: int
    unchanged: int
    relabelled: int
    removed: int
    failed: int
    given_up: int
    out_of_reach: int
    still_failed: int
    rows: int
    views: int
    views_run: int
    seconds: float
    failures: tuple[Failure, ...] = ()


def embed(
    src: Any,
    out: str | Path,
    *,
    backbone: str | Path | Backbone | Sequence[Backbone] = BACKBONE,
    views: str | Path | ViewPlan = "center",
    random_state: int | None = 0,
    reduce: str = REDUCTIONS[0],
    decode: str = DECODE_MODES[0],
    max_pixels: int | None = None,
    max_memory: int | str | None = None,
    dtype: str = DTYPES[0],
    split: str | None = None,
    n_jobs: int | str | None = None,
    batch_size: int | str | None = None,
    isolate: bool = False,
    decode_seconds: float | None = None,
    shard_images: int = SHARD_IMAGES,
    check: str = CHECKS[0],
    retry_failed: bool = False,
    remove_missing: bool = False,
    on_progress: Progress | None = None,
    on_note: Callable[[str], None] | None = None,
) -> EmbedSummary:
    """Embed images into a codes dataset: one row a view of an image, or one an image.

    Run again on the same folder it goes on where it stopped: images that are there stay, changed and new
    ones are embedded, and vanished ones go. Where the source gives an image another label, part or
    group, the stored one follows. Images of equal content, and one that was renamed, meet the network once.
    An image that cannot be read is a failure of the summary and of the dataset, and raises nothing; it is not
    tried again before its file changes, or the limit is raised that it met. The codes of one that is still
    listed but out of reach stay, as on a disk that is not mounted, or where the plugin of Pillow is not
    registered that read it; and so do those of one for which there is too little memory.

    Parameters
    ----------
    src : path, list or ImageSource
        A folder (of class folders, or flat), a CSV or Parquet table, a list of paths, encoded bytes,
        PIL images or uint8 arrays, or what `cnncodes.images.open_source` gave.
    out : path
        Folder of the dataset; made if it does not exist.
    backbone : str, path, Backbone or sequence of Backbone
        A name in the zoo or a folder with a card; or several sessions of one network, one for each GPU.
    views : str, path or ViewPlan
        ``"center"``, ``"flip"``, ``"tencrop"``, ``"multicrop"``, ``"train:4"``, … (`ViewPlan.parse`), a .toml
        file, or a plan. Where it varies colours along principal components, these are computed from the
        source's part ``train``, or from all of it where it has no parts, and kept with the plan: later runs
        into the same folder use the same.
    random_state : int, optional
        For random views that are given by name; None is 0.
    reduce : {"none", "mean"}
        ``"mean"`` stores one row an image: the mean over its views.
    decode : {"exact", "fast", "nvimgcodec", "nvimgcodec-cpu"}
        ``"fast"`` decodes large JPEGs at a reduced scale, ``"nvimgcodec"`` JPEGs on a GPU (`Decoding`); codes
        differ slightly, and so does the space.
    max_pixels : int, optional
        Images with more pixels are refused rather than decoded; None means 89,478,485.
    max_memory : int or str, optional
        What the images that lanes decode at the same time may take: bytes, or ``"2G"``. A lane waits until
        there is room; an image that takes more is decoded while no other is, and is a failure where it takes
        more than the machine or container has left. None means a quarter of the machine's memory.
    dtype : {"float16", "float32"}
        Of the stored codes.
    split : str, optional
        Only the images of this part: ``"train"``, ``"val"`` or ``"test"``.
    n_jobs : int or "auto", optional
        Lanes; None and -1 mean one for each usable core. ``"auto"`` measures once what is fastest,
        where there is work.
    batch_size : int or "auto", optional
        Views in one call of the network: 8 on the CPU and 64 on other devices. ``"auto"`` measures for some
        seconds what is fastest on this machine, where there is work, and keeps that.
    isolate : bool
        Whether files and encoded bytes are decoded in processes of their own, one a lane. An image that ends
        its process, whatever the decoder's native code does, is a failure as any other, and the job goes
        on. Codes are the same. Arrays and PIL images are cut in the calling process either way. Without it
        such processes decode 4,000 images and more where there are more than four lanes, for speed alone:
        an hour is the limit then.
    decode_seconds : float, optional
        With `isolate` alone: an image whose decoding takes longer is a failure; None means 60.
    shard_images : int
        Images in one shard: the most that a killed job has to do again.
    check : {"stat", "content"}
        By what a stored image counts as unchanged: the size and time of its file, or also its content, for
        which every file is read. A file whose time alone changed is not embedded again either way.
    retry_failed : bool
        Whether images that failed before are tried again although their files are as they were. Those that
        were out of reach, or failed for want of memory or by a limit that is higher now, are tried again
        anyway.
    remove_missing : bool
        Whether any number of stored images may go because the source lacks them, or what is there now cannot
        be decoded. By default more than ten and more than a tenth of them are an error, and so are all of
        them, however few; more than ten, of any number, where some cannot be decoded. Files that are there
        under other names, by base name, size and time, do not count while some others keep theirs. A wrong
        path or part, or a damaged disk, is likelier than a clean-up. What was refused for that stays so as
        new images come.
    on_progress : callable, optional
        Called as ``on_progress(done, total, failed)``. What it raises ends the job; what is done by then is
        kept, and the same call goes on from there.
    on_note : callable, optional
        Called with a line that says what ``"auto"`` chose, or that principal colours are computed first.

    Returns
    -------
    EmbedSummary
        How many images are new, were there already, went and failed, and why; `rows` are those written now.

    Raises
    ------
    SourceError
        If the source is missing or holds no images.
    SpaceMismatch
        If `out` holds codes of another space, plan or reduction; the text names the field.
    StoreError
        If `out` is something else, holds many images that the source lacks or that cannot be decoded from it
        any more, is held by another process, or cannot be written.
    WorkerError
        If `isolate` is asked for and the processes do not start.

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
    shard_images = to_builtin(shard_images)
    if not is_positive(shard_images):
        raise UsageError(f"shard_images must be a whole number of at least 1. Got {shard_images!r}.")
    check_switches(retry_failed=retry_failed, remove_missing=remove_missing)
    check_functions(on_progress=on_progress, on_note=on_note)
    check_name(check)
    check_path(out, "out")
    whole = src if isinstance(src, ImageSource) else open_source(src, unlisted="record")
    source = _choose_part(whole, split)
    engine = Engine.make(
        backbone, batch_size, n_jobs, max_memory, isolate=isolate, decode_seconds=decode_seconds
    )
    decoding = Decoding.make(decode, max_pixels)
    engine.check(decoding)
    loaded = engine.backbone
    plan = ViewPlan.parse(views, random_state=random_state)
    plan.names(loaded.frame)  # what does not fit the network is said before any work
    plan = settle_job(
        plan,
        whole,
        Path(out),
        max_pixels=max_pixels,
        n_jobs=engine.lanes,
        isolation=engine.isolation,
        on_note=on_note,
    )
    stored = StoredViews(plan.to_dict(), asdict(loaded.frame), plan.columns, reduce)
    with CodesWriter.open(
        Path(out),
        engine.embedder(plan, decoding).space,
        stored,
        dtype=dtype,
        shard_images=shard_images,
        layers=loaded.card.layers,
    ) as writer:
        limits = engine.limits(decoding)
        work = plan_work(source, writer, check=check, retry_failed=retry_failed, limits=limits)
        if work.is_unsure:
            warn(describe_lost(Path(out), writer.marks_lost), ResultWarning)
        if not remove_missing:
            work.check_removal(source.name, out, writer.known)
        work.warn_of_unlisted(source.name, out)
        warn_of_loss(source, writer.known)
        if plan.principal_colors is not None:
            warn_of_leak(work.relabelled, writer.known)
        writer.relabel(work.relabelled)
        if work.todo:  # measuring is for who has something to run
            engine = engine.tuned(on_note).for_images(len(work.todo), decoding)
        counts = Counts(len(plan.names(loaded.frame)), stored.reduced)
        with engine.start(plan, decoding) as embedder:
            # Many at once, by the lane; a mean is of what the network gave.
            embedder = embedder if stored.reduced else replace(embedder, dtype=dtype)
            write_codes(embedder, work, writer, counts, engine.lanes, on_progress)
        # Last: what can be lost is lost when all else is done.
        loss = None if remove_missing else work.find_loss(counts.broken, source.name, out)
        _let_go(source, work, counts, writer, keep_broken=loss is not None)
    if loss is not None:
        raise loss
    return _summarize(out, source, work, counts, time.perf_counter() - started)


def _let_go(
    source: ImageSource, work: Work, counts: Counts, writer: CodesWriter, *, keep_broken: bool
) -> None:
    """Remove what the source lacks and what broke, or keep both; the labels of all that stays follow."""
    keep = {failure.key for failure in counts.failures}
    if keep_broken:
        writer.keep_codes(counts.broken)
    else:
        keep -= {failure.key for failure in counts.broken}
        for failure in counts.broken:
            writer.add(failure)
        # What was renamed and cannot be read now keeps what it had under its old name.
        work.gone = [key for key in work.gone if work.renamed.get(key) not in keep]
        writer.drop([*work.gone, *work.forgotten])
    writer.relabel(find_relabelled(source, writer.known, keep))
    if not counts.out_of_reach and not source.barred:
        writer.settle_marks()


def _summarize(
    out: str | Path, source: ImageSource, work: Work, counts: Counts, seconds: float
) -> EmbedSummary:
    return EmbedSummary(
        out=str(out),
        images=len(source.records) + len(work.unlisted),
        embedded=counts.embedded,
        copies=counts.copies,
        unchanged=work.unchanged + counts.unchanged,
        relabelled=len(work.relabelled) + counts.relabelled,
        removed=len(work.gone),
        failed=len(counts.failures),
        given_up=len(counts.broken),
        out_of_reach=counts.out_of_reach,
        still_failed=len(work.still_failed),
        rows=counts.rows,
        views=counts.views,
        views_run=counts.views_run,
        seconds=seconds,
        failures=tuple(counts.failures),
    )


def _choose_part(source: ImageSource, split: str | None) -> ImageSource:
    if split is None:
        return source
    part = source.filter(split=split)
    if not part.records:
        raise SourceError(f"{source.name!r} has no images of the part {split!r}.")
    return part
