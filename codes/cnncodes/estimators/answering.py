"""What a predictor says of images, some of them at a time: codes of all their views take too much memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.embedding import Embedder
from cnncodes.estimators.aggregation import average_rows
from cnncodes.estimators.contents import Contents, find_trained, shorten
from cnncodes.estimators.inputs import Progress, embed_blocks
from cnncodes.estimators.novelty import NoveltyScale
from cnncodes.images import ImageRecord
from cnncodes.store import Failure

#: Takes codes ``[n_rows, code_size]`` of images, and how many consecutive rows each has.
Answer = Callable[[npt.NDArray[np.float32], npt.NDArray[np.int64]], Any]


@dataclass(frozen=True, eq=False)
class Answered:
    """What is known of some images once their codes are gone.

    Attributes
    ----------
    read : ndarray of int64, shape (n_read,)
        Positions of the images that could be read.
    answers : list
        Of these, in order, some images each.
    failures : dict of int to Failure
        Of the others, by position.
    trained_on, novelty, codes, contents
        As of `Predictions`.
    """

    read: npt.NDArray[np.int64]
    answers: list[Any]
    failures: dict[int, Failure]
    trained_on: npt.NDArray[np.bool_]
    novelty: npt.NDArray[np.float64] | None
    codes: npt.NDArray[np.float32] | None
    contents: Contents


def answer_records(
    embedder: Embedder,
    records: Sequence[ImageRecord],
    answer: Answer,
    *,
    trained: Contents,
    scale: NoveltyScale | None = None,
    codes: bool = False,
    n_jobs: int | None = None,
    memory: str | Path | None = None,
    on_progress: Progress | None = None,
) -> Answered:
    """Make codes of records and keep what is said of them.

    Parameters
    ----------
    embedder : Embedder
    records : sequence of ImageRecord
    answer : callable
    trained : ndarray of uint64
        Contents of the images that were trained on.
    scale : NoveltyScale, optional
        What novelty is measured by, where it is wanted.
    codes : bool
        Whether the mean of each image's codes is.
    n_jobs, memory, on_progress
        As of `embed_blocks`.
    """
    total = len(records)
    read, answers = [np.zeros(0, np.int64)], []
    failures: dict[int, Failure] = {}
    trained_on, contents = np.zeros(total, np.bool_), np.zeros(total, np.uint64)
    novelty = None if scale is None else np.full(total, np.nan)
    means = np.full((total, embedder.backbone.code_size), np.nan, np.float32) if codes else None
    start = 0
    for rows in embed_blocks(embedder, records, n_jobs=n_jobs, memory=memory, on_progress=on_progress):
        failures |= {start + i: failure for i, failure in rows.failures.items()}
        trained_on[start : start + len(rows.counts)] = find_trained(trained, rows.contents)
        places = np.flatnonzero(rows.counts)
        contents[places + start] = shorten([rows.contents[i] for i in places])
        if len(places):
            counts, at = rows.counts[places], places + start
            read.append(at)
            answers.append(answer(rows.X, counts))
            if scale is not None and novelty is not None:
                novelty[at] = scale.rate(average_rows(rows.X, counts))
            if means is not None:
                means[at] = average_rows(rows.X, counts)
        start += len(rows.counts)
    return Answered(np.concatenate(read), answers, failures, trained_on, novelty, means, contents)
