"""What is said where held-out images have near copies among those trained on: photos in series."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnncodes.errors import agree, count

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cnncodes.commands.ladder_source import LadderSource
    from cnncodes.estimators.inputs import ImageRows
    from cnncodes.evaluation.baselines import Ladder
    from cnncodes.evaluation.checks.series import NearCopies
    from cnncodes.images import ImageRecord

_GROUP = "Give pictures of one thing one group (--group-column)"
_PART = "Put pictures of one thing into one part"


def look_in_folds(estimator: Any, records: Sequence[ImageRecord]) -> NearCopies:
    """Return how many images of a cross-validation have a near copy that folds may divide from them.

    Parameters
    ----------
    estimator : ImageClassifier, ImageRegressor or ImageMultiLabelClassifier
        Fitted; with a `memory` that has the codes of the images.
    records : sequence of ImageRecord
    """
    import numpy as np

    from cnncodes.estimators.inputs import embed_records
    from cnncodes.evaluation.checks.series import find_near_copies

    embedder, n_jobs = estimator.predictor_.embedder, estimator.n_jobs
    rows = embed_records(embedder, records, n_jobs=n_jobs, memory=estimator.memory)
    read = np.flatnonzero(rows.counts).tolist()
    known, contents = [records[i] for i in read], [rows.contents[i] for i in read]
    return find_near_copies(known, _average(rows), contents, max_pixels=estimator.max_pixels, n_jobs=n_jobs)


def look_in_parts(ladder: Ladder, source: LadderSource, n_jobs: int | None) -> NearCopies | None:
    """Return how many test images have a near copy among the training images; None without any codes."""
    import numpy as np

    from cnncodes.evaluation.checks.series import find_near_copies

    if ladder.codes is None:
        return None
    records = [*(source.train[i] for i in ladder.train), *(source.test[i] for i in ladder.test)]
    places, n_train = np.arange(len(records)), len(ladder.train)
    parts = ladder.codes.train, ladder.codes.test
    return find_near_copies(
        records,
        np.concatenate([_average(rows) for rows in parts]),
        [content for rows in parts for content in rows.contents],
        asked=places[n_train:],
        among=places[:n_train],
        n_jobs=n_jobs,
    )


def _average(rows: ImageRows) -> npt.NDArray[np.float32]:
    """Return the mean code of each image that could be read."""
    from cnncodes.estimators.aggregation import average_rows

    codes: npt.NDArray[np.float32] = average_rows(rows.X, rows.counts[rows.counts > 0]).astype("float32")
    return codes


def doubt_folds(found: NearCopies, src: str) -> str:
    """Say what figures by folds are worth where near copies are many; nothing where they are few."""
    share = f"{_say_share(found.found, found.looked_at)} among the others"
    return _doubt(share, "figures are too good, since folds divide them", _GROUP, found, src)


def doubt_parts(found: NearCopies, src: str, *, held_out: bool) -> str:
    """Say the same of figures on a part, which the program held out or somebody made."""
    share = f"{_say_share(found.found, found.looked_at, 'test image')} among the training images"
    return _doubt(share, "figures are too good", _GROUP if held_out else _PART, found, src)


def _doubt(share: str, what: str, advice: str, found: NearCopies, src: str) -> str:
    if not found.many:
        return ""
    shown = "; ".join(f"{a!r} and {b!r}" for a, b in found.examples)
    return (
        f"{share}, as photos in series have ({shown}): where these show one thing, {what}. {advice};"
        f" 'cnncodes check {shlex.quote(src)}' lists them"
    )


def render_folds_doubt(near: dict[str, Any] | None) -> str:
    """Return what is said of near copies below figures by folds, as the JSON has these."""
    from cnncodes.evaluation.checks.series import NearCopies

    if near is None:
        return ""
    small = f"{said}.\n" if (said := say_small(near)) else ""
    if not NearCopies.from_dict(near).many:
        return small
    share = f"{_say_share(near['with'], near['looked_at'])} among the others"
    return (
        f"{small}{share} (photos in series?): where these show one thing, figures are too good. {_GROUP}.\n"
    )


def say_small(near: dict[str, Any] | None, noun: str = "image") -> str:
    """Say where most of the images that were drawn are too small to be looked at; else nothing."""
    from cnncodes.evaluation.checks.duplicates import SMALL
    from cnncodes.evaluation.checks.series import NearCopies

    if near is None or not NearCopies.from_dict(near).mostly_small:
        return ""
    drawn = count(near["looked_at"] + near["too_small"], noun)
    return f"Near copies were not looked for in {near['too_small']} of {drawn}: pictures below {SMALL} pixels"


def _say_share(found: int, looked_at: int, noun: str = "image") -> str:
    return f"{found} of {count(looked_at, noun)} looked at {agree(found, 'has')} a near copy"
