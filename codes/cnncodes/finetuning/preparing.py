"""Everything before the first epoch: the parts of the graph, their features, the head, and the trainer."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.memory import parse_bytes
from cnncodes.finetuning.blocks import block_depths, choose_weights, list_blocks
from cnncodes.finetuning.checkpoints import Checkpoint
from cnncodes.finetuning.classical import ClassicalHead
from cnncodes.finetuning.examples import Labelled, check_classes, check_some
from cnncodes.finetuning.features import FeatureStore, ViewSet
from cnncodes.finetuning.history import Judge
from cnncodes.finetuning.loading import check_trainable, import_torch
from cnncodes.finetuning.parts import Parts, split_graph
from cnncodes.finetuning.reading import Graph, read_graph
from cnncodes.finetuning.settings import FIND
from cnncodes.finetuning.stages import Examples
from cnncodes.finetuning.task import Listeners, Task, identify
from cnncodes.finetuning.world import ALONE, World
from cnncodes.heads.estimator import class_weights
from cnncodes.heads.linear import LinearScorer

if TYPE_CHECKING:
    from cnncodes.finetuning.device import Place
    from cnncodes.finetuning.training import Trainer

Array = npt.NDArray[Any]

#: The sets of a feature store; first those rows that every epoch needs.
VALIDATION, TRAIN = 0, 1


@dataclass(frozen=True)
class Prepared:
    """A fine-tuning before its first epoch.

    Attributes
    ----------
    task : Task
    model : bytes
        The network's ONNX file.
    unfrozen : tuple of str
        The blocks that are trained.
    store : FeatureStore
    classes : ndarray, shape (n_classes,)
    train, validation : Examples
        The images that can be read.
    head : LinearScorer
        The head that it starts from.
    judge : Judge
        Of the validation images.
    trainer : Trainer
    """

    task: Task
    model: bytes
    unfrozen: tuple[str, ...]
    store: FeatureStore
    classes: Array
    train: Examples
    validation: Examples
    head: LinearScorer
    judge: Judge
    trainer: Trainer

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

    def refit_head(self, listeners: Listeners) -> LinearScorer:
        """Return the head fitted on all images that were given to train on.

        It is the one that the network starts from where no image of these was held out, or where that head
        was given.
        """
        if not self.task.held_out or self.task.start is not None:
            return self.head
        classical = ClassicalHead(self.task, self.store, self.train, self.validation)
        return classical.refit(self.given, listeners)


def prepare(task: Task, folder: Path, listeners: Listeners, world: World = ALONE) -> Prepared:
    """Make everything ready for the first epoch; the store is the caller's to close.

    Parameters and errors are those of `cnncodes.finetuning.job.tune`.
    """
    import_torch()
    from cnncodes.finetuning.device import choose_device

    where = choose_device(task.settings, task.n_jobs, world)
    checkpoint = Checkpoint(folder / "checkpoint.safetensors", identify(task))
    if world.is_first:
        checkpoint.read()  # that of another task is refused before anything beside it is replaced
    with contextlib.ExitStack() as undo:
        with world.first_goes_first():
            chosen = _choose(task, listeners)
            store = _open_store(task, chosen.parts, folder)
            undo.callback(store.close)
            if world.is_first:
                _fill(store, task, listeners)
            else:
                store.join()
            classes, train, validation = _make_examples(task, store)
        classical = ClassicalHead(task, store, train, validation)
        head = world.share(lambda: classical.find(classes, folder, listeners))
        judge = classical.make_judge(head)
        trainer = _make_trainer(
            task, store, chosen, (train, validation), head, judge, checkpoint, where, listeners, world
        )
        undo.pop_all()
    return Prepared(
        task, chosen.model, chosen.unfrozen, store, classes, train, validation, head, judge, trainer
    )


@dataclass(frozen=True)
class _Chosen:
    """What of a graph is trained."""

    model: bytes
    graph: Graph
    weights: tuple[str, ...]
    unfrozen: tuple[str, ...]
    parts: Parts


def _choose(task: Task, listeners: Listeners) -> _Chosen:
    """Return what is trained, or raise where that cannot be."""
    check_classes(task.train, task.validation, "validation")
    task.settings.choose_batch_size(len(task.train.y))
    model = check_trainable(task.embedder.backbone)
    graph = read_graph(model)
    weights = choose_weights(graph, str(task.settings.unfreeze))
    unfrozen = tuple(block.name for block in list_blocks(graph) if set(block.weights) & set(weights))
    listeners.note(_describe_parts(graph, weights, unfrozen))
    frame = task.embedder.backbone.frame
    return _Chosen(model, graph, weights, unfrozen, split_graph(model, weights, frame.height, frame.width))


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


def _make_examples(task: Task, store: FeatureStore) -> tuple[Array, Examples, Examples]:
    """Return the classes, and which images can be read, with their classes' numbers."""
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


def _make_trainer(
    task: Task,
    store: FeatureStore,
    chosen: _Chosen,
    examples: tuple[Examples, Examples],
    head: LinearScorer,
    judge: Judge,
    checkpoint: Checkpoint,
    where: Place,
    listeners: Listeners,
    world: World,
) -> Trainer:
    from cnncodes.finetuning.graph_module import GraphModule
    from cnncodes.finetuning.network import LinearModule, TunedNetwork
    from cnncodes.finetuning.stepping import Stepper
    from cnncodes.finetuning.training import Trainer

    settings, (train, validation) = task.settings, examples
    network = TunedNetwork(GraphModule(chosen.parts.upper), LinearModule(head), chosen.weights)
    network = network.to(where.device, memory_format=where.memory_format)
    totals = np.bincount(train.y, minlength=len(head.classes))
    weights = class_weights(task.weighting, head.classes, totals)
    size = settings.choose_batch_size(len(train.images))
    trainer = Trainer(
        Stepper(network, settings, size, weights, where.device, where.autocast, world),
        store,
        train,
        validation,
        settings,
        judge=judge,
        depths=block_depths(chosen.graph),
        checkpoint=checkpoint,
        on_epoch=listeners.epoch,
        on_note=listeners.note,
        world=world,
    )
    if settings.base_lr == FIND:
        from cnncodes.finetuning.rates import find_rate

        listeners.note("trying learning rates, with backbone and head as they are at the start")
        rate = find_rate(trainer)
        listeners.note(f"the learning rate that was found: {rate:.1e}")
        trainer.settings = dataclasses.replace(settings, base_lr=rate)
    return trainer
