"""Fine-tuning the scikit-learn way: what `ImageClassifier(finetune=…)` does in `fit`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.embedding import Embedder
from cnncodes.errors import UsageError
from cnncodes.estimators.inputs import describe_unreadable, make_unreadable
from cnncodes.estimators.predictor import Predictor
from cnncodes.finetuning.comparison import Comparison
from cnncodes.finetuning.contents import hash_contents
from cnncodes.finetuning.examples import (
    Labelled,
    check_known_classes,
    split_validation,
    tell_missing,
    tell_share,
)
from cnncodes.finetuning.history import EpochFigures
from cnncodes.finetuning.job import tune
from cnncodes.finetuning.partition import tell_seen
from cnncodes.finetuning.setting_checks import check_keep
from cnncodes.finetuning.settings import FineTuning
from cnncodes.finetuning.task import Task, tell_fixed
from cnncodes.finetuning.warning import warn
from cnncodes.heads.names import LINEAR
from cnncodes.images import ImageRecord
from cnncodes.schema import from_mapping
from cnncodes.views import ViewPlan

if TYPE_CHECKING:
    from cnncodes.estimators.classifier import ImageClassifier


@dataclass(frozen=True)
class Tuning:
    """What came of a fine-tuning in `fit`.

    Attributes
    ----------
    kept : {"tuned", "head"}
        Which of the two predicts.
    comparison : Comparison
        Of the two, on the images that were held out for validation.
    history : list of EpochFigures
    unfrozen : tuple of str
        The blocks that were trained; a layer, where that is less than the first one's.
    n_images : int
        Images that what is kept has learned from: a head that is kept learns from those held out, too.
    verdict : str
        In words whether it was worth it.
    """

    kept: str
    comparison: Comparison
    history: list[EpochFigures]
    unfrozen: tuple[str, ...]
    n_images: int
    verdict: str


def choose_settings(finetune: Any, random_state: Any) -> FineTuning:
    """Return the settings that an estimator's parameter stands for, but for ``keep``, which is none of them.

    Parameters
    ----------
    finetune : bool, dict or FineTuning
    random_state : int, optional
        In a dictionary's place, where that says none.

    Raises
    ------
    UsageError
        If it is something else, or a setting is wrong.
    """
    if isinstance(finetune, FineTuning):
        return finetune
    if finetune is not True and not isinstance(finetune, Mapping):
        raise UsageError(
            f"finetune must be True, a dictionary of settings, or a FineTuning. Got {finetune!r} instead."
        )
    values = {} if finetune is True else dict(finetune)
    values.pop("keep", None)
    if isinstance(random_state, int | np.integer):
        values.setdefault("random_state", int(random_state))
    return from_mapping(FineTuning, values)


def choose_keep(finetune: Any) -> str:
    """Return which of the two classifiers is asked for.

    Raises
    ------
    UsageError
        If a dictionary says something else.
    """
    return check_keep(finetune.get("keep", "better")) if isinstance(finetune, Mapping) else "better"


def tune_classifier(
    classifier: ImageClassifier,
    embedder: Embedder,
    train_plan: ViewPlan,
    records: Sequence[ImageRecord],
    y: npt.NDArray[Any],
    groups: npt.NDArray[Any] | None,
) -> tuple[Predictor, ViewPlan, Tuning]:
    """Fine-tune on labelled records as a classifier's parameters say; return the better of the two.

    With it come the views that it was trained on, and what came of the fine-tuning.

    Raises
    ------
    UsageError
        If the head is not one of the linear ones by name.
    UnreadableImages
        If an image cannot be read and `on_error` is ``"raise"``.
    """
    settings, n_jobs = choose_settings(classifier.finetune, classifier.random_state), classifier.n_jobs
    keep = choose_keep(classifier.finetune)
    head = classifier.head
    if not isinstance(head, str) or head not in LINEAR:
        raise UsageError(
            f"fine-tuning starts from a linear head by name: {', '.join(LINEAR[:-1])} or {LINEAR[-1]}. Got"
            f" {repr(head) if isinstance(head, str) else type(head).__name__}."
        )
    contents, failed = hash_contents(records, n_jobs)
    # Before hours of training; what does not decode shows there.
    if failed and classifier.on_error == "raise":
        _tell_failed({records[i].key: reason for i, reason in failed.items()}, len(records), "raise")
    read = np.array([i for i in range(len(records)) if i not in failed], np.int64)
    images = Labelled(list(records), y, contents, groups).take(read)
    check_known_classes(images, images, "training")
    train, validation = split_validation(images, settings.validation, settings.random_state)
    notes = tell_fixed(train_plan, f"train_views={str(classifier.train_views)!r}")
    notes += tell_share(train, validation, settings.validation)
    notes += tell_seen(embedder.backbone.card, validation)
    for text in [*notes, *tell_missing(train, validation, "validation")]:
        warn(text)
    task = Task(
        embedder,
        train_plan,
        head,
        train,
        validation,
        settings,
        n_jobs,
        classifier.class_weight,
        held_out=True,
        keep=keep,
    )
    with tempfile.TemporaryDirectory(prefix="cnncodes-") as folder:
        tuned = tune(task, Path(folder))
    names = {records[i].key: reason for i, reason in failed.items()} | tuned.failed
    if names:
        _tell_failed(names, len(records), classifier.on_error)
    for note in (*tuned.notes, *tuned.tell_wish()):
        warn(note)
    kept = tuned.kept
    predictor = tuned.make_kept(embedder, classifier.aggregate)
    if classifier.out_of_fold is False:
        predictor = replace(predictor, answers=None)
    learned = tuned.count_learned(kept)
    verdict = tuned.say_verdict(None)
    plan = tuned.find_plan(train_plan)
    return predictor, plan, Tuning(kept, tuned.validation, tuned.history, tuned.unfrozen, learned, verdict)


def _tell_failed(failed: Mapping[str, str], total: int, on_error: str) -> None:
    text = describe_unreadable(list(failed.items()), total)
    if on_error == "raise":
        raise make_unreadable(text)
    warn(f"{text} They were left out, with their labels.")
