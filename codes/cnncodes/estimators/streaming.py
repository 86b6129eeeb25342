"""Fitting on stored codes that stay on disk, and when that is done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import numpy.typing as npt

from cnncodes.embedding.memory import parse_bytes
from cnncodes.errors import UsageError, check_path, warn
from cnncodes.estimators.aggregation import average_rows, averages_scores
from cnncodes.estimators.answers import HeldOutAnswers
from cnncodes.estimators.constant import warn_of_constant
from cnncodes.estimators.contents import Contents, summarize_contents, summarize_groups, warn_of_contradictory
from cnncodes.estimators.labels import check_labels, check_several
from cnncodes.estimators.novelty import NoveltyScale, choose_images, learn_scale
from cnncodes.estimators.priors import find_shares
from cnncodes.estimators.stored import take_weighted
from cnncodes.estimators.unknown import convert_answers, split_for_scale
from cnncodes.images import join_equal, number_names
from cnncodes.machine import measure_memory

if TYPE_CHECKING:
    from cnncodes.heads.streamed_sample import StreamedFit
    from cnncodes.store import CodeBlocks, Codes, Manifest

Array = npt.NDArray[Any]

#: What a fit in memory takes, in copies of the codes as float32: at its most, which is ridge's, measured. So
#: many beside what each fold at work has, scaled, in float64, centred; and folds at work at most.
COPIES, _OF_FOLD, _FOLDS = 6, 5, 10
#: Share of the machine's memory that a fit takes at most where nothing else is said: one in so many.
_SHARE = 2
#: Bytes for each number of a code that learning what is novel takes.
_EACH = 48
#: Contents that are turned into texts at a time.
_TEXTS = 100_000


def choose_limit(memory_limit: int | str | None) -> int:
    """Return how much memory a fit may take, in bytes: half of the machine's where nothing is said.

    Raises
    ------
    UsageError
        If that is no amount of memory.
    """
    return measure_memory() // _SHARE if memory_limit is None else parse_bytes(memory_limit)


def _reckon(manifest: Manifest, n_jobs: int | None) -> int:
    """Return how many bytes a fit on all stored codes in memory takes, besides Python and its libraries."""
    threads = joblib.cpu_count() if n_jobs is None else int(joblib.effective_n_jobs(n_jobs))
    copies = COPIES + _OF_FOLD * min(threads, _FOLDS)
    return copies * 4 * manifest.space.code_size * sum(shard.rows for shard in manifest.shards)


def open_to_fit(
    path: str | Path, head: Any, memory_limit: int | str | None = None, n_jobs: int | None = None
) -> Codes | CodeBlocks:
    """Read a codes dataset, or only open it where a fit on all codes in memory would take too much.

    Parameters
    ----------
    path : path
    head : str or scikit-learn classifier
        Those that need all codes in memory get them, with a warning where no limit was given.
    memory_limit : int or str, optional
        ``"2G"``, ``"500M"`` or a number of bytes. None: half of the machine's memory, or the container's.
    n_jobs : int, optional
        Threads, each of which has a fold at work. None: one for each usable core.

    Raises
    ------
    UsageError
        If a limit was given and the head needs more.
    StoreError
        If it is no codes dataset, or is damaged.
    """
    from cnncodes.store import Manifest, open_codes, read_codes

    limit = choose_limit(memory_limit)
    check_path(path, "the path of the codes")
    manifest = Manifest.read(Path(path))
    needed = _reckon(manifest, n_jobs)
    if needed <= limit:
        return read_codes(path)
    if can_stream(head):
        return open_codes(path)
    text = (
        f"{_name(head)} needs all codes in memory, about {needed / 2**20:,.0f}M to fit, and the limit is"
        f" {limit / 2**20:,.0f}M"
    )
    if memory_limit is not None:
        raise UsageError(f"{text}: {_advise()}, or raise the limit.")
    warn(f"{text} (half of the memory there is): {_advise()}.")
    return read_codes(path)


def check_streamed(head: Any) -> None:
    """Raise `UsageError` unless a head, by name or as an object, can be fitted on blocks of codes."""
    if not can_stream(head):
        raise UsageError(f"{_name(head)} needs all codes in memory: {_advise()}, or read_codes.")


def can_stream(head: Any) -> bool:
    """Say whether a head, by name or as an object, can be fitted without all codes in memory."""
    from cnncodes.heads.estimator import LinearHead
    from cnncodes.heads.streaming import STREAMED

    kind = head.kind if isinstance(head, LinearHead) else head
    return isinstance(kind, str) and kind in STREAMED


def _name(head: Any) -> str:
    return f"the head {head!r}" if isinstance(head, str) else f"the head {type(head).__name__}"


def _advise() -> str:
    from cnncodes.heads.streaming import STREAMED

    return f"choose one of {', '.join(STREAMED)}, which read them in blocks, or fewer images"


@dataclass(frozen=True, eq=False)
class Streamed:
    """A head that was fitted on blocks of codes, and what is kept beside it."""

    head: Any
    trained: Contents
    trained_groups: Contents
    answers: HeldOutAnswers | None
    scale: NoveltyScale | None
    shares: npt.NDArray[np.float64] | None
    n_images: int
    n_passes: int


def fit_blocks(
    head: Any,
    codes: CodeBlocks,
    *,
    aggregate: str,
    random_state: Any,
    out_of_fold: bool | None,
    memory: int,
    n_jobs: int | None = None,
    sample_weight: Any = None,
) -> Streamed:
    """Fit a head on the labelled rows of codes.

    Parameters
    ----------
    head : LinearHead
        Unfitted.
    codes : CodeBlocks
    random_state, out_of_fold
        As of `ImageClassifier`.
    aggregate : str
        What is averaged over an image's rows in prediction.
    memory : int
        Bytes.
    n_jobs : int, optional
        Threads of a fit in memory, for which it may be that there is enough.
    sample_weight : array-like of float, shape (n_rows,), optional
        Of the image that each row is of.
    """
    from cnncodes.heads.streamed_rows import StreamedRows
    from cnncodes.heads.streaming import fit_streamed
    from cnncodes.store.blocks import number_values

    codes, weight = take_weighted(codes, sample_weight)
    y, names = number_values(codes.rows.column("label"))
    classes = check_labels(names.to_pylist())
    check_several(classes)
    images, keys = number_values(codes.rows.column("image"))
    content, contents = number_values(codes.rows.column("content"))
    first = np.unique(images, return_index=True)[1]
    _warn_of_contradictory(keys, contents, content[first], classes, y[first])
    named, groups = codes.name_groups(first), content
    if named is not None:
        groups = join_equal(number_names(named), content[first])[images]
    stream = StreamedRows.make(
        codes.blocks, codes.space.code_size, y, classes, images, groups, head.class_weight, weight
    )
    n_stored = sum(shard.rows for shard in codes.stored.shards)
    stream = replace(stream, stored=(n_stored, _reckon(codes.stored, n_jobs)))
    fit = fit_streamed(head, stream, memory)
    _warn_of_constant(fit, images[fit.sample.rows])
    averages = averages_scores(aggregate, int(np.bincount(images).max()))
    return Streamed(
        head,
        _summarize(contents),
        summarize_groups(named),
        _find_answers(head, fit, averages, out_of_fold),
        _find_scale(stream.rows, fit, random_state, memory, weight),
        find_shares(classes[y[first]], None if weight is None else weight[first], head),
        len(keys),
        fit.n_passes,
    )


def _warn_of_contradictory(keys: Any, contents: Any, content: Array, classes: Array, y: Array) -> None:
    """Warn of equal images of different classes; contents and classes are given once, and by number."""
    pairs = np.unique(np.column_stack([content, y]), axis=0)[:, 0]
    some = np.flatnonzero(np.isin(content, pairs[1:][pairs[1:] == pairs[:-1]]))
    warn_of_contradictory(
        keys.take(some).to_pylist(), contents.take(content[some]).to_pylist(), classes[y[some]], "class"
    )


def _warn_of_constant(fit: StreamedFit, images: Array) -> None:
    """Warn where the codes of the sample, rows of these images, are all equal."""
    starts = np.flatnonzero(np.diff(images, prepend=-1))
    warn_of_constant(fit.X, np.diff(starts, append=len(images)))


def _summarize(contents: Any) -> Contents:
    parts = [contents.slice(at, _TEXTS).to_pylist() for at in range(0, len(contents), _TEXTS)]
    return np.unique(np.concatenate([summarize_contents(part) for part in parts]))


def _find_answers(
    head: Any, fit: StreamedFit, averages: bool, out_of_fold: bool | None
) -> HeldOutAnswers | None:
    """Return what the folds said of the sample's images, each class in its share."""
    found = head.held_out_
    if out_of_fold is False:
        return None
    if found is None or not averages:
        if out_of_fold:
            raise UsageError(
                "out_of_fold=True has nothing to keep where codes are read in blocks and"
                f" {'nothing was held out' if found is None else 'decision values are not what is averaged'}:"
                " leave it out, or fit with all codes in memory."
            )
        return None
    fair = fit.sample.fair[found.images]
    return convert_answers(found.take(fair), head.scorer_)


