"""What is fine-tuned on what, and who is told of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from cnncodes.embedding import Embedder
from cnncodes.finetuning.examples import Labelled
from cnncodes.finetuning.features import Progress
from cnncodes.finetuning.history import EpochFigures
from cnncodes.finetuning.settings import TRAIN_VIEWS, FineTuning
from cnncodes.finetuning.warning import warn
from cnncodes.heads.linear import LinearScorer
from cnncodes.views import ViewPlan

#: Of what is saved on the way: a version that saves other things does not go on with it.
FORMAT = 3
#: Settings that make no other result: where and how often it is saved. Then, with what follows a training,
#: those that make no other training.
INDIFFERENT = ("cache", "checkpoint_minutes", "device")
ASIDE = (*INDIFFERENT, "refit")


@dataclass(frozen=True)
class Task:
    """What is fine-tuned on what.

    Attributes
    ----------
    embedder : Embedder
        The backbone, the views of a prediction, and how images are decoded.
    train_plan : ViewPlan
        The views of the training images, of which each epoch takes one an image. The head that it starts
        from is trained on the fixed ones, where there are any.
    head : {"logistic", "linear-svm", "ridge", "lda", "centroid"}
        The head that it starts from.
    train, validation : Labelled
    settings : FineTuning
    n_jobs : int, optional
        Lanes, and torch's threads.
    class_weight : dict or "balanced", optional
        In place of that of the settings.
    start : LinearScorer, optional
        The head that it starts from, where that is at hand; its classes are those of the images, sorted.
    held_out : bool
        Whether the validation images are some of those that were given to train on: what is kept learns from
        them too, in the end.
    keep : {"better", "tuned", "head"}
        Which classifier is to be kept; a network that is not need not learn from all images.
    is_saved : bool
        Whether network and classifier are written beside the checkpoints in the end.
    unread : dict of str to str
        Images that were given and cannot be read, by key, and why.
    """

    embedder: Embedder
    train_plan: ViewPlan
    head: str
    train: Labelled
    validation: Labelled
    settings: FineTuning
    n_jobs: int | None = None
    class_weight: Any = None
    start: LinearScorer | None = None
    held_out: bool = False
    keep: str = "better"
    is_saved: bool = False
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def weighting(self) -> Any:
        """The class weight that holds."""
        return self.settings.class_weight if self.class_weight is None else self.class_weight


@dataclass(frozen=True)
class Listeners:
    """Who is told of a fine-tuning.

    Attributes
    ----------
    note : callable
        Of what is done next, a line.
    progress : callable
        Takes what is being done to images and returns who is told how far it is: done, total, failed.
    epoch : callable
        Of the figures of all epochs so far, after each.
    warn : callable
        Of what flatters the figures, or makes the result worth less, a line; a `ResultWarning` by default.
    """

    note: Callable[[str], None] = lambda text: None
    progress: Callable[[str], Progress] = lambda what: lambda done, total, failed: None
    epoch: Callable[[Sequence[EpochFigures]], None] = lambda history: None
    warn: Callable[[str], None] = warn


def tell_fixed(plan: ViewPlan, name: str) -> list[str]:
    """Return what is to be said of a plan of training views, called `name`, that has no random ones."""
    if plan.random is not None:
        return []
    return [
        f"fine-tuning on fixed views alone ({name}) learns the images by heart: give random ones, such as"
        f" {TRAIN_VIEWS!r}"
    ]


def identify(task: Task) -> str:
    """Return what tells a training from others; where and how often it is saved, and what follows, do not."""
    facts = asdict(task.settings)
    for name in ASIDE:
        del facts[name]
    if isinstance(facts["class_weight"], dict):  # whose order says nothing
        facts["class_weight"] = sorted([str(label), value] for label, value in facts["class_weight"].items())
    digest = hashlib.sha256(json.dumps([FORMAT, facts], sort_keys=True).encode())
    for fact in (task.embedder.space.id, task.embedder.plan.id, task.train_plan.id, task.head):
        digest.update(f"{fact}\n".encode())
    digest.update(f"{task.class_weight}\n{task.held_out}\n".encode())
    if task.start is not None:
        digest.update(task.start.coef.tobytes() + task.start.intercept.tobytes())
    for images in (task.train, task.validation):
        digest.update("\n".join(images.contents).encode())
        digest.update("\n".join(map(str, images.y)).encode())
    return digest.hexdigest()
