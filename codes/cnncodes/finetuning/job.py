"""A fine-tuning from images to a saved classifier; the same call again goes on where a kill left it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones import Backbone
from cnncodes.embedding import Embedder
from cnncodes.embedding.memory import parse_bytes
from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.training import fit_rows
from cnncodes.finetuning.blocks import block_depths, choose_weights, list_blocks
from cnncodes.finetuning.comparison import Comparison, compare
from cnncodes.finetuning.examples import Labelled, check_classes, check_some
from cnncodes.finetuning.features import FeatureStore, Progress, ViewSet
from cnncodes.finetuning.history import HEAD_STAGE, START, EpochFigures
from cnncodes.finetuning.loading import check_trainable, import_torch
from cnncodes.finetuning.parts import Parts, split_graph
from cnncodes.finetuning.reading import Graph, read_graph
from cnncodes.finetuning.settings import FIND, FineTuning
from cnncodes.heads.calibration import fit_temperature
from cnncodes.heads.estimator import class_weights
from cnncodes.heads.linear import LinearScorer
from cnncodes.heads.selection import make_head
from cnncodes.views import ViewPlan

if TYPE_CHECKING:
    from cnncodes.finetuning.training import Examples, Trainer

Array = npt.NDArray[Any]

TRAIN, VALIDATION = 1, 0  # the sets of a feature store; first those that every epoch needs


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
    head : {"logistic", "linear-svm", "ridge"}
        The head that it starts from.
    train, validation : Labelled
    settings : FineTuning
    n_jobs : int, optional
        Lanes, and torch's threads.
    class_weight : dict or "balanced", optional
        In place of that of the settings.
    """

    embedder: Embedder
    train_plan: ViewPlan
    head: str
    train: Labelled
    validation: Labelled
    settings: FineTuning
    n_jobs: int | None = None
    class_weight: Any = None


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
    """

    note: Callable[[str], None] = lambda text: None
    progress: Callable[[str], Progress] = lambda what: lambda done, total, failed: None
    epoch: Callable[[Sequence[EpochFigures]], None] = lambda history: None


@dataclass(frozen=True)
class Tuned:
    """What came of a fine-tuning.

    Attributes
    ----------
    backbone : Backbone
        The tuned network, its numbers in the graph that they came from.
    head, scorer : LinearScorer
        The head before; and the one of the tuned network.
    history : list of EpochFigures
        The first is the head's, before any epoch.
    validation : Comparison
        Of the two, on the validation images.
    unfrozen : tuple of str
        The blocks that were trained.
    trained : Labelled
        The images that were trained on.
    failed : dict of str to str
        The images that cannot be read, and why.
    notes : tuple of str
        What went wrong on the way, such as a rate that was too high.
    """

    backbone: Backbone
    head: LinearScorer
    scorer: LinearScorer
    history: list[EpochFigures]
    validation: Comparison
    unfrozen: tuple[str, ...]
    trained: Labelled
    failed: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def tune(task: Task, folder: Path, listeners: Listeners = Listeners()) -> Tuned:
    """Fine-tune a network.

    Parameters
    ----------
    task : Task
    folder : Path
        For features and checkpoints; where it holds those of the same task, it goes on with them.
    listeners : Listeners

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
    import_torch()
    check_classes(task.train, task.validation, "validation")
    task.settings.choose_batch_size(len(task.train.y))
    backbone = task.embedder.backbone
    model = check_trainable(backbone)
    graph = read_graph(model)
    weights = choose_weights(graph, task.settings.unfreeze)
    parts = split_graph(model, weights, backbone.frame.height, backbone.frame.width)
    unfrozen = tuple(block.name for block in list_blocks(graph) if set(block.weights) & set(weights))
    listeners.note(_describe_parts(graph, weights, unfrozen))
    store = _open_store(task, parts, folder)
    try:
        _fill(store, task, listeners)
        return _tune(task, store, parts, _Chosen(model, graph, weights, unfrozen), folder, listeners)
    finally:
        store.close()


@dataclass(frozen=True)
class _Chosen:
    """What of a graph is trained."""

    model: bytes
    graph: Graph
    weights: tuple[str, ...]
    unfrozen: tuple[str, ...]


