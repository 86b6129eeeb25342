"""From a source of labelled images to a tuned network and a saved classifier: what ``finetune`` does."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from cnncodes.backbones import load_backbone
from cnncodes.choices import BACKBONE
from cnncodes.errors import CnnCodesError, StoreError, UsageError, check_path
from cnncodes.estimators.saving import load_predictor
from cnncodes.finetuning.basis import check_choice
from cnncodes.finetuning.conclusion import Conclusion
from cnncodes.finetuning.differences import compare_requests
from cnncodes.finetuning.folder import STATE, TuningFolder
from cnncodes.finetuning.history import EpochFigures
from cnncodes.finetuning.job import assist, tune
from cnncodes.finetuning.partition import check_parts, find_parts
from cnncodes.finetuning.request import Request, identify_result, make_task
from cnncodes.finetuning.settings import TEST_VIEWS, TRAIN_VIEWS, FineTuning
from cnncodes.finetuning.task import INDIFFERENT, Listeners, Task
from cnncodes.finetuning.world import World
from cnncodes.images import ImageRecord, ImageSource, open_source, tell_omitted
from cnncodes.schema import from_mapping


def finetune(
    src: Any,
    out: str | Path,
    *,
    backbone: Any = BACKBONE,
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
    head : {"logistic", "linear-svm", "ridge", "lda", "centroid"}
        The head that it starts from, and that it is compared with.
    train_views, test_views : str, path or ViewPlan
        Views of each image; an epoch takes one of a training image's, all in turn.
    keep : {"better", "tuned", "head"}
        Which classifier is saved; ``"better"`` is the tuned network where its gain on the validation images
        is clear (the 95 % interval above 0, McNemar's exact test below 5 %), and else the head.
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

    Warns
    -----
    ResultWarning
        Of what flatters the figures or makes the result worth less, before it trains where that is known by
        then; ``notes`` of the summary has the same: images in two parts, left out, or under several labels, a
        class that is missing from a part, fixed training views, a rate that was too high.

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
    if not isinstance(listeners, Listeners):
        raise UsageError(f"listeners must be a Listeners. Got {type(listeners).__name__} instead.")
    source = src if isinstance(src, ImageSource) else open_source(src)
    request = Request(backbone, head, train_views, test_views, decode, max_pixels, keep, n_jobs)
    return run_finetuning(source, out, request, from_mapping(FineTuning, settings), listeners)


def run_finetuning(
    source: ImageSource,
    out: str | Path,
    request: Request,
    settings: FineTuning,
    listeners: Listeners = Listeners(),  # noqa: B008
) -> dict[str, Any]:
    """Fine-tune as `finetune` does."""
    check_path(out, "out")
    out = Path(out)
    with World.find().started(settings) as world:
        parts = find_parts(source)
        if world.is_first:
            omitted = tell_omitted(source.records, by_part=len(parts) > 1)
            return _lead(parts, out, request, settings, listeners, world, omitted)
        task, _ = make_task(parts, request, settings, world)
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
    notes: list[str],
) -> dict[str, Any]:
    """Do what the first process does, or the only one; `notes` are to be in the summary, too."""
    folder = TuningFolder(out)
    try:
        task, test = make_task(parts, request, settings, world)
        identity = identify_result(task, test, request)
        before = folder.read_summary()
        world.share(lambda: before is not None)  # others end where there is nothing to do
        if before is not None:
            if before.get("identity") != identity:
                check_choice(task)  # what cannot be right is said first
                _refuse_done(before, task, request, folder)
            done = _check_done(before, folder)
            for text in done["notes"]:
                listeners.warn(text)
            return done
        notes = notes + check_parts(task, test)
        for text in notes:  # before an hour is spent
            listeners.warn(text)
        tuned = tune(task, folder.state, _with_log(listeners, folder), world)
        conclusion = Conclusion(task, tuned, request)
        tested = None if test is None else conclusion.test(test, listeners)
        conclusion.write(folder)
        summary = conclusion.describe(folder, tested)
        summary |= {
            "identity": identity,
            "seconds": round(folder.seconds, 3),
            "cpu_seconds": round(folder.cpu_seconds, 3),
        }
        for text in summary["notes"]:
            listeners.warn(text)
        summary["notes"] = notes + summary["notes"]
        summary["failed"] = {**task.unread, **summary["failed"]}
        folder.finish(summary)
        return summary
    finally:
        folder.close()


def _refuse_done(summary: dict[str, Any], task: Task, request: Request, folder: TuningFolder) -> NoReturn:
    """Say how another fine-tuning, which is done, differs from what is asked for."""
    now = json.loads(json.dumps({**dataclasses.asdict(task.settings), **request.describe(task)}))
    for name in INDIFFERENT:
        del now[name]
    before = {**summary.get("settings", {}), **summary.get("request", {})}
    said = "; ".join(compare_requests(before, now)) or "other images, labels or groups"
    raise StoreError(
        f"{folder.path} holds another fine-tuning that is done: {said}. Give another folder, -o FOLDER."
    )


def _check_done(summary: dict[str, Any], folder: TuningFolder) -> dict[str, Any]:
    try:
        load_predictor(folder.classifier)
        folder.tidy_backbone(load_backbone(folder.backbone).card.model_file)
    except CnnCodesError as error:
        raise StoreError(
            f"{folder.path} holds this very fine-tuning, done, and it is damaged ({error}): remove the folder"
            " to train again, or give another one, -o FOLDER."
        ) from error
    return {**summary, "already": True}


def _with_log(listeners: Listeners, folder: TuningFolder) -> Listeners:
    def hear(history: Sequence[EpochFigures]) -> None:
        folder.write_log(history)
        listeners.epoch(history)

    return dataclasses.replace(listeners, epoch=hear)
