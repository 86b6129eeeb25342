"""A fine-tuning from labelled images to a network and a head; the same call again goes on after a kill."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnncodes.backbones import Backbone
from cnncodes.embedding import Embedder
from cnncodes.embedding.memory import release_free_memory
from cnncodes.errors import BackboneError
from cnncodes.estimators.contents import summarize_contents
from cnncodes.estimators.predictor import Predictor
from cnncodes.estimators.priors import find_shares
from cnncodes.finetuning.basis import TRAIN, VALIDATION
from cnncodes.finetuning.comparison import Comparison, compare, say_verdict
from cnncodes.finetuning.examples import Labelled
from cnncodes.finetuning.history import (
    HEAD_STAGE,
    NETWORK_STAGE,
    START,
    EpochFigures,
    count_epochs,
    explain_none,
)
from cnncodes.finetuning.judging import Course
from cnncodes.finetuning.preparing import Prepared, prepare, prepare_again
from cnncodes.finetuning.settings import BASE_LR
from cnncodes.finetuning.task import Listeners, Task
from cnncodes.finetuning.world import ALONE, World
from cnncodes.heads.calibration import fit_temperature
from cnncodes.heads.linear import LinearScorer

if TYPE_CHECKING:
    from cnncodes.finetuning.training import Trainer

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Tuned:
    """What came of a fine-tuning.

    Attributes
    ----------
    backbone : Backbone
        The tuned network, its numbers in the graph that they came from.
    head : LinearScorer
        The classical head on the network as it was, fitted on all images that were given to train on.
    scorer : LinearScorer
        The head of the tuned network.
    history : list of EpochFigures
        The first is the head's, before any epoch.
    validation : Comparison
        Of the tuned network and the head that it started from, which had not seen the validation images
        either.
    unfrozen : tuple of str
        The blocks that were trained.
    base_lr : float
        The rate, which may have been found.
    again : list of EpochFigures
        Of the training on all images, those held out for validation too, where there was one.
    trained, given : Labelled
        The images that the network was trained on; and those that were given to train on, on which the head
        was fitted.
    judged : Labelled
        Those that both had learned from when the validation images judged them.
    known : tuple of str
        Contents of the images that were trained on or chosen by: figures on them flatter either classifier.
    keep : {"better", "tuned", "head"}
        Which of the two was asked for.
    refused : str
        Why a network that was trained is not taken after all; empty where it is.
    failed : dict of str to str
        The images that cannot be read, and why.
    notes : tuple of str
        What went wrong on the way, such as a rate that was too high.
    class_weight : dict or "balanced", optional
        That of the loss and of the head.
    """

    backbone: Backbone
    head: LinearScorer
    scorer: LinearScorer
    history: list[EpochFigures]
    again: list[EpochFigures]
    validation: Comparison
    unfrozen: tuple[str, ...]
    base_lr: float
    trained: Labelled
    given: Labelled
    judged: Labelled
    known: tuple[str, ...]
    keep: str = "better"
    refused: str = ""
    failed: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    class_weight: Any = None

    @property
    def is_trained(self) -> bool:
        """Whether there is a tuned network: else `backbone` is the one that it was."""
        return count_epochs(self.history)[NETWORK_STAGE] > 0 and not self.refused

    @property
    def lack(self) -> str:
        """Why there is no tuned network; empty where there is one."""
        return "" if self.is_trained else self.refused or explain_none(self.history)

    @property
    def kept(self) -> str:
        """Which of the two is to predict, ``"tuned"`` or ``"head"``; the head where there is no tuned one."""
        return self.validation.choose(self.keep) if self.is_trained else "head"

    def say_verdict(self, test: Comparison | None) -> str:
        """Say in words whether it was worth it, by test images where there are any."""
        if not self.is_trained:
            return f"There is no tuned network: {self.lack}. Kept: the head alone."
        return say_verdict(self.validation, test, self.kept)

    def count_learned(self, kept: str) -> int:
        """Return how many images one of the two, ``"tuned"`` or ``"head"``, has learned from."""
        return len((self.trained if kept == "tuned" else self.given).y)

    def make_predictor(self, kept: str, embedder: Embedder, aggregate: str = "decision") -> Predictor:
        """Return one of the two with its network, given the embedder of the network before."""
        known = summarize_contents(list(self.known))
        scorer, images = (self.head, self.given) if kept == "head" else (self.scorer, self.trained)
        if kept == "tuned":
            embedder = replace(embedder, backbone=self.backbone)
        shares = find_shares(images.y, None, _Fitted(scorer, self.class_weight))
        return Predictor(embedder, scorer, known, aggregate, shares=shares)


class _Fitted(NamedTuple):
    """A head as `find_shares` knows it."""

    scorer_: LinearScorer
    class_weight: Any


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
    head: LinearScorer | None = None
    notes: tuple[str, ...] = ()


def _learn(prepared: Prepared, listeners: Listeners, world: World) -> _Learned:
    """Train, and, where the network is kept, once more on all images."""
    task, trainer, judge = prepared.task, prepared.trainer, prepared.judge
    history = trainer.run()
    logits = trainer.predict_final(judge.examples)
    validation = compare(judge.examples.y, logits.argmax(axis=1), judge.head, groups=judge.groups)
    first = _Learned(trainer, history, logits, validation, [])
    course = Course(count_epochs(history), logits.shape[1])
    epochs = course.epochs[NETWORK_STAGE]
    is_kept = epochs > 0 and validation.choose(task.keep) == "tuned"
    if not (task.settings.refit and task.held_out and is_kept):
        return first
    listeners.note(
        f"the network is trained once more, on all images, those held out too: for {epochs}"
        f" {'epoch' if epochs == 1 else 'epochs'}, as before (--no-refit leaves it out)"
    )
    head = world.share(lambda: prepared.refit_head(listeners))
    again = prepare_again(prepared, head, course, _continued(listeners, history), world)
    found = again.run()
    if found[-1].verdict:
        return replace(first, head=head, again=found, notes=(_ADVICE_AGAIN,))
    return replace(first, trainer=again, head=head, again=found)


#: What is said where the second training diverged and the first did not.
_ADVICE_AGAIN = (
    "training on all images diverged, and that on the images less those held out did not: the network of the"
    " latter is kept. Try a lower rate (--base-lr), or --no-refit"
)


def _continued(listeners: Listeners, history: list[EpochFigures]) -> Listeners:
    """Return listeners that hear of a second training as what follows the first."""
    return replace(listeners, epoch=lambda found: listeners.epoch([*history, *found]))


def _finish(prepared: Prepared, learned: _Learned, listeners: Listeners) -> Tuned:
    """Return the tuned network and what is to be known of it."""
    from cnncodes.finetuning.writing import make_tuned_backbone

    task, network, given = prepared.task, learned.trainer.network, prepared.given
    trained = prepared.trained if learned.trainer is prepared.trainer else given
    # Of images that it has been trained on, a network says nothing of how sure it may be.
    temperature = _calibrate(learned.logits, prepared.validation.y)
    backbone, refused = task.embedder.backbone, ""
    try:
        backbone = make_tuned_backbone(backbone, network.upper, len(trained.y))
    except BackboneError as error:  # what was learned otherwise must not be lost with it
        refused = str(error)
    return Tuned(
        backbone=backbone,
        head=learned.head or prepared.refit_head(listeners),
        scorer=network.head.to_scorer(prepared.classes, temperature),
        history=learned.history,
        again=learned.again,
        validation=learned.validation,
        unfrozen=prepared.basis.chosen.unfrozen,
        base_lr=learned.trainer.state.base_lr,
        trained=trained,
        given=given,
        judged=prepared.trained,
        known=(*prepared.trained.contents, *task.validation.contents),
        keep=task.keep,
        refused=refused,
        failed=_list_failed(prepared),
        class_weight=task.weighting,
        notes=(*filter(None, [_advise_rate(learned.history, learned.trainer.state.base_lr)]), *learned.notes),
    )


def _calibrate(logits: Array, y: npt.NDArray[np.int64]) -> float:
    """Return the temperature of logits, of which the trained network has become too sure."""
    given = logits if logits.shape[1] > 2 else logits[:, 1:] - logits[:, :1]
    return fit_temperature(given, y, np.ones(len(y)))


def _list_failed(prepared: Prepared) -> dict[str, str]:
    return {
        images.records[i].key: reason
        for number, images in ((VALIDATION, prepared.task.validation), (TRAIN, prepared.task.train))
        for i, reason in prepared.basis.store.failures(number).items()
    }


def _advise_rate(history: list[EpochFigures], base_lr: float) -> str:
    """Return what to do where training has diverged; empty where it has not."""
    wrong = [one for one in history if one.verdict]
    if not wrong:
        return ""
    one = wrong[0]
    where = "the head alone" if one.stage in (START, HEAD_STAGE) else "backbone and head"
    lower = min(base_lr / 10, BASE_LR)
    return (
        f"training of {where} diverged in epoch {one.epoch}: its loss is no number any more, or far above"
        f" that of the start. The weights before are kept. Try a lower rate: --base-lr {lower:g}"
    )