def _describe_parts(graph: Graph, weights: tuple[str, ...], unfrozen: tuple[str, ...]) -> str:
    numbers = sum(graph.weights[name].size for name in weights)
    whole = sum(array.size for array in graph.weights.values())
    names = ", ".join(unfrozen if len(unfrozen) < 4 else (unfrozen[0], "…", unfrozen[-1]))
    return f"to be unfrozen: {names} ({numbers:,} of {whole:,} weights, {100 * numbers / whole:.0f} %)"


def _open_store(task: Task, parts: Parts, folder: Path) -> FeatureStore:
    sets = [
        ViewSet(task.validation.records, task.validation.contents, task.embedder.plan),
        ViewSet(task.train.records, task.train.contents, task.train_plan),
    ]
    cache = str(task.settings.cache)
    return FeatureStore(
        folder,
        parts,
        task.embedder.backbone,
        sets,
        decoding=task.embedder.decoding,
        budget=0 if cache == "0" else parse_bytes(cache),
        n_jobs=task.n_jobs,
    )


def _fill(store: FeatureStore, task: Task, listeners: Listeners) -> None:
    size = store.kept_rows * store.row_bytes
    rest = store.rows - store.kept_rows
    listeners.note(
        f"what the frozen part gives of {store.rows:,} views takes {size / 1e6:,.0f} MB on disk"
        + (f"; that of {rest:,} does not fit and is computed anew in each epoch (--cache)" if rest else "")
    )
    store.fill(listeners.progress("embedding"))


def _tune(
    task: Task, store: FeatureStore, parts: Parts, chosen: _Chosen, folder: Path, listeners: Listeners
) -> Tuned:
    failed = {
        images.records[i].key: reason
        for number, images in ((VALIDATION, task.validation), (TRAIN, task.train))
        for i, reason in store.failures(number).items()
    }
    classes, train, validation = _make_examples(task, store)
    rows = _rows_of(task, store, train)
    listeners.note(f"training the head {task.head} on the codes of {len(train.y):,} images")
    head = _fit_head(task, rows, classes[train.y], train)
    trainer = _make_trainer(task, store, parts, chosen, (train, validation), head, folder, listeners)
    history = trainer.run()
    scorer, tuned, logits = _finish(trainer, validation, classes, chosen.model, task, len(train.y))
    baseline = _decide(head, store, validation)
    comparison = compare(classes[validation.y], classes[logits.argmax(axis=1)], classes[baseline])
    return Tuned(
        tuned,
        head,
        scorer,
        history,
        comparison,
        chosen.unfrozen,
        task.train.take(train.images),
        failed,
        tuple(filter(None, (_advise_rate(history, task.settings),))),
    )


def _make_examples(task: Task, store: FeatureStore) -> tuple[Array, Examples, Examples]:
    """Return the classes, and which images can be read, with their classes' numbers."""
    from cnncodes.finetuning.training import Examples

    found = []
    for number, images, plan in (
        (TRAIN, task.train, task.train_plan),
        (VALIDATION, task.validation, task.embedder.plan),
    ):
        left = np.array(sorted(set(range(len(images.y))) - set(store.failures(number))), np.int64)
        check_some(images.take(left), ("validation", "training")[number])
        found.append((number, images.take(left), left, plan.count))
    check_classes(found[0][1], found[1][1], "validation")
    classes = np.unique(found[0][1].y)
    train, validation = (
        Examples(number, left, np.searchsorted(classes, images.y).astype(np.int64), views)
        for number, images, left, views in found
    )
    return classes, train, validation


def _rows_of(task: Task, store: FeatureStore, train: Examples) -> ImageRows:
    """Return the codes that the head is trained on: of the fixed views, where the plan has any."""
    random = task.train_plan.random.count if task.train_plan.random else 0
    views = task.train_plan.count - random or task.train_plan.count
    places = store.places(
        train.number, np.repeat(train.images, views), np.tile(np.arange(views), len(train.images))
    )
    counts = np.full(len(train.images), views, np.int64)
    return ImageRows(store.codes(places), counts, [task.train.contents[i] for i in train.images], {})


