"""The training images of a saved classifier: found in a source by their contents, and their codes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.reporter import Reporter

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cnncodes.estimators.predictor import ImagePredictor
    from cnncodes.evaluation.checks.looking import Look
    from cnncodes.images import ImageRecord

#: Training images that are searched at most.
MOST = 50_000
#: What `--train` says for none.
NONE = "none"
#: Images whose codes are averaged at a time: all their views would take too much memory.
_CHUNK = 4096


@dataclass(frozen=True)
class Candidates:
    """Images that may be those of training: which are is known once they are read.

    Attributes
    ----------
    records : list of ImageRecord
    source : str
        What these are: "the part train of photos".
    why : str
        Why there are none.
    """

    records: list[ImageRecord]
    source: str = ""
    why: str = ""


def find_candidates(options: Any, reporter: Reporter, *, by_class: bool = True) -> Candidates:
    """Find the images that may be those of training: the part train of the source, or what ``--train`` says.

    Raises
    ------
    SourceError
        If there are none where ``--train`` says that they are.
    """
    if options.train == NONE:
        return Candidates([], why=f"They were left out by --train {NONE}.")
    if options.train is None:
        records = inputs.open_images(options.src, options, by_class=by_class).records
        found = [r for r in records if r.split == "train" and r.label is not None]
        why = f"{options.src} has no part train: --train SRC says where they are."
        return Candidates(found, f"the part train of {options.src}", "" if found else why)
    found, part = inputs.labelled_part(options.train, options, None, "train", reporter, by_class=by_class)
    source = f"the part {part} of {options.train}" if part else options.train
    if Path(options.train).resolve() == Path(options.src).resolve():
        return Candidates(found, source)
    # Of another source a name may be that of another image here.
    train = Path(options.train)
    return Candidates([dataclasses.replace(r, key=str(train / r.key), split="train") for r in found], source)


def read_trained(
    candidates: Candidates,
    predictor: ImagePredictor,
    options: Any,
    looks: dict[str, Look] | None,
    reporter: Reporter,
) -> tuple[list[ImageRecord], npt.NDArray[np.float32]] | str:
    """Return the candidates that a classifier was trained on and that can be read, and their codes.

    Parameters
    ----------
    candidates : Candidates
    predictor : ImagePredictor
    options : EvaluateOptions
    looks : dict of str to Look or None
        Where what is seen of each goes, if that is wanted.
    reporter : Reporter

    Returns
    -------
    records : list of ImageRecord
    codes : ndarray of float32, shape (n_images, code_size)
        The mean over each one's views.

    Instead of both, in a sentence, why there are fewer than two.
    """
    import numpy as np

    from cnncodes.evaluation.checks.looking import watch

    if not candidates.records:
        return candidates.why
    chosen = _choose_trained(candidates.records, predictor, options, reporter)
    if len(chosen) > 1:
        reporter.note(
            f"codes of {len(chosen):,} training images, to show the nearest (--memory keeps codes, --train"
            f" {NONE} leaves them out)"
        )
        if looks is not None:
            chosen = [*watch(chosen, looks, max_pixels=options.max_pixels)]
        codes = _embed(predictor, chosen, options, reporter)
        good = np.asarray(np.isfinite(codes).all(axis=1))
        chosen = [record for record, is_good in zip(chosen, good, strict=True) if is_good]
        if len(chosen) > 1:
            return chosen, codes if good.all() else codes[good]
    why = (
        f"Of {len(candidates.records):,} images of {candidates.source}, this {name_kind(predictor)} was"
        f" trained on {len(chosen)} that can be read: give those that it was trained on (--train)."
    )
    reporter.warn(f"nearest training images are left out: {why}")
    return why


def name_kind(predictor: ImagePredictor) -> str:
    """Return what a predictor is called."""
    from cnncodes.estimators.number_predictor import NumberPredictor

    return "regressor" if isinstance(predictor, NumberPredictor) else "classifier"


def _choose_trained(
    candidates: Sequence[ImageRecord], predictor: ImagePredictor, options: Any, reporter: Reporter
) -> list[ImageRecord]:
    import numpy as np

    from cnncodes.embedding import run_lanes
    from cnncodes.estimators.contents import find_trained
    from cnncodes.images import hash_contents

    progress, hashes = reporter.progress("looking for training images"), []
    for content in run_lanes(hash_contents, candidates, options.n_jobs):
        hashes.append(content)
        progress(len(hashes), len(candidates))
    rows = np.flatnonzero(find_trained(predictor.trained, hashes))
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
        reporter.warn(f"of the training images {MOST:,} are drawn, always the same ones, to be searched")
    return [candidates[i] for i in rows.tolist()]


def _embed(
    predictor: ImagePredictor, records: Sequence[ImageRecord], options: Any, reporter: Reporter
) -> npt.NDArray[np.float32]:
    """Return the mean of each image's codes over its views; NaN where it cannot be read."""
    import numpy as np

    from cnncodes.estimators.aggregation import average_rows
    from cnncodes.estimators.inputs import embed_records

    progress = reporter.progress("codes of training images")
    means = np.full((len(records), predictor.embedder.backbone.code_size), np.nan, np.float32)
    failed = 0
    for start in range(0, len(records), _CHUNK):
        chunk = records[start : start + _CHUNK]

        def tell(done: int, _total: int, now: int, start: int = start, failed: int = failed) -> None:
            progress(start + done, len(records), failed + now)

        rows = embed_records(
            predictor.embedder, chunk, n_jobs=options.n_jobs, memory=options.memory, on_progress=tell
        )
        read = np.flatnonzero(rows.counts)
        means[start + read] = average_rows(rows.X, rows.counts[read])
        failed += len(rows.failures)
    return means
