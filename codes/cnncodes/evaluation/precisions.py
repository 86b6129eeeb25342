"""What a backbone of less precision costs: its codes, and heads on them, against those of fp32."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from cnncodes.backbones.checking.parity import compare_each
from cnncodes.backbones.precisions import Quantization, counts_as_equal
from cnncodes.embedding import Embedder
from cnncodes.errors import SourceError
from cnncodes.estimators.contents import find_trained
from cnncodes.estimators.inputs import ImageRows, Progress, embed_records
from cnncodes.estimators.predictor import Predictor
from cnncodes.estimators.training import fit_rows
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.paired import compare_paired
from cnncodes.evaluation.shares import wilson
from cnncodes.heads.selection import make_head
from cnncodes.images import ImageRecord

Array = npt.NDArray[Any]

_FOLDS = 5


@dataclass(frozen=True)
class PrecisionCost:
    """How close codes of less precision are to those of fp32, on the same images.

    Attributes
    ----------
    images : int
        Images that could be read.
    cosine, worst_cosine : float
        Of each code with the one of fp32, without the mean code: the median image, and the worst.
    reference, accuracy : Estimate or None
        Accuracy of a cross-validated head on codes of fp32, and on the others. None where the images have
        not two labels, each of at least two images.
    change : Estimate or None
        The second less the first, on the same images in the same folds.
    equal : bool
        Whether the lower end of the change's interval is above -1 point, on at least 2,000 images.
    trained_on : int
        Images that the classifier was trained on.
    calibrated : int
        Images that the codes of less precision were calibrated on: of others they may be further off.
    """

    images: int
    cosine: float
    worst_cosine: float
    reference: Estimate | None = None
    accuracy: Estimate | None = None
    change: Estimate | None = None
    equal: bool = False
    trained_on: int = 0
    calibrated: int = 0

    def describe(self, method: str, activations: str, calibrated: int) -> Quantization:
        """Return what a card says, rounded: the last digits differ between machines.

        Parameters
        ----------
        method, activations : str
        calibrated : int
            Images that the file was calibrated on.
        """
        change = self.change
        low, value, high = (None,) * 3 if change is None else (change.low, change.value, change.high)
        return Quantization(
            method=method,
            activations=activations,
            images=calibrated,
            cosine=round(self.cosine, 4),
            worst_cosine=round(self.worst_cosine, 4),
            compared=self.images,
            change=_round(value),
            low=_round(low),
            high=_round(high),
            equal=self.equal,
        )


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def measure_precision(
    records: Sequence[ImageRecord],
    full: Embedder,
    lesser: Embedder,
    *,
    calibrated: Collection[str] = (),
    head: Any = "ridge",
    random_state: int = 0,
    n_jobs: int | None = None,
    on_progress: Progress | None = None,
) -> PrecisionCost:
    """Compare the codes of two embedders, and a head's accuracy on them in cross-validation.

    Parameters
    ----------
    records : sequence of ImageRecord
        Where all have labels, accuracy is compared; equal files share a fold.
    full, lesser : Embedder
        Of one view an image.
    calibrated : collection of str
        Hashes of the contents of the images that `lesser` was calibrated on.
    head : str or scikit-learn classifier
        By default one that has a closed solution: no solver's last step stands between the two.
    random_state : int
        Decides the folds, and the resamples of the interval.
    n_jobs : int, optional
        Lanes.
    on_progress : callable, optional
        Called as ``on_progress(done, total, failed)``, for both networks together.

    Raises
    ------
    SourceError
        If not even two images can be read.
    """
    found = _embed_twice(records, full, lesser, n_jobs, on_progress)
    cost, read = _compare_codes(*found, calibrated)
    reference = found[0]
    labels = [records[i].label for i in read]
    contents = np.array([reference.contents[i] for i in read])
    splits = _make_splits(labels, contents, random_state)
    if not splits:
        return cost
    y = np.array(labels)
    make = functools.partial(make_head, head, random_state=random_state, n_jobs=n_jobs)
    answers = [_answer(rows.X, y, contents, splits, make) for rows in found]
    return _add_accuracy(cost, y, answers, contents, random_state)


def measure_classifier(
    records: Sequence[ImageRecord],
    full: Predictor,
    lesser: Predictor,
    *,
    calibrated: Collection[str] = (),
    random_state: int = 0,
    n_jobs: int | None = None,
    on_progress: Progress | None = None,
) -> PrecisionCost:
    """Compare a fitted classifier with itself on a network of less precision: its codes, and its answers.

    Parameters
    ----------
    records : sequence of ImageRecord
        Of those with labels the accuracy is compared: none of them should have been trained on.
    full, lesser : Predictor
        The same head and views, on two networks.
    calibrated, random_state, n_jobs, on_progress
        As in `measure_precision`.

    Raises
    ------
    SourceError
        If not even two images can be read, or the labels are of none of its classes.
    """
    known = {str(name) for name in full.classes}
    labels = {str(record.label) for record in records if record.label is not None}
    if labels and not labels & known:
        raise SourceError(
            f"the classifier knows none of the labels {', '.join(sorted(labels)[:5])}: its classes are"
            f" {', '.join(sorted(known)[:5])}. Give images of these to compare on, or images without labels."
        )
    found = _embed_twice(records, full.embedder, lesser.embedder, n_jobs, on_progress)
    cost, read = _compare_codes(*found, calibrated)
    trained_on = int(find_trained(full.trained, found[0].contents).sum())
    cost = dataclasses.replace(cost, trained_on=trained_on)
    contents = np.array([found[0].contents[i] for i in read])
    counts = found[0].counts[read]
    answers = [
        np.array([str(label) for label in predictor.score(rows.X, counts).labels])
        for predictor, rows in zip((full, lesser), found, strict=True)
    ]
    labelled = np.array([records[i].label is not None for i in read])
    if not labelled.any():
        return cost
    y = np.array([str(records[i].label) for i in read])
    return _add_accuracy(
        cost, y[labelled], [given[labelled] for given in answers], contents[labelled], random_state
    )


def _embed_twice(
    records: Sequence[ImageRecord],
    full: Embedder,
    lesser: Embedder,
    n_jobs: int | None,
    on_progress: Progress | None,
) -> tuple[ImageRows, ImageRows]:
    steps: list[Progress | None] = [None, None]
    if on_progress is not None:
        steps = [_shift(on_progress, done, 2 * len(records)) for done in (0, len(records))]
    reference, codes = (
        embed_records(embedder, records, n_jobs=n_jobs, on_progress=step)
        for embedder, step in zip((full, lesser), steps, strict=True)
    )
    return reference, codes


def _compare_codes(
    reference: ImageRows, codes: ImageRows, calibrated: Collection[str]
) -> tuple[PrecisionCost, list[int]]:
    """Return how close codes are, and the numbers of the images that could be read."""
    read = np.flatnonzero(reference.counts).tolist()
    if len(read) < 2:
        raise SourceError(f"comparing codes needs at least two images that can be read. {len(read)} can be.")
    cosines = compare_each(codes.X, reference.X)
    seen = len([i for i in read if reference.contents[i] in calibrated])
    cost = PrecisionCost(len(read), float(np.median(cosines)), float(cosines.min()), calibrated=seen)
    return cost, read


def _add_accuracy(
    cost: PrecisionCost, y: Array, answers: Sequence[Array], contents: Array, random_state: int
) -> PrecisionCost:
    change = _compare_answers(y, answers[1], answers[0], contents, random_state)
    scores = [wilson(int((given == y).sum()), len(y)) for given in answers]
    return dataclasses.replace(
        cost,
        reference=scores[0],
        accuracy=scores[1],
        change=change,
        equal=counts_as_equal(change.low, len(y)),
    )


def _shift(on_progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _, failed: on_progress(before + done, total, failed)


def _make_splits(labels: list[Any], contents: Array, random_state: int) -> list[tuple[Array, Array]]:
    if any(label is None for label in labels) or len(set(labels)) < 2:
        return []
    y = np.array(labels)
    # Equal files are one image here: a class of copies alone cannot be on both sides.
    fewest = min(len(set(contents[y == label])) for label in set(labels))
    if fewest < 2:
        return []
    folds = StratifiedGroupKFold(min(_FOLDS, fewest), shuffle=True, random_state=random_state)
    return list(folds.split(y, y, contents))


def _answer(
    X: Array, y: Array, contents: Array, splits: list[tuple[Array, Array]], make: Callable[[], Any]
) -> Array:
    answers = np.empty(len(y), dtype=y.dtype)
    for train, test in splits:
        rows = ImageRows(X[train], np.ones(len(train), np.int64), contents[train].tolist(), {})
        answers[test] = fit_rows(make(), rows, y[train]).predict(X[test])
    return answers


def _compare_answers(y: Array, ours: Array, theirs: Array, contents: Array, random_state: int) -> Estimate:
    change = compare_paired(y, ours, theirs, groups=contents, random_state=random_state)
    if math.isnan(change.low):  # no image is answered otherwise: at most 3 of n would be, in 95 of 100 cases
        rest = min(1.0, 3 / len(y))
        return Estimate(change.value, change.value - rest, change.value + rest, change.n)
    return change
