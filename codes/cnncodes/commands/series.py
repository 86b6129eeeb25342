"""What is said where held-out images have near copies among those trained on: photos in series."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnncodes.commands.reporter import Reporter
from cnncodes.errors import agree, count

if TYPE_CHECKING:
    from cnncodes.evaluation.checks.series import NearCopies
    from cnncodes.images import ImageRecord

_ADVICE = "Give pictures of one thing one group (--group-column)"


def look_in_folds(estimator: Any, records: Sequence[ImageRecord]) -> NearCopies:
    """Return how many images of a cross-validation have a near copy that folds may divide from them.

    Parameters
    ----------
    estimator : ImageClassifier, ImageRegressor or ImageMultiLabelClassifier
        Fitted; with a `memory` that has the codes of the images.
    records : sequence of ImageRecord
    """
    from cnncodes.estimators.aggregation import average_rows
    from cnncodes.estimators.inputs import embed_records
    from cnncodes.evaluation.checks.series import find_near_copies

    embedder, n_jobs = estimator.predictor_.embedder, estimator.n_jobs
    rows = embed_records(embedder, records, n_jobs=n_jobs, memory=estimator.memory)
    read = np.flatnonzero(rows.counts).tolist()
    return find_near_copies(
        [records[i] for i in read],
        average_rows(rows.X, rows.counts[read]).astype(np.float32),
        [rows.contents[i] for i in read],
        max_pixels=estimator.max_pixels,
        n_jobs=n_jobs,
    )


def warn_of_series(found: NearCopies, src: str, reporter: Reporter) -> None:
    """Warn where near copies are many."""
    if not found.many:
        return
    share = _say_share(found.found, found.looked_at)
    shown = "; ".join(f"{a!r} and {b!r}" for a, b in found.examples)
    reporter.warn(
        f"{share}, as photos in series have ({shown}): where one is trained on and the other held out,"
        f" figures are too good. {_ADVICE}; 'cnncodes check {shlex.quote(src)}' lists them"
    )


def render_series(near: dict[str, Any] | None) -> str:
    """Return what figures on images with near copies mean; nothing where these are few."""
    from cnncodes.evaluation.checks.series import NearCopies

    if near is None or not NearCopies(near["looked_at"], near["with"]).many:
        return ""
    share = _say_share(near["with"], near["looked_at"])
    return f"{share} (photos in series?): the figures are too good. {_ADVICE}.\n"


def _say_share(found: int, looked_at: int) -> str:
    return (
        f"{found} of {count(looked_at, 'image')} looked at {agree(found, 'has')} a near copy among the others"
    )