def _fit_head(task: Task, rows: ImageRows, y: Array, train: Examples) -> LinearScorer:
    weight = task.class_weight if task.class_weight is not None else task.settings.class_weight
    head = make_head(
        task.head, class_weight=weight, random_state=task.settings.random_state, n_jobs=task.n_jobs
    )
    groups = None if task.train.groups is None else task.train.groups[train.images]
    scorer: LinearScorer = fit_rows(head, rows, y, groups=groups).scorer_
    return scorer


def _make_trainer(
    task: Task,
    store: FeatureStore,
    parts: Parts,
    chosen: _Chosen,
    examples: tuple[Examples, Examples],
    head: LinearScorer,
    folder: Path,
    listeners: Listeners,
) -> Trainer:
    from cnncodes.finetuning.checkpoints import Checkpoint
    from cnncodes.finetuning.device import choose_device
    from cnncodes.finetuning.graph_module import GraphModule
    from cnncodes.finetuning.network import LinearModule, TunedNetwork
    from cnncodes.finetuning.training import Trainer

    settings, (train, validation) = task.settings, examples
    where = choose_device(settings, task.n_jobs)
    network = TunedNetwork(GraphModule(parts.upper), LinearModule(head), chosen.weights).to(where.device)
    totals = np.bincount(train.y, minlength=len(head.classes))
    weight = task.class_weight if task.class_weight is not None else settings.class_weight
    trainer = Trainer(
        network,
        store,
        train,
        validation,
        settings,
        depths=block_depths(chosen.graph),
        class_weights=class_weights(weight, head.classes, totals),
        checkpoint=Checkpoint(folder / "checkpoint.safetensors", identify(task)),
        device=where.device,
        autocast=where.autocast,
        on_epoch=listeners.epoch,
    )
    if settings.base_lr == FIND:
        from cnncodes.finetuning.rates import find_rate

        rate = find_rate(trainer)
        listeners.note(f"the learning rate that was found: {rate:.1e}")
        trainer.settings = replace(settings, base_lr=rate)
    return trainer


def identify(task: Task) -> str:
    """Return what tells one fine-tuning from another; where it is saved, and how often, does not."""
    facts = asdict(task.settings)
    for name in ("cache", "checkpoint_minutes", "device"):
        del facts[name]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for fact in (task.embedder.space.id, task.embedder.plan.id, task.train_plan.id, task.head):
        digest.update(f"{fact}\n".encode())
    digest.update(f"{task.class_weight}\n".encode())
    for images in (task.train, task.validation):
        digest.update("\n".join(images.contents).encode())
        digest.update("\n".join(map(str, images.y)).encode())
    return digest.hexdigest()


def _finish(
    trainer: Trainer, validation: Examples, classes: Array, model: bytes, task: Task, n_images: int
) -> tuple[LinearScorer, Backbone, Array]:
    """Return head and backbone as they are used from here on, and their answers to the validation images."""
    from cnncodes.finetuning.writing import make_tuned_backbone

    backbone = make_tuned_backbone(task.embedder.backbone, trainer.network.upper, n_images)
    logits = trainer.predict_final(validation)
    given = logits if len(classes) > 2 else logits[:, 1:] - logits[:, :1]
    temperature = fit_temperature(given, validation.y, np.ones(len(validation.y)))
    return trainer.network.head.to_scorer(classes, temperature), backbone, logits


def _decide(head: LinearScorer, store: FeatureStore, validation: Examples) -> Array:
    """Return the number of the class that the head gives each validation image."""
    views = validation.views
    places = store.places(
        validation.number, np.repeat(validation.images, views), np.tile(np.arange(views), len(validation.y))
    )
    values: Array = head.decision(store.codes(places)).reshape(len(validation.y), views, -1).mean(axis=1)
    return values.argmax(axis=1) if len(head.classes) > 2 else (values[:, 0] > 0).astype(np.int64)


def _advise_rate(history: list[EpochFigures], settings: FineTuning) -> str:
    """Return what to do where training has diverged; empty where it has not."""
    wrong = [one for one in history if one.verdict]
    if not wrong:
        return ""
    one = wrong[0]
    where = "the head alone" if one.stage in (START, HEAD_STAGE) else "backbone and head"
    rate = settings.base_lr if isinstance(settings.base_lr, float | int) else 0.001
    return (
        f"training of {where} diverged in epoch {one.epoch}: its loss is no number any more. The best weights"
        f" before are kept. Try a lower rate: --base-lr {rate / 10:g}"
    )