def _find_scale(
    rows: Any, fit: StreamedFit, random_state: Any, memory: int, weight: Array | None
) -> NoveltyScale | None:
    """Return what novelty is measured by, from images of the sample."""
    from cnncodes.heads.streamed_rows import BASE, ROW_BYTES

    images = rows.images[fit.sample.rows]
    order = np.argsort(images, kind="stable")
    present, first, counts = np.unique(images[order], return_index=True, return_counts=True)
    y, groups = (values[fit.sample.rows][order][first] for values in (rows.y, rows.groups))
    size = fit.X.shape[1]
    free = memory - BASE - ROW_BYTES * len(rows.y) - fit.X.nbytes - 32 * size**2
    seed = int(random_state) if isinstance(random_state, int | np.integer) else 0
    chosen, rated = choose_images(y, seed, max(1000, free // (_EACH * size)))
    wanted = np.isin(images[order], present[chosen])
    codes = average_rows(fit.X[order[wanted]], counts[chosen])
    copies = None if weight is None else weight[fit.sample.rows][order][first][chosen]
    splits = split_for_scale(y[chosen], groups[chosen], random_state, copies)
    fair = rated & fit.sample.fair[present[chosen]]
    return learn_scale(codes, y[chosen], splits, fair, copies, groups[chosen])
