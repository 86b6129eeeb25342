"""From a source of labelled images to a tuned network and a saved classifier: what ``finetune`` does."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnncodes.embedding import settle_plans
from cnncodes.errors import SourceError, StoreError, UsageError
from cnncodes.estimators.contents import summarize_contents
from cnncodes.estimators.inputs import make_embedder
from cnncodes.estimators.labels import check_labels
from cnncodes.estimators.predictor import Predictor
from cnncodes.estimators.saving import assemble_classifier, save_classifier
from cnncodes.finetuning.comparison import Comparison, compare, say_verdict
from cnncodes.finetuning.examples import Labelled, check_classes, split_validation
from cnncodes.finetuning.features import hash_contents
from cnncodes.finetuning.folder import STATE, TuningFolder
from cnncodes.finetuning.history import EpochFigures
from cnncodes.finetuning.job import Tuned, assist, tune
from cnncodes.finetuning.settings import FineTuning
from cnncodes.finetuning.task import Listeners, Task, identify
from cnncodes.finetuning.world import World
from cnncodes.images import ImageRecord, ImageSource, open_source
from cnncodes.schema import from_mapping, to_plain
from cnncodes.views import ViewPlan

#: The views of training images where nothing else is said: what a head is trained on, and varied ones.
TRAIN_VIEWS = "flip, flip+translation+rotation+stretching:6"
TEST_VIEWS = "flip"
#: Which of two classifiers is saved.
KEEP = ("better", "tuned", "head")


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

    backbone: Any = "efficientnet-lite0"
    head: str = "logistic"
    train_views: Any = TRAIN_VIEWS
    test_views: Any = TEST_VIEWS
    decode: str = "exact"
    max_pixels: int | None = None
    keep: str = "better"
    n_jobs: int | None = None


def finetune(
    src: Any,
    out: str | Path,
    *,
    backbone: Any = "efficientnet-lite0",
    head: str = "logistic",
    train_views: Any = TRAIN_VIEWS,
    test_views: Any = TEST_VIEWS,
    keep: str = "better",
    decode: str = "exact",
    max_pixels: int | None = None,
    n_jobs: int | None = None,
    listeners: Listeners = Listeners(),  # noqa: B008
    **settings: Any,
) -> dict[str, Any]:
    """Fine-tune a network on labelled images (extra: finetune).

    It starts from the classical head on the network's codes; see `FineTuning` for what comes then. The same
    call again goes on where an interrupted one stopped.

    Parameters
    ----------
    src : path or ImageSource
        Labelled images, as `embed` takes them. Of parts, ``train`` is trained on, ``val`` says when to stop,
        where there is one, and ``test`` tells at the end what it was worth.
    out : path
        Folder for ``classifier.cnncodes``, ``backbone/`` (the tuned network), ``log.csv`` (each epoch) and
        ``summary.json``.
    backbone : str, path or Backbone
        Of fp32.
    head : {"logistic", "linear-svm", "ridge"}
        The head that it starts from, and that it is compared with.
    train_views, test_views : str, path or ViewPlan
        Views of each image; an epoch takes one of a training image's, all in turn.
    keep : {"better", "tuned", "head"}
        Which classifier is saved; ``"better"`` is the tuned network where its gain on the validation images
        is clear (the 95 % interval above 0), and else the head.
    decode, max_pixels, n_jobs
        As in `embed`.
    listeners : Listeners
        Who is told how it goes.
    **settings
        Those of `FineTuning`: ``epochs``, ``freeze_epochs``, ``unfreeze``, ``base_lr``,
        ``backbone_lr_mult``, ``layer_decay`` …

    Returns
    -------
    dict
        What ``summary.json`` holds: ``head``, ``tuned`` and ``difference`` (accuracies with their intervals)
        of the images of ``validation`` and, where there are such, ``test``; ``kept``; ``history``. Of several
        processes that torchrun has started, the first returns this, and the others an empty one.

    Raises
    ------
    UsageError
        If a setting cannot be right.
    SourceError
        If the images are too few, or a class is missing.
    BackboneError
        If the network cannot be trained.
    StoreError
        If the folder holds something else, or somebody writes to it.
    BackendMissing
        If torch or ONNX is not installed.
    WorkerError
        Of several processes, if another one has ended.
    """
    source = src if isinstance(src, ImageSource) else open_source(src)
    request = Request(backbone, head, train_views, test_views, decode, max_pixels, keep, n_jobs)
    return run_finetuning(source, Path(out), request, from_mapping(FineTuning, settings), listeners)


def run_finetuning(
    source: ImageSource,
    out: Path,
    request: Request,
    settings: FineTuning,
    listeners: Listeners = Listeners(),  # noqa: B008
) -> dict[str, Any]:
    """Fine-tune as `finetune` does."""
    if request.keep not in KEEP:
        raise UsageError(f"keep must be one of {', '.join(KEEP)}. Got {request.keep!r}.")
    with World.find().started(settings) as world:
        parts = _find_parts(source)
        if world.is_first:
            return _lead(parts, out, request, settings, listeners, world)
        task, _, _ = _make_task(parts, request, settings, world)
        if not world.share(bool):  # whether the first one finds it done
            assist(task, out / STATE, world)
        return {}


def _lead(
    parts: dict[str, list[ImageRecord]],
    out: Path,
    request: Request,
    settings: FineTuning,
    listeners: Listeners,
    world: World,
) -> dict[str, Any]:
    """Do what the first process does, or the only one."""
    started = time.perf_counter()
    folder = TuningFolder(out)
    try:
        task, test, failed = _make_task(parts, request, settings, world)
        identity = identify(task)
        before = folder.read_summary()
        world.share(lambda: before is not None)  # others end where there is nothing to do
        if before is not None:
            return _check_done(before, identity, folder)
        if test is not None:
            check_classes(task.train, test, "test")
        tuned = tune(task, folder.state, _with_log(listeners, folder), world)
        summary = _conclude(task, tuned, test, folder, request, listeners)
        summary |= {"identity": identity, "seconds": round(time.perf_counter() - started, 3)}
        summary["failed"] = failed | tuned.failed | summary["failed"]
        folder.finish(summary)
        return summary
    finally:
        folder.close()


def _find_parts(source: ImageSource) -> dict[str, list[ImageRecord]]:
    """Return the labelled images by part: ``train``, and ``val`` and ``test`` where there are such."""
    labelled = [record for record in source.records if record.label is not None]
    names = {record.split for record in labelled}
    if names == {None}:
        return {"train": labelled}
    parts = {
        name: [record for record in labelled if record.split == name] for name in ("train", "val", "test")
    }
    if not parts["train"]:
        raise SourceError(
            f"{source.name!r} holds no labelled images to train on: expected one folder a class, or a table"
            " with a column of labels; of parts, 'train'."
        )
    return parts


def _make_task(
    parts: dict[str, list[ImageRecord]], request: Request, settings: FineTuning, world: World
) -> tuple[Task, Labelled | None, dict[str, str]]:
    """Return what is trained, the test images, and which images cannot be read and why."""
    failed: dict[str, str] = {}
    found = {
        name: _read(records, failed, request.n_jobs, world) for name, records in parts.items() if records
    }
    train = found["train"]
    test = found.get("test")
    held_out = "val" not in found
    if held_out:
        check_classes(train, train, "training")
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
        embedder, plans[0], request.head, train, validation, settings, request.n_jobs, held_out=held_out
    )
    return task, test, failed


def _read(
    records: Sequence[ImageRecord], failed: dict[str, str], n_jobs: int | None, world: World
) -> Labelled:
    contents, reasons = world.share(lambda: hash_contents(records, n_jobs))
    failed |= {records[i].key: reason for i, reason in reasons.items()}
    y = check_labels([record.label for record in records])
    read = np.array([i for i in range(len(records)) if i not in reasons], np.int64)
    return Labelled(list(records), y, contents).take(read)


def _check_done(summary: dict[str, Any], identity: str, folder: TuningFolder) -> dict[str, Any]:
    if summary.get("identity") != identity:
        raise StoreError(
            f"{folder.path} holds another fine-tuning, of other images or settings: give another folder, -o"
            " FOLDER."
        )
    return {**summary, "already": True}


def _with_log(listeners: Listeners, folder: TuningFolder) -> Listeners:
    def hear(history: Sequence[EpochFigures]) -> None:
        folder.write_log(history)
        listeners.epoch(history)

    return dataclasses.replace(listeners, epoch=hear)


def _conclude(
    task: Task,
    tuned: Tuned,
    test: Labelled | None,
    folder: TuningFolder,
    request: Request,
    listeners: Listeners,
) -> dict[str, Any]:
    """Compare, write network and classifier, and return the summary."""
    # Those held out chose the network's epoch: it has not learned from them, but knows them.
    known = summarize_contents(list(tuned.given.contents))
    before = Predictor(task.embedder, tuned.head, known, "decision")
    after = Predictor(
        dataclasses.replace(task.embedder, backbone=tuned.backbone), tuned.scorer, known, "decision"
    )
    failed: dict[str, str] = {}
    tested = None if test is None else _test(before, after, test, task, failed, listeners)
    kept = ("tuned" if tuned.validation.keeps_tuned else "head") if request.keep == "better" else request.keep
    predictor = after if kept == "tuned" else before
    classifier = assemble_classifier(
        predictor,
        task.train_plan,
        len((tuned.trained if kept == "tuned" else tuned.given).y),
        backbone=predictor.embedder.backbone,
        head=task.head,
        random_state=task.settings.random_state,
        max_pixels=request.max_pixels,
        class_weight=task.settings.class_weight,
    )
    folder.write_backbone(tuned.backbone)
    save_classifier(classifier, folder.classifier, include_backbone=True)
    return {
        "out": str(folder.path),
        "classifier": str(folder.classifier),
        "backbone": str(folder.backbone),
        "kept": kept,
        "classes": [str(name) for name in tuned.head.classes],
        "trained": len(tuned.trained.y),
        "head_trained": len(tuned.given.y),
        "unfrozen": list(tuned.unfrozen),
        "settings": dataclasses.asdict(task.settings),
        "parity": tuned.backbone.card.parity,
        "validation": to_plain(tuned.validation),
        "test": to_plain(tested),
        "verdict": say_verdict(tuned.validation, tested, kept),
        "notes": list(tuned.notes),
        "failed": failed,
        "history": [figures.to_dict() for figures in tuned.history],
    }


def _test(
    before: Predictor,
    after: Predictor,
    test: Labelled,
    task: Task,
    failed: dict[str, str],
    listeners: Listeners,
) -> Comparison:
    """Compare the two on images that neither has seen."""
    listeners.note(f"predicting {len(test.y):,} test images with the head alone, and with the tuned network")
    found = [
        one.predict_records(test.records, n_jobs=task.n_jobs, on_progress=listeners.progress("predicting"))
        for one in (before, after)
    ]
    failed |= {failure.key: f"{failure.stage}: {failure.reason}" for failure in found[0].failures.values()}
    read = np.array([i for i in range(len(test.y)) if i not in found[0].failures], np.int64)
    head, tuned = (np.array([str(one.labels[i]) for i in read]) for one in found)
    return compare(test.y[read].astype(str), tuned, head, groups=[test.contents[i] for i in read])
