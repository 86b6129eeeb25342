"""A fine-tuning from labelled images to a network and a head; the same call again goes on after a kill."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.memory import release_free_memory
from cnncodes.errors import BackboneError, count
from cnncodes.finetuning.basis import TRAIN, VALIDATION
from cnncodes.finetuning.comparison import Comparison, compare
from cnncodes.finetuning.history import NETWORK_STAGE, EpochFigures, count_epochs
from cnncodes.finetuning.judging import Course
from cnncodes.finetuning.learned import LearnedHead
from cnncodes.finetuning.preparing import Prepared, prepare, prepare_again
from cnncodes.finetuning.rates import advise_rate
from cnncodes.finetuning.task import Listeners, Task
from cnncodes.finetuning.tuned import Tuned
from cnncodes.finetuning.world import ALONE, World
from cnncodes.heads.calibration import fit_temperature

if TYPE_CHECKING:
    from cnncodes.finetuning.training import Trainer

Array = npt.NDArray[Any]


def tune(
    task: Task,
    folder: Path,
    listeners: Listeners = Listeners(),  # noqa: B008
    world: World = ALONE,
) -> Tuned:
    """Fine-tune a network.

    Parameters
    ----------
    task : Task
    folder : Path
        For features and checkpoints; where it holds those of the same task, it goes on with them.
    listeners : Listeners
    world : World
        The processes that do so together, of which this is the first; the others call `assist`.

    Raises
    ------
    BackboneError
        If the network cannot be trained.
    SourceError
        If the images do not do.
    UsageError
        If a setting cannot be right.
    BackendMissing
        If torch or ONNX is not installed.
    """
    prepared = prepare(task, folder, listeners, world)
    try:
        return _finish(prepared, _learn(prepared, listeners, world), listeners)
    finally:
        prepared.basis.store.close()
        release_free_memory()


def assist(task: Task, folder: Path, world: World) -> None:
    """Do another process's share of what the first does in `tune`; nothing is written."""
    prepared = prepare(task, folder, Listeners(), world)
    try:
        _learn(prepared, Listeners(), world)
    finally:
        prepared.basis.store.close()


@dataclass(frozen=True)
class _Learned:
    """What was trained, up to the last moment in which several processes do so together.

    `trainer` is the one whose network is the result, `logits` are those of the validation images by the first
    one's, and `head` is the one of all images, where that is at hand.
    """

    trainer: Trainer
    history: list[EpochFigures]
    logits: npt.NDArray[np.float64]
    validation: Comparison
    again: list[EpochFigures]
    head: LearnedHead | None = None
    notes: tuple[str, ...] = ()


def _learn(prepared: Prepared, listeners: Listeners, world: World) -> _Learned:
    """Train, and, where the network is kept, once more on all images."""
    task, trainer, judge = prepared.task, prepared.trainer, prepared.judge
    history = trainer.run()
    logits = trainer.predict_final(judge.examples)
    validation = compare(
        judge.examples.y, logits.argmax(axis=1), judge.head, groups=judge.groups, given=judge.given
    )
    first = _Learned(trainer, history, logits, validation, [])
    course = Course(count_epochs(history), logits.shape[1])
    epochs = course.epochs[NETWORK_STAGE]
    is_kept = epochs > 0 and validation.choose(task.keep) == "tuned"
    if not (task.settings.refit and task.held_out and is_kept):
        return first
    listeners.note(
        "the network is trained once more, on all images, those held out too: for"
        f" {count(epochs, 'epoch')}, as before (--no-refit leaves it out)"
    )
    head = prepared.refit_head(listeners) if world.is_first else None
    scorer = world.share(lambda: head.scorer if head is not None else prepared.head)
    again = prepare_again(prepared, scorer, course, _continued(listeners, history), world)
    found = again.run()
    if found[-1].verdict:
        return replace(first, head=head, again=found, notes=(_ADVICE_AGAIN,))
    return replace(first, trainer=again, head=head, again=found)


#: What is said where the second training diverged and the first did not.
_ADVICE_AGAIN = (
    "training on all images diverged, and that on the images less those held out did not: the network of the"
    " latter is kept. Try a lower base_lr (--base-lr), or --no-refit"
)


def _continued(listeners: Listeners, history: list[EpochFigures]) -> Listeners:
    """Return listeners that hear of a second training as what follows the first."""
    return replace(listeners, epoch=lambda found: listeners.epoch([*history, *found]))


def _finish(prepared: Prepared, learned: _Learned, listeners: Listeners) -> Tuned:
    """Return the tuned network and what is to be known of it."""
    from cnncodes.finetuning.writing import make_tuned_backbone

    task, network, given = prepared.task, learned.trainer.network, prepared.given
    base_lr = learned.trainer.state.base_lr
    trained = prepared.trained if learned.trainer is prepared.trainer else given
    # Of images that it has been trained on, a network says nothing of how sure it may be.
    temperature = _calibrate(learned.logits, prepared.validation.y)
    known = (*prepared.trained.contents, *task.validation.contents)
    backbone, refused = task.embedder.backbone, ""
    try:
        backbone = make_tuned_backbone(backbone, network.upper, len(trained.y), known)
    except BackboneError as error:  # what was learned otherwise must not be lost with it
        refused = str(error).rstrip(".")
    return Tuned(
        backbone=backbone,
        learned=learned.head or prepared.refit_head(listeners),
        scorer=network.head.to_scorer(prepared.classes, temperature),
        history=learned.history,
        again=learned.again,
        validation=learned.validation,
        unfrozen=prepared.basis.chosen.unfrozen,
        base_lr=base_lr,
        trained=trained,
        given=given,
        judged=prepared.trained,
        known=known,
        keep=task.keep,
        refused=refused,
        failed=_list_failed(prepared),
        class_weight=task.weighting,
        notes=(
            *filter(None, [advise_rate(learned.history, base_lr, task.settings)]),
            *learned.notes,
        ),
    )


def _calibrate(logits: Array, y: npt.NDArray[np.int64]) -> float:
    """Return the temperature of logits, of which the trained network has become too sure."""
    given = logits if logits.shape[1] > 2 else logits[:, 1:] - logits[:, :1]
    return fit_temperature(given, y, np.ones(len(y)), unknown=1.0)


def _list_failed(prepared: Prepared) -> dict[str, str]:
    return {
        images.records[i].key: reason
        for number, images in ((VALIDATION, prepared.task.validation), (TRAIN, prepared.task.train))
        for i, reason in prepared.basis.store.failures(number).items()
    }
