"""What a view plan learns from images: the principal colours of a training set."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence

from cnncodes.embedding.cutting import ColorMeter
from cnncodes.embedding.isolation import Isolation, Workers
from cnncodes.embedding.lanes import run_lanes
from cnncodes.errors import UnreadableImage
from cnncodes.images import Decoding, ImageRecord, ImageSource
from cnncodes.views import ColorMoments, PrincipalColors

#: Called after every image with the numbers of images done, to do in all, and failed.
Progress = Callable[[int, int, int], None]


def measure_colors(
    records: Sequence[ImageRecord],
    *,
    max_pixels: int | None = None,
    n_jobs: int | None = None,
    isolation: Isolation | None = None,
    on_progress: Progress | None = None,
) -> PrincipalColors:
    """Compute the principal components of all RGB pixels of images.

    Every image is decoded exactly and in full, one at a time in each lane; the result does not depend on
    their order or on the number of lanes. Images that cannot be read are left out, as they are when codes
    are made.

    Parameters
    ----------
    records : sequence of ImageRecord
        Training images: what is learned from test images would flatter the figures.
    max_pixels : int, optional
        Images with more pixels are left out; None means 89,478,485.
    n_jobs : int, optional
        Lanes; None and -1 mean one for each usable core.
    isolation : Isolation, optional
        Limits of the processes that decode in the lanes' place, where there are to be any.
    on_progress : callable, optional
        Called as ``on_progress(done, total, failed)``.

    Raises
    ------
    UsageError
        If no image can be read, or all pixels have one colour.
    """
    total, failed = ColorMoments(), 0
    meter = ColorMeter(Decoding.make("exact", max_pixels))
    with contextlib.nullcontext() if isolation is None else isolation.start(meter) as workers:
        work = functools.partial(_measure_chunk, meter, workers)
        for done, moments in enumerate(run_lanes(work, records, n_jobs), start=1):
            total.merge(moments)
            failed += moments.n_images == 0
            if on_progress is not None:
                on_progress(done, len(records), failed)
    return total.principal_colors()


def training_records(source: ImageSource) -> list[ImageRecord]:
    """Return the images of a source that may be learned from: its part ``train`` where it has parts."""
    if any(record.split is not None for record in source.records):
        return [record for record in source.records if record.split == "train"]
    return list(source.records)


def _measure_chunk(
    meter: ColorMeter, workers: Workers | None, chunk: Sequence[ImageRecord]
) -> list[ColorMoments]:
    return [_measure(meter, workers, record) for record in chunk]


def _measure(meter: ColorMeter, workers: Workers | None, record: ImageRecord) -> ColorMoments:
    moments = ColorMoments()
    with contextlib.suppress(UnreadableImage):
        data = record.read()
        if workers is not None and isinstance(data, bytes):
            found, _ = workers.work(data, "")
        else:
            found, _ = meter.work(data, "")
        vars(moments).update(found)
    return moments
