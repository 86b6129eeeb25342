"""What a fine-tuning is asked for, and the task that it makes of a source's parts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnncodes.choices import BACKBONE
from cnncodes.embedding import settle_plans
from cnncodes.errors import UsageError
from cnncodes.estimators.inputs import make_embedder
from cnncodes.estimators.labels import check_labels
from cnncodes.finetuning.contents import hash_contents
from cnncodes.finetuning.description import describe_request
from cnncodes.finetuning.examples import Labelled, check_known_classes, check_read, split_validation
from cnncodes.finetuning.setting_checks import check_keep
from cnncodes.finetuning.settings import TEST_VIEWS, TRAIN_VIEWS, FineTuning
from cnncodes.finetuning.task import Task, identify
from cnncodes.finetuning.world import World
from cnncodes.heads.names import LINEAR
from cnncodes.images import ImageRecord, list_groups
from cnncodes.plain import to_builtin
from cnncodes.views import ViewPlan


@dataclass(frozen=True)
class Request:
    """What a fine-tuning is asked for beside its settings.

    Attributes
    ----------
    backbone : str, path or Backbone
    head : str
        The head that it starts from.
    train_views, test_views : str, path or ViewPlan
    decode : str
    max_pixels : int, optional
    keep : {"better", "tuned", "head"}
        Which classifier is saved.
    n_jobs : int, optional
    """

    backbone: Any = BACKBONE
    head: str = "logistic"
    train_views: Any = TRAIN_VIEWS
    test_views: Any = TEST_VIEWS
    decode: str = "exact"
    max_pixels: int | None = None
    keep: str = "better"
    n_jobs: int | None = None

    def __post_init__(self) -> None:
        check_keep(self.keep)
        if not isinstance(self.head, str) or self.head not in LINEAR:
            raise UsageError(f"head must be one of {', '.join(LINEAR)}. Got {self.head!r}.")
        object.__setattr__(self, "max_pixels", to_builtin(self.max_pixels))

    def describe(self, task: Task) -> dict[str, Any]:
        """Return what was asked for, as plain values."""
        return {**describe_request(task), "max_pixels": self.max_pixels, "keep": self.keep}


def identify_result(task: Task, test: Labelled | None, request: Request) -> str:
    """Return what tells a fine-tuning that is done from another: what was tested and kept, too."""
    facts: list[Any] = [identify(task), request.keep, task.settings.refit, request.max_pixels]
    if test is not None:
        facts += [list(test.contents), [str(label) for label in test.y]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def make_task(
    parts: dict[str, list[ImageRecord]], request: Request, settings: FineTuning, world: World
) -> tuple[Task, Labelled | None]:
    """Return what is trained, and the test images."""
    failed: dict[str, str] = {}
    found = {
        name: _read(records, failed, request.n_jobs, world) for name, records in parts.items() if records
    }
    train = found["train"]
    check_read((record.label for record in parts["train"]), train.y)
    test = found.get("test")
    held_out = "val" not in found
    if held_out:
        check_known_classes(train, train, "training")
        train, validation = split_validation(train, settings.validation, settings.random_state)
    else:
        validation = found["val"]
    seed = settings.random_state
    embedder = make_embedder(request.backbone, request.test_views, request.decode, request.max_pixels, seed)
    plan = ViewPlan.parse(request.train_views, random_state=seed)
    plan.names(embedder.backbone.frame)
    plans = settle_plans(
        [plan, embedder.plan], train.records, max_pixels=request.max_pixels, n_jobs=request.n_jobs
    )
    embedder = dataclasses.replace(embedder, plan=plans[1])
    task = Task(
        embedder,
        plans[0],
        request.head,
        train,
        validation,
        settings,
        request.n_jobs,
        held_out=held_out,
        keep=request.keep,
        is_saved=True,
        unread=failed,
    )
    return task, test


def _read(
    records: Sequence[ImageRecord], failed: dict[str, str], n_jobs: int | None, world: World
) -> Labelled:
    contents, reasons = world.share(lambda: hash_contents(records, n_jobs))
    failed |= {records[i].key: reason for i, reason in reasons.items()}
    y = check_labels([record.label for record in records])
    read = np.array([i for i in range(len(records)) if i not in reasons], np.int64)
    groups = list_groups(records)
    names = None if groups is None else np.array(groups, dtype=object)
    return Labelled(list(records), y, contents, names).take(read)
