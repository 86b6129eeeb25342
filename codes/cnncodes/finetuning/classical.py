"""The classical head of a fine-tuning: the one that it starts from, and the one that it has to beat."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SavedModelError, UsageError
from cnncodes.estimators.aggregation import score_images
from cnncodes.estimators.inputs import ImageRows, embed_records
from cnncodes.estimators.npy import DAMAGED
from cnncodes.estimators.training import fit_rows, number_groups
from cnncodes.estimators.unknown import Training
from cnncodes.finetuning.examples import Labelled
from cnncodes.finetuning.features import FeatureStore
from cnncodes.finetuning.judging import Judge
from cnncodes.finetuning.learned import LearnedHead
from cnncodes.finetuning.stages import Examples
from cnncodes.finetuning.task import Listeners, Task, identify
from cnncodes.heads.linear import LinearScorer
from cnncodes.heads.selection import make_head
from cnncodes.store.files import atomic_write
from cnncodes.views import ViewPlan

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ClassicalHead:
    """Fits the head of a task on the codes that a feature store has.

    Attributes
    ----------
    task : Task
    store : FeatureStore
    train, validation : Examples
        The images that can be read.
    """

    task: Task
    store: FeatureStore
    train: Examples
    validation: Examples

    def find(self, classes: Array, folder: Path, listeners: Listeners) -> LinearScorer:
        """Return the head to start from: the one given, that of an earlier run of the task, or a new one.

        Raises
        ------
        UsageError
            If the one given has other classes.
        """
        task = self.task
        if task.start is not None:
            if not np.array_equal(task.start.classes, classes):
                raise UsageError(
                    f"the head to start from has the classes {task.start.classes.tolist()}, and the images"
                    f" {classes.tolist()}."
                )
            return task.start
        path, identity = folder / "head.npz", identify(task)
        found = _read(path, identity, listeners.warn)
        if found is None:
            found = self._fit(self._trained_rows(), task.train.take(self.train.images), listeners).scorer_
            text = io.BytesIO()
            arrays: dict[str, Any] = {"identity": np.asarray(identity), **found.to_arrays()}
            np.savez(text, **arrays)
            atomic_write(path, text.getvalue())
        return found

    def refit(self, given: Labelled, listeners: Listeners) -> LearnedHead:
        """Return the head fitted on all images that were given to train on, as ``cnncodes fit`` does it.

        Parameters
        ----------
        given : Labelled
            The images that are trained on, and then those for validation.
        listeners : Listeners
        """
        rows = self._join(self._trained_rows(), self._held_out_rows())
        fitted = self._fit(rows, given, listeners)
        return replace(self.describe(given, rows, fitted.scorer_), fitted=fitted)

    def describe(self, given: Labelled, rows: ImageRows | None, scorer: LinearScorer) -> LearnedHead:
        """Return a head with what it was fitted on: those that are trained on where no rows are given."""
        rows = self._trained_rows() if rows is None else rows
        groups = number_groups(given.groups, rows.contents)
        return LearnedHead(
            scorer,
            Training(rows, given.y, None, groups, "decision", self.task.settings.random_state),
            self._make,
            plan=self._plan,
        )

    def _join(self, *parts: ImageRows) -> ImageRows:
        return ImageRows(
            np.concatenate([part.X for part in parts]),
            np.concatenate([part.counts for part in parts]),
            [content for part in parts for content in part.contents],
            {},
        )

    def make_judge(self, head: LinearScorer) -> Judge:
        """Return what measures networks on the validation images, beside a head."""
        own = self.validation
        counts = np.full(len(own.images), own.views, np.int64)
        answers = score_images(head, self.store.codes(own.rows()), counts, "decision").labels
        images = self.task.validation.take(own.images)
        return Judge(
            own,
            np.searchsorted(head.classes, answers).astype(np.int64),
            self.task.settings,
            images.number_groups(),
            images.groups,
        )

    @property
    def _plan(self) -> ViewPlan:
        """The views that it is trained on: the first of the plan, which are fixed, if any is."""
        plan = self.task.train_plan
        return plan if plan.crops == "none" else replace(plan, random=None)

    def _trained_rows(self) -> ImageRows:
        """Return the codes of the images that are trained on."""
        train, views = self.train, self._plan.count
        places = train.rows(np.arange(views))
        contents = [self.task.train.contents[i] for i in train.images]
        return ImageRows(self.store.codes(places), np.full(len(contents), views, np.int64), contents, {})

    def _held_out_rows(self) -> ImageRows:
        """Return those of the validation images, of the same views."""
        embedder, examples = self.task.embedder, self.validation
        images = self.task.validation.take(examples.images)
        try:
            views = np.array(self._plan.find_in(embedder.plan, embedder.backbone.frame), np.int64)
        except UsageError:  # a prediction has other views
            embedder = replace(embedder, plan=self._plan)
            return embed_records(embedder, images.records, n_jobs=self.task.n_jobs, on_error="raise")
        counts = np.full(len(images.y), len(views), np.int64)
        return ImageRows(self.store.codes(examples.rows(views)), counts, list(images.contents), {})

    def _make(self) -> Any:
        task = self.task
        return make_head(
            task.head,
            class_weight=task.weighting,
            random_state=task.settings.random_state,
            n_jobs=task.n_jobs,
        )

    def _fit(self, rows: ImageRows, images: Labelled, listeners: Listeners) -> Any:
        """Return a fitted head."""
        listeners.note(f"training the head {self.task.head} on the codes of {len(images.y):,} images")
        return fit_rows(self._make(), rows, images.y, groups=images.groups)


def _read(path: Path, identity: str, on_damage: Callable[[str], None]) -> LinearScorer | None:
    """Return the head that a file holds, None unless it is one of the same task; say where it is damaged."""
    if not path.is_file():
        return None
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = dict(file)
        return LinearScorer.from_arrays(arrays) if str(arrays.pop("identity")) == identity else None
    except (*DAMAGED, OSError, KeyError, zipfile.BadZipFile, zlib.error, SavedModelError):
        on_damage(f"{path} is damaged: the head is trained again")
        return None
