"""The images that are to be held out, with their codes by the views of training and of prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from cnncodes.errors import SpaceMismatch, UsageError, sentence
from cnncodes.estimators.base import ImageEstimator
from cnncodes.estimators.contents import warn_of_tuned
from cnncodes.estimators.inputs import ImageRows, embed_records, list_keys, rows_of, settle_embedders
from cnncodes.estimators.labels import check_groups, labelled_records
from cnncodes.estimators.parameters import check_failures, make_embedders
from cnncodes.estimators.stored import weigh_images
from cnncodes.estimators.training import number_groups
from cnncodes.estimators.unknown import Training
from cnncodes.images import ImageRecord, list_groups
from cnncodes.store import CodeBlocks, Codes
from cnncodes.views import ViewPlan

Array = npt.NDArray[Any]


def read_images(
    estimator: ImageEstimator, X: Any, y: Any, sample_weight: Any, groups: Any, on_progress: Any
) -> tuple[Training, ImageRows]:
    """Return the images that can be read, with their rows for training; and with those for prediction."""
    if getattr(estimator, "finetune", None) not in (None, False):
        raise UsageError("cross-validation is of heads on codes: leave out finetune.")
    if isinstance(X, CodeBlocks):
        raise UsageError("cross-validation needs all codes in memory: give read_codes(folder).")
    if isinstance(X, Codes):
        if y is not None or groups is not None:
            raise UsageError("stored codes have their labels and groups: leave out y and groups.")
        rows, answered, checked, weight, names = _read_codes(estimator, X, sample_weight)
    else:
        rows, answered, checked, weight, names = _embed(estimator, X, y, sample_weight, groups, on_progress)
    reduced = isinstance(X, Codes) and X.reduced and estimator.aggregate == "auto"
    aggregate = "code" if reduced else estimator.aggregate
    numbered = number_groups(names, rows.contents)
    training = Training(rows, checked, weight, numbered, aggregate, estimator.random_state)
    usable = training.usable[answered.counts[training.usable] > 0]
    return training.take(usable), answered.take(usable)


def _embed(
    estimator: ImageEstimator, X: Any, y: Any, sample_weight: Any, groups: Any, on_progress: Any
) -> tuple[ImageRows, ImageRows, Array, Array | None, Array | None]:
    if isinstance(X, Sequence) and len(X) and all(isinstance(record, ImageRecord) for record in X):
        records: list[ImageRecord] = [record for record in X if y is not None or record.label is not None]
        labels = [record.label for record in records] if y is None else y
    else:
        records, labels = labelled_records(X, y, split="train")
    checked = (
        estimator._read_labels(labels, [record.key for record in records])
        if y is None
        else estimator._check_y(labels, len(records))
    )  # before any image is embedded
    weight = estimator._check_weight(sample_weight, checked)
    names = check_groups(list_groups(records) if groups is None else groups, len(checked))
    n_jobs, memory = estimator.n_jobs, estimator.memory
    train, test = settle_embedders(make_embedders(estimator), records, n_jobs)
    rows = embed_records(
        train, records, n_jobs=n_jobs, memory=memory, on_progress=on_progress, on_error=estimator.on_error
    )
    check_failures(rows, checked, noun=estimator._NOUN)
    warn_of_tuned(train.backbone.card, rows.contents)
    if train.plan == test.plan:
        return rows, rows, checked, weight, names
    return rows, embed_records(test, records, n_jobs=n_jobs, memory=memory), checked, weight, names


def _choose_views(codes: Codes, plan: ViewPlan) -> Codes:
    try:
        return codes.select(views=plan)
    except UsageError as error:
        raise UsageError(
            f"the views to predict by are not among those of the codes: {sentence(error)} Give the estimator"
            " test_views that are, such as test_views='center' where they are of the centre alone."
        ) from error


def _read_codes(
    estimator: ImageEstimator, codes: Codes, sample_weight: Any
) -> tuple[ImageRows, ImageRows, Array, Array | None, Array | None]:
    _, test = make_embedders(estimator)
    differing = codes.space.differences(test.space)
    if differing:
        raise SpaceMismatch(
            f"the codes are of another space: {'; '.join(differing)}. Embed the images again."
        )
    of_images = weigh_images(codes, sample_weight)
    codes = codes.select(labelled=True)
    rows, labels, names = rows_of(codes)
    warn_of_tuned(test.backbone.card, rows.contents)
    answered = rows if codes.reduced else rows_of(_choose_views(codes, test.plan))[0]
    checked = estimator._read_labels(labels, list_keys(codes))
    return rows, answered, checked, estimator._check_weight(of_images, checked), names
