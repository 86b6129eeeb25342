"""What a fine-tuning ends with: figures of test images, the files, and the summary."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cnncodes.estimators.loading import assemble_estimator
from cnncodes.estimators.predictor import Predictor
from cnncodes.estimators.saving import save_estimator
from cnncodes.finetuning.comparison import Comparison, compare
from cnncodes.finetuning.examples import Labelled
from cnncodes.finetuning.folder import TuningFolder
from cnncodes.finetuning.request import Request
from cnncodes.finetuning.task import Listeners, Task
from cnncodes.finetuning.tuned import Tuned
from cnncodes.plain import to_plain


@dataclass(frozen=True)
class Tested:
    """What test images, which neither classifier has seen, came to.

    Attributes
    ----------
    n_images : int
    comparison : Comparison, optional
        Of those that can be read; None where none can.
    failed : dict of str to str
        The others, and why.
    """

    n_images: int
    comparison: Comparison | None
    failed: dict[str, str]


@dataclass(frozen=True)
class Conclusion:
    """Draws what a fine-tuning comes to.

    Attributes
    ----------
    task : Task
    tuned : Tuned
    request : Request
    """

    task: Task
    tuned: Tuned
    request: Request

    @cached_property
    def _predictors(self) -> dict[str, Predictor]:
        """The head and, where there is one, the tuned network."""
        names = ("head", "tuned") if self.tuned.is_trained else ("head",)
        return {name: self.tuned.make_predictor(name, self.task.embedder) for name in names}

    def test(self, images: Labelled, listeners: Listeners) -> Tested:
        """Compare the two on images that neither has seen."""
        listeners.note(
            f"predicting {len(images.y):,} test images with the head alone"
            + (", and with the tuned network" if self.tuned.is_trained else "")
        )
        found = [
            one.predict_records(
                images.records, n_jobs=self.task.n_jobs, on_progress=listeners.progress("predicting")
            )
            for one in self._predictors.values()
        ]
        failures = found[0].failures
        failed = {failure.key: f"{failure.stage}: {failure.reason}" for failure in failures.values()}
        read = np.array([i for i in range(len(images.y)) if i not in failures], np.int64)
        if not len(read):
            return Tested(len(images.y), None, failed)
        answers = [np.array([str(one.labels[i]) for i in read]) for one in found]
        known = images.take(read)
        comparison = compare(
            known.y.astype(str), answers[-1], answers[0], groups=known.number_groups(), given=known.groups
        )
        return Tested(len(images.y), comparison, failed)

    def write(self, folder: TuningFolder) -> None:
        """Write the log, the tuned network and the classifier that is kept."""
        task, tuned = self.task, self.tuned
        predictor = tuned.make_kept(task.embedder)
        classifier = assemble_estimator(
            predictor,
            tuned.find_plan(task.train_plan),
            tuned.count_learned(tuned.kept),
            backbone=predictor.embedder.backbone,
            head=task.head,
            random_state=task.settings.random_state,
            max_pixels=self.request.max_pixels,
            class_weight=task.settings.class_weight,
        )
        folder.write_log([*tuned.history, *tuned.again])  # which may hold what another --keep had begun
        folder.write_backbone(tuned.backbone)
        save_estimator(classifier, folder.classifier, include_backbone=True, alone=False)

    def describe(self, folder: TuningFolder, tested: Tested | None) -> dict[str, Any]:
        """Return the summary, but for what is known of the images before and of the time it took."""
        tuned = self.tuned
        comparison = None if tested is None else tested.comparison
        return {
            "out": str(folder.path),
            "classifier": str(folder.classifier),
            "backbone": str(folder.backbone),
            "kept": tuned.kept,
            "classes": [str(name) for name in tuned.head.classes],
            "is_trained": tuned.is_trained,
            "trained": tuned.count_learned("tuned") if tuned.is_trained else 0,
            "head_trained": tuned.count_learned("head"),
            "judged_trained": len(tuned.judged.y),
            "unfrozen": list(tuned.unfrozen),
            "settings": dataclasses.asdict(self.task.settings),
            "base_lr": tuned.base_lr,
            "request": self.request.describe(self.task),
            "parity": tuned.backbone.card.parity,
            "validation": self._to_plain(tuned.validation),
            "test": self._to_plain(comparison),
            "verdict": tuned.say_verdict(comparison),
            "notes": [*tuned.notes, *self._tell(tested)],
            "failed": tuned.failed | ({} if tested is None else tested.failed),
            "history": [figures.to_dict() for figures in tuned.history],
            "again": [figures.to_dict() for figures in tuned.again],
        }

    def _to_plain(self, comparison: Comparison | None) -> Any:
        """Return a comparison as plain values; where there is no tuned network, the head's figures alone."""
        found: dict[str, Any] | None = to_plain(comparison)
        if found is None or self.tuned.is_trained:
            return found
        return {name: value if name in ("head", "n_groups") else None for name, value in found.items()}

    def _tell(self, tested: Tested | None) -> list[str]:
        """Return what is to be said of a test part that is of no use, and of a wish that cannot be met."""
        notes = []
        if tested is not None and tested.comparison is None:
            notes.append(
                f"none of the {tested.n_images:,} test images can be read: the validation images alone judge"
            )
        return notes + self.tuned.tell_wish()
