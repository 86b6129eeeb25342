"""Everything before the first epoch: the parts of the graph, their features, the head, and the trainer."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SourceError
from cnncodes.finetuning.basis import (
    HELD_OUT,
    TRAIN,
    VALIDATION,
    Basis,
    Chosen,
    choose_part,
    make_trainer,
    open_store,
)
from cnncodes.finetuning.checkpoints import Checkpoint
from cnncodes.finetuning.classical import ClassicalHead
from cnncodes.finetuning.description import explain_difference, write_description
from cnncodes.finetuning.examples import Labelled, check_known_classes, check_read, check_some
from cnncodes.finetuning.features import FeatureStore
from cnncodes.finetuning.history import NETWORK_STAGE
from cnncodes.finetuning.judging import Course, Judge
from cnncodes.finetuning.learned import LearnedHead
from cnncodes.finetuning.loading import import_torch
from cnncodes.finetuning.room import check_room, find_room, say_bytes
from cnncodes.finetuning.stages import Examples
from cnncodes.finetuning.task import Listeners, Task, identify
from cnncodes.finetuning.world import ALONE, World
from cnncodes.heads.linear import LinearScorer

if TYPE_CHECKING:
    from cnncodes.finetuning.training import Trainer

Array = npt.NDArray[Any]

#: How many sets are needed at first.
_FIRST = 2


@dataclass(frozen=True)
class Prepared:
    """A fine-tuning before its first epoch.

    Attributes
    ----------
    basis : Basis
    classes : ndarray, shape (n_classes,)
    train, validation : Examples
        The images that can be read.
    head : LinearScorer
        The head that it starts from.
    judge : Judge
        Of the validation images.
    trainer : Trainer
    """

    basis: Basis
    classes: Array
    train: Examples
    validation: Examples
    head: LinearScorer
    judge: Judge
    trainer: Trainer

    @property
    def task(self) -> Task:
        """What is fine-tuned on what."""
        return self.basis.task

    @property
    def trained(self) -> Labelled:
        """The images that the network is trained on."""
        return self.task.train.take(self.train.images)

    @property
    def validated(self) -> Labelled:
        """The validation images that can be read."""
        return self.task.validation.take(self.validation.images)

    @property
    def given(self) -> Labelled:
        """The images that were given to train on: with those that were held out of them for validation."""
        if not self.task.held_out:
            return self.trained
        return self.trained.join(self.validated)

    def refit_head(self, listeners: Listeners) -> LearnedHead:
        """Return the head fitted on all images that were given to train on.

        It is the one that the network starts from where no image of these was held out, or where that head
        was given.
        """
        if self.task.start is not None:
            return LearnedHead(self.head)
        classical = ClassicalHead(self.task, self.basis.store, self.train, self.validation)
        if self.task.held_out:
            return classical.refit(self.given, listeners)
        return classical.describe(self.given, None, self.head)


def prepare(task: Task, folder: Path, listeners: Listeners, world: World = ALONE) -> Prepared:
    """Make everything ready for the first epoch; the store is the caller's to close.

    Parameters and errors are those of `cnncodes.finetuning.job.tune`.
    """
    import_torch()
    from cnncodes.finetuning.device import choose_device

    where = choose_device(task.settings, task.n_jobs, world)
    checkpoint = Checkpoint(
        folder / "checkpoint.safetensors",
        identify(task),
        listeners.warn,
        functools.partial(explain_difference, task, folder),
    )
    if world.is_first:
        checkpoint.read()  # that of another task is refused before anything beside it is replaced
        if task.is_saved:
            write_description(task, folder)
    with contextlib.ExitStack() as undo:
        with world.first_goes_first():
            chosen = choose_part(task, listeners)
            store = open_store(task, chosen.parts, folder)
            undo.callback(store.close)
            if world.is_first:
                _fill(store, chosen, folder, task, listeners)
            else:
                store.join(_FIRST)
            try:
                classes, train, validation = _make_examples(task, store)
            except SourceError:  # images that do are others, of which nothing is known
                if world.is_first:
                    store.discard()
                raise
        classical = ClassicalHead(task, store, train, validation)
        head = world.share(lambda: classical.find(classes, folder, listeners))
        judge = classical.make_judge(head)
        basis = Basis(task, folder, chosen, where, store)
        trainer = make_trainer(basis, train, head, judge, checkpoint, listeners, world)
        undo.pop_all()
    return Prepared(basis, classes, train, validation, head, judge, trainer)


def prepare_again(
    prepared: Prepared, head: LinearScorer, course: Course, listeners: Listeners, world: World
) -> Trainer:
    """Make everything ready to train on all images that were given, those held out for validation too.

    Parameters
    ----------
    prepared : Prepared
        Of the training before.
    head : LinearScorer
        The head that it starts from.
    course : Course
        Where it takes fewer epochs than were allowed, the rates fall the sooner.
    listeners : Listeners
    world : World
    """
    basis, task, store = prepared.basis, prepared.task, prepared.basis.store
    with world.first_goes_first():
        if world.is_first:
            store.fill(listeners.progress("embedding"))
        else:
            store.join()
    held_out = _make_some(task.validation, store, HELD_OUT, prepared.classes, task.train_plan.count)
    settings = dataclasses.replace(
        task.settings,
        base_lr=prepared.trainer.state.base_lr,  # which may have been found
        epochs=course.epochs[NETWORK_STAGE],
    )
    return make_trainer(
        dataclasses.replace(basis, task=dataclasses.replace(task, settings=settings)),
        prepared.train.join(held_out),
        head,
        course,
        Checkpoint(basis.folder / "again.safetensors", f"{identify(task)} again", listeners.warn),
        listeners,
        world,
    )


def _fill(store: FeatureStore, chosen: Chosen, folder: Path, task: Task, listeners: Listeners) -> None:
    room = find_room(task, chosen, store, _FIRST)
    doubt = check_room(room, folder)
    if doubt:
        listeners.warn(doubt)
    rest = max(0, store.count_rows(_FIRST) - store.kept_rows)
    listeners.note(
        f"on disk it takes {say_bytes(room.most)} at most, {say_bytes(room.features)} of these for what the"
        f" frozen part gives of {store.rows:,} views"
        + (f"; for {rest:,} no room is left: computed anew in each epoch (--cache)" if rest else "")
    )
    store.fill(listeners.progress("embedding"), _FIRST, listeners.warn)


def _make_examples(task: Task, store: FeatureStore) -> tuple[Array, Examples, Examples]:
    """Return the classes, and which images can be read, with their classes' numbers."""
    train, validation = (
        images.take(_find_read(images, store, number))
        for images, number in ((task.train, TRAIN), (task.validation, VALIDATION))
    )
    check_some(train, "training")
    check_read(task.train.y, train.y)
    check_some(validation, "validation")
    check_known_classes(train, validation, "validation")
    classes = np.unique(train.y)
    return (
        classes,
        _make_some(task.train, store, TRAIN, classes, task.train_plan.count),
        _make_some(task.validation, store, VALIDATION, classes, task.embedder.plan.count),
    )


def _find_read(images: Labelled, store: FeatureStore, number: int) -> npt.NDArray[np.int64]:
    """Return the places of those images of a set that can be read."""
    return np.array(sorted(set(range(len(images.y))) - set(store.failures(number))), np.int64)


def _make_some(images: Labelled, store: FeatureStore, number: int, classes: Array, views: int) -> Examples:
    """Return those images of a set that can be read."""
    left = _find_read(images, store, number)
    first = store.places(number, left, np.zeros(1, np.int64))
    return Examples(left, first, np.searchsorted(classes, images.y[left]).astype(np.int64), views)
